"""The one writer of `YearTotals` and `ProjectFigures`: a statement trigger adds what an INSERT into the ledger brought.

Rows are added up per line first and upserted in key order, so that two imports lock lines in the same order; the
project-years' own figures follow in their key order.
"""

import pgtrigger

from budgets.enums import PAYMENT_KINDS, EntryKind

_BUDGET_COLUMNS = {
    "initial": EntryKind.INITIAL,
    "carried_over": EntryKind.CARRIED_OVER,
    "supplements": EntryKind.SUPPLEMENT,
    "reductions": EntryKind.REDUCTION,
    "transfers_in": EntryKind.TRANSFER_IN,
    "transfers_out": EntryKind.TRANSFER_OUT,
    "recovered": EntryKind.RECOVERY,
}
_PAYMENTS = ", ".join(f"'{kind.value}'" for kind in PAYMENT_KINDS)
_FIGURES = {
    "initial": f"kind = '{EntryKind.INITIAL.value}'",
    "carried_over": f"kind = '{EntryKind.CARRIED_OVER.value}'",
    "recovered": f"kind = '{EntryKind.RECOVERY.value}'",
    "adjusted": f"kind NOT IN ({_PAYMENTS})",
    "paid": f"kind IN ({_PAYMENTS})",
}
# Line field: (SQL for "not known", SQL for "the entries disagree").
_LINE_FIELDS = {
    "vintage": ("NULL", "0"),
    "fund_source": ("''", "'*'"),
    "fund_level": ("''", "'*'"),
    "function_code": ("''", "'*'"),
}


def _sums() -> dict[str, str]:
    sums = {c: f"COALESCE(SUM(amount) FILTER (WHERE kind = '{k.value}'), 0)" for c, k in _BUDGET_COLUMNS.items()}
    for month in range(1, 13):
        condition = f"kind IN ({_PAYMENTS}) AND EXTRACT(MONTH FROM date) = {month}"
        sums[f"paid_{month:02d}"] = f"COALESCE(SUM(amount) FILTER (WHERE {condition}), 0)"
    return sums


def totals_sql(entries: str) -> str:
    """SELECT of one row per line out of `entries` (a table or transition table of ledger entries).

    The nightly check runs the same SELECT over the whole ledger and compares the sums.
    """
    agreeing = [_agreed(name) for name in _LINE_FIELDS]
    return (
        "SELECT project_year_id, allocation, "  # noqa: S608 - built from this module's own names
        + ", ".join([*agreeing, *_sums().values()])
        + f" FROM {entries} GROUP BY project_year_id, allocation"
    )


def _agreed(name: str) -> str:
    """What all entries of a line say, silence apart; the "disagree" mark where two of them differ."""
    blank, mixed = _LINE_FIELDS[name]
    known = name if blank == "NULL" else f"NULLIF({name}, '')"
    return (
        f"CASE WHEN MIN({known}) IS NULL THEN {blank} WHEN MIN({known}) = MAX({known}) THEN MIN({known}) "
        f"ELSE {mixed} END"
    )


def totals_columns() -> list[str]:
    """The columns of `totals_sql`, in its order."""
    return ["project_year_id", "allocation", *_LINE_FIELDS, *_sums()]


def _upsert() -> str:
    columns = totals_columns()
    merged = [
        f"{name} = CASE WHEN EXCLUDED.{name} IS NOT DISTINCT FROM {blank} THEN t.{name} "
        f"WHEN t.{name} IS NOT DISTINCT FROM {blank} THEN EXCLUDED.{name} "
        f"WHEN t.{name} = EXCLUDED.{name} THEN t.{name} ELSE {mixed} END"
        for name, (blank, mixed) in _LINE_FIELDS.items()
    ]
    added = [f"{name} = t.{name} + EXCLUDED.{name}" for name in _sums()]
    lines = (
        f"INSERT INTO budgets_yeartotals AS t ({', '.join(columns)}) "
        f"{totals_sql('fresh')} ORDER BY project_year_id, allocation "
        f"ON CONFLICT (project_year_id, allocation) DO UPDATE SET {', '.join([*merged, *added])};"
    )
    restated = f"IF EXISTS (SELECT 1 FROM fresh WHERE is_reversal) THEN {_restate_lines()}; END IF;"  # noqa: S608
    return f"{lines} {_upsert_figures()} {restated} RETURN NULL;"


def _restate_lines() -> str:
    """A line with a reversal: what its standing entries say of fund and year, without those that were taken back.

    A source key starts afresh where its revisions add up to zero.
    """
    named = ", ".join(f"{_agreed(name)} AS {name}" for name in _LINE_FIELDS)
    return (
        f"UPDATE budgets_yeartotals t SET {', '.join(f'{name} = s.{name}' for name in _LINE_FIELDS)} "  # noqa: S608
        f"FROM (SELECT project_year_id, allocation, {named} FROM budgets_ledgerentry e "
        "WHERE (project_year_id, allocation) IN (SELECT project_year_id, allocation FROM fresh WHERE is_reversal) "
        "AND NOT is_reversal AND NOT EXISTS (SELECT 1 FROM ("
        "SELECT r.revision, SUM(r.amount) OVER (ORDER BY r.revision) AS running FROM budgets_ledgerentry r "
        "WHERE r.source_id = e.source_id AND r.source_key = e.source_key) z "
        "WHERE z.running = 0 AND z.revision > e.revision) GROUP BY project_year_id, allocation) s "
        "WHERE t.project_year_id = s.project_year_id AND t.allocation = s.allocation"
    )


def figures_sql(entries: str) -> str:
    """SELECT of one row per project-year out of `entries`: what lists show, filter and sort by."""
    sums = ", ".join(f"COALESCE(SUM(amount) FILTER (WHERE {condition}), 0)" for condition in _FIGURES.values())
    return f"SELECT project_year_id, {sums} FROM {entries} GROUP BY project_year_id"  # noqa: S608 - own names only


def figures_columns() -> list[str]:
    """The columns of `figures_sql`, in its order."""
    return ["project_year_id", *_FIGURES]


def _upsert_figures() -> str:
    added = ", ".join(f"{name} = t.{name} + EXCLUDED.{name}" for name in _FIGURES)
    return (
        f"INSERT INTO budgets_projectfigures AS t ({', '.join(figures_columns())}) "
        f"{figures_sql('fresh')} ORDER BY project_year_id "
        f"ON CONFLICT (project_year_id) DO UPDATE SET {added};"
    )


def keep_year_totals() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="keep_year_totals",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="fresh"),
        func=_upsert(),
    )
