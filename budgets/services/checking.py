"""The nightly comparison of 年度合计 with the ledger."""

from __future__ import annotations

from typing import Any

from budgets.services import staging
from budgets.triggers import totals_columns, totals_sql

LISTED = 50
_KEYS = ("project_year_id", "allocation")
_FIGURES = [
    name for name in totals_columns() if name not in (*_KEYS, "vintage", "fund_source", "fund_level", "function_code")
]


def differing_totals() -> tuple[int, list[dict[str, Any]]]:
    """How many lines of `YearTotals` differ from the ledger, and the first of them with both sides."""
    figures = ", ".join(_FIGURES)
    ledger = f"ROW({', '.join(f'l.{name}' for name in _FIGURES)})"
    totals = f"ROW({', '.join(f't.{name}' for name in _FIGURES)})"
    query = (
        "SELECT COALESCE(l.project_year_id, t.project_year_id), COALESCE(l.allocation, t.allocation), "  # noqa: S608
        f"{ledger}::text, {totals}::text, COUNT(*) OVER () FROM ({totals_sql('budgets_ledgerentry')}) l "
        f"FULL JOIN (SELECT project_year_id, allocation, {figures} FROM budgets_yeartotals) t "
        "ON t.project_year_id = l.project_year_id AND t.allocation = l.allocation "
        f"WHERE {ledger} IS DISTINCT FROM {totals} ORDER BY 1, 2 LIMIT {LISTED}"
    )
    rows = staging.fetch(query)
    listed = [
        {"project_year": year, "allocation": allocation, "ledger": posted, "totals": kept}
        for year, allocation, posted, kept, _ in rows
    ]
    return (rows[0][4] if rows else 0), listed
