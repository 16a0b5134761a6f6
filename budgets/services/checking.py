"""The nightly comparison of 年度合计 with the ledger."""

from __future__ import annotations

from typing import Any

from budgets.services import staging
from budgets.triggers import figures_columns, figures_sql, totals_columns, totals_sql

LISTED = 50
_LINE = ("project_year_id", "allocation")
_TOTALS = [
    name for name in totals_columns() if name not in (*_LINE, "vintage", "fund_source", "fund_level", "function_code")
]
_FIGURES = figures_columns()[1:]


def differing_totals() -> tuple[int, list[dict[str, Any]]]:
    """How many lines of `YearTotals` and rows of `ProjectFigures` differ from the ledger, and the first of them."""
    totals = _differing("budgets_yeartotals", totals_sql("budgets_ledgerentry"), totals_columns(), _TOTALS, _LINE)
    named = figures_sql("budgets_ledgerentry")
    figures = _differing("budgets_projectfigures", named, figures_columns(), _FIGURES, _LINE[:1])
    return totals[0] + figures[0], totals[1] + figures[1]


def _differing(
    table: str, ledger_sql: str, columns: list[str], compared: list[str], keys: tuple[str, ...]
) -> tuple[int, list[dict[str, Any]]]:
    posted = f"ROW({', '.join(f'l.{name}' for name in compared)})"
    kept = f"ROW({', '.join(f't.{name}' for name in compared)})"
    joined = " AND ".join(f"t.{key} = l.{key}" for key in keys)
    shown = ", ".join(f"COALESCE(l.{key}, t.{key})" for key in keys)
    query = (
        f"WITH l ({', '.join(columns)}) AS ({ledger_sql}) "  # noqa: S608 - own names only
        f"SELECT {posted}::text, {kept}::text, COUNT(*) OVER (), {shown} FROM l FULL JOIN {table} t ON {joined} "
        f"WHERE {posted} IS DISTINCT FROM {kept} ORDER BY 4 LIMIT {LISTED}"
    )
    rows = staging.fetch(query)
    listed = [
        {"table": table, "ledger": ledger, "kept": stored, **dict(zip(keys, key, strict=True))}
        for ledger, stored, _, *key in rows
    ]
    return (rows[0][2] if rows else 0), listed
