"""Posting rows of money: vouchers, refunds, budget changes and monthly balances, over sets.

A row that is there already is left alone; a changed one is taken back (next revision, same date, negated amount) and
posted again; a vanished one is listed for a person. A balance row is cumulative: the difference is posted.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from budgets.enums import PaymentBasis, SourceKind, VanishedState
from budgets.models import Source
from budgets.services import staging
from budgets.services.results import Counts, Problem, RowsRefused


class EntryRow(NamedTuple):
    """One line of money in yuan. `kind` is an `EntryKind`; the sign follows the kind (a negative payment is a refund).

    `source_key` is unique within the source and the fiscal year: 凭证号+明细号 or the like. For a balance row it names
    the line, `amount` is the year's payments up to `date`. `unit` and `project_name` are only compared.
    `place` is the caller's row number, given back in problems.
    """

    source_key: str
    project_code: str
    kind: str
    amount: Decimal
    date: date
    allocation: str = ""
    vintage: int | None = None
    fund_source: str = ""
    fund_level: str = ""
    function_code: str = ""
    economic_code: str = ""
    summary: str = ""
    project_name: str = ""
    unit: str = ""
    place: int | None = None


_COLUMNS = (
    ("source_key", "text"),
    ("project_code", "text"),
    ("kind", "text"),
    ("amount", "numeric(18,2)"),
    ("date", "date"),
    ("allocation", "text"),
    ("vintage", "smallint"),
    ("fund_source", "text"),
    ("fund_level", "text"),
    ("function_code", "text"),
    ("economic_code", "text"),
    ("summary", "text"),
    ("project_name", "text"),
    ("unit", "text"),
    ("place", "bigint"),
)
_BASIS = {
    SourceKind.VOUCHERS: PaymentBasis.VOUCHERS,
    SourceKind.REFUNDS: PaymentBasis.VOUCHERS,
    SourceKind.BALANCE: PaymentBasis.BALANCE,
}
_TABLES = ("incoming_entries", "resolved_entries")


def post_entries(
    *,
    rows: Iterable[EntryRow],
    source: Source,
    fiscal_year: int,
    as_of: date | None = None,
    by: Any,
    hold_unknown: bool = False,
    complete: bool = True,
    files: Sequence[Any] = (),
) -> Counts:
    """Post `rows` of one source and fiscal year. All rows or none; `RowsRefused` carries every problem.

    `as_of` (default: the latest date in the rows) is the 截至日. `complete` says that the rows are all there is up to
    it: what is missing is listed as `VanishedEntry`. Rows of unknown projects are refused, or held (待认领) with
    `hold_unknown`. Rows of the same source and year again change nothing.
    """
    with transaction.atomic():
        staging.lock_imports()
        counts = Counts(rows=staging.stage("incoming_entries", _COLUMNS, rows))
        cumulative = source.kind == SourceKind.BALANCE
        staging.execute(_SIGN)
        found = _row_problems(fiscal_year) + _basis_problems(source, fiscal_year)
        scope = {"source": source.pk, "year": fiscal_year}
        staging.drop("resolved_entries")
        staging.execute(_RESOLVE_BALANCE if cumulative else _RESOLVE, scope)
        if not hold_unknown:
            found += _unknown_projects(fiscal_year)
        if found:
            raise RowsRefused(found, rows=counts.rows)
        staging.execute("ANALYZE resolved_entries")
        counts.warnings.extend(_differences())
        # Year-to-date files come by the month: one that does not say how far it reaches reaches to the month's end.
        latest = _latest_date() or timezone.localdate()
        scope |= {"reach": as_of or _month_end(latest), "by": by.pk if by is not None else None}
        as_of = as_of or latest
        _count(counts, scope, complete=complete)
        batch = staging.record_batch(
            source=source, fiscal_year=fiscal_year, as_of=as_of, files=files, counts=counts, by=by
        )
        counts.batch = batch
        _write(counts, scope | {"batch": batch.pk}, source=source, fiscal_year=fiscal_year, complete=complete)
        if below := _below_zero():
            raise RowsRefused(below, rows=counts.rows)
        counts.warnings.extend(_above_budget())
        staging.drop(*_TABLES)
    return counts


def _latest_date() -> date | None:
    ((latest,),) = staging.fetch("SELECT MAX(date) FROM incoming_entries")
    found: date | None = latest
    return found


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _count(counts: Counts, scope: dict[str, Any], *, complete: bool) -> None:
    (told,) = staging.fetch(_COUNT)
    counts.held, counts.created, counts.updated, counts.unchanged, counts.reversed = told
    if complete:
        ((counts.vanished,),) = staging.fetch(f"SELECT COUNT(*) FROM ({_VANISHED}) AS gone", scope)  # noqa: S608


def _write(counts: Counts, scope: dict[str, Any], *, source: Source, fiscal_year: int, complete: bool) -> None:
    """The writes proper, in an order that locks lines of `YearTotals` by key (the ledger's trigger sorts)."""
    staging.execute(_POST, scope)
    staging.execute(_HOLD_CHANGED, scope)
    staging.execute(_HOLD, scope)
    staging.execute(_DROP_HELD, scope)
    staging.execute(_REAPPEARED, scope)
    if complete and counts.vanished:
        staging.execute(
            f"INSERT INTO budgets_vanishedentry (entry_id, batch_id, state, reason) "  # noqa: S608
            f"SELECT id, %(batch)s, '{VanishedState.OPEN}', '' FROM ({_VANISHED}) AS gone ORDER BY id",
            scope,
        )
    if basis := _BASIS.get(SourceKind(source.kind)):
        staging.execute(_RECORD_BASIS, scope | {"basis": basis.value})


# --- checks -----------------------------------------------------------------------------------------------------------


def _row_problems(fiscal_year: int) -> list[Problem]:
    twice = staging.fetch(
        "SELECT place, source_key FROM (SELECT place, source_key, row_number() OVER "
        "(PARTITION BY source_key ORDER BY place) AS nth FROM incoming_entries) AS numbered "
        "WHERE nth > 1 ORDER BY place"
    )
    found = staging.problems("DUPLICATE_KEY", "source_key", "“{}”在本次导入中出现多次，请删除或改正其中一行", twice)
    outside = staging.fetch(
        "SELECT place, date FROM incoming_entries WHERE date < make_date(%(y)s, 1, 1) OR date > make_date(%(y)s, 12, 31) "
        "ORDER BY place",
        {"y": fiscal_year},
    )
    found += staging.problems(
        "DATE_OUTSIDE_YEAR", "date", f"业务日期 {{}} 不在 {fiscal_year} 年度内，请核对日期或预算年度", outside
    )
    negative = staging.fetch(
        "SELECT place, amount FROM incoming_entries WHERE kind IN ('initial', 'carried_over') AND amount < 0 "
        "ORDER BY place"
    )
    return found + staging.problems(
        "AMOUNT_NEGATIVE", "amount", "年初预算和上年结转不能为负数（{} 元），请改用调减", negative
    )


def _basis_problems(source: Source, fiscal_year: int) -> list[Problem]:
    """One kind of payment data per fiscal year and fund; a fund left blank may be any fund."""
    basis = _BASIS.get(SourceKind(source.kind))
    if basis is None:
        return []
    mixed = staging.fetch(
        "SELECT DISTINCT b.fund_source, b.basis FROM budgets_yearbasis b JOIN (SELECT DISTINCT fund_source FROM "
        "incoming_entries WHERE kind IN ('payment', 'refund', 'correction')) i "
        "ON i.fund_source = b.fund_source OR i.fund_source = '' OR b.fund_source = '' "
        "WHERE b.fiscal_year = %s AND b.basis <> %s ORDER BY b.fund_source",
        [fiscal_year, basis.value],
    )
    return [
        Problem(
            None,
            None,
            "BASIS_MIXED",
            f"{fiscal_year} 年度{fund or '（未注明资金性质）'}的支付已按“{PaymentBasis(other).label}”导入，"
            f"不能再按“{basis.label}”导入，否则重复计算。请改用原来的数据来源",
        )
        for fund, other in mixed
    ]


def _unknown_projects(fiscal_year: int) -> list[Problem]:
    unknown = staging.fetch(
        "SELECT place, project_code FROM resolved_entries WHERE project_year_id IS NULL ORDER BY place"
    )
    return staging.problems(
        "UNKNOWN_PROJECT",
        "project_code",
        f"{fiscal_year} 年度没有项目代码“{{}}”，请核对代码，或先导入项目，或勾选“未知项目转入待认领”",
        unknown,
    )


def _differences() -> list[Problem]:
    """Names that disagree with the code. The row is taken by its code."""
    names = staging.fetch(
        "SELECT r.place, r.project_code, r.project_name, y.name FROM resolved_entries r "
        "JOIN budgets_projectyear y ON y.id = r.project_year_id "
        "WHERE r.project_name <> '' AND r.project_name <> y.name ORDER BY r.place"
    )
    found = staging.problems(
        "NAME_DIFFERS", "project_name", "项目代码 {} 与名称“{}”不一致，系统中为“{}”，已按代码导入", names
    )
    units = staging.fetch(
        "SELECT r.place, r.unit, o.code, o.name FROM resolved_entries r "
        "JOIN budgets_projectyear y ON y.id = r.project_year_id JOIN organisations_organisation o ON o.id = y.unit_id "
        "WHERE r.unit <> '' AND r.unit NOT IN (o.code, o.name, o.short_name) AND NOT EXISTS ("
        "SELECT 1 FROM budgets_project_units l JOIN organisations_organisation u ON u.id = l.organisation_id "
        "WHERE l.project_id = y.project_id AND r.unit IN (u.code, u.name, u.short_name)) ORDER BY r.place"
    )
    return found + staging.problems("UNIT_DIFFERS", "unit", "单位“{}”不是该项目的单位（{} {}），已按项目导入", units)


def _below_zero() -> list[Problem]:
    """Refunds that take a project's cumulative payment, by date and after this import, below zero."""
    found = staging.fetch(_BELOW_ZERO)
    return staging.problems(
        "BELOW_ZERO", "amount", "该笔之后项目 {} 截至 {} 的累计支付为 {} 元，小于零，请核对退回或更正金额", found
    )


def _above_budget() -> list[Problem]:
    """Told at the last payment row of each project that this import touched."""
    found = staging.fetch(_ABOVE_BUDGET)
    return staging.problems(
        "ABOVE_BUDGET", "amount", "项目 {} 累计支付 {} 元，超过全年预算 {} 元，已导入，请核对", found
    )


# --- SQL --------------------------------------------------------------------------------------------------------------

# The sign follows the kind; a negative payment is a refund, a negative supplement a reduction.
_SIGN = """
UPDATE incoming_entries SET
    kind = CASE WHEN kind = 'payment' AND amount < 0 THEN 'refund' WHEN kind = 'supplement' AND amount < 0 THEN 'reduction'
        WHEN kind = 'transfer_in' AND amount < 0 THEN 'transfer_out' ELSE kind END,
    amount = CASE WHEN kind IN ('reduction', 'transfer_out', 'recovery', 'refund') THEN -abs(amount) ELSE amount END
WHERE amount < 0 OR kind IN ('reduction', 'transfer_out', 'recovery', 'refund')
"""

# A row once claimed by a person stays with the project it was given to.
_PROJECT_OF_ROW = """
    LEFT JOIN budgets_project p ON p.code = i.project_code
    LEFT JOIN budgets_projectyear y ON y.project_id = p.id AND y.fiscal_year = %(year)s
    LEFT JOIN (
        SELECT h.source_key, h.project_code, c.project_year_id FROM budgets_heldentry h
        JOIN budgets_ledgerentry c ON c.id = h.claimed_entry_id
        WHERE h.source_id = %(source)s AND h.fiscal_year = %(year)s
    ) claimed ON claimed.source_key = i.full_key AND claimed.project_code = i.project_code
"""

_RESOLVE = (
    """
CREATE TEMPORARY TABLE resolved_entries ON COMMIT DROP AS
WITH latest AS (
    SELECT DISTINCT ON (e.source_key) e.*
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s
    ORDER BY e.source_key, e.revision DESC
), placed AS (
    SELECT i.*, COALESCE(y.id, claimed.project_year_id) AS project_year_id
    FROM (SELECT *, %(year)s || ':' || source_key AS full_key FROM incoming_entries) i"""
    + _PROJECT_OF_ROW
    + """)
SELECT w.place, w.full_key AS source_key, w.project_code, w.project_name, w.unit, w.kind, w.amount, w.date,
    w.allocation, w.vintage, w.fund_source, w.fund_level, w.function_code, w.economic_code, w.summary,
    w.project_year_id, FALSE AS is_reversal, COALESCE(l.revision, 0) AS last_revision,
    CASE WHEN NOT l.is_reversal THEN l.id END AS live_id,
    CASE
        WHEN w.project_year_id IS NULL THEN 'hold'
        WHEN l.id IS NULL THEN 'create'
        WHEN l.is_reversal THEN 'repost'
        WHEN (l.project_year_id, l.kind, l.amount, l.date, l.allocation, l.vintage, l.fund_source, l.fund_level,
              l.function_code, l.economic_code, l.summary)
            IS DISTINCT FROM (w.project_year_id, w.kind::varchar, w.amount, w.date, w.allocation::varchar, w.vintage,
              w.fund_source::varchar, w.fund_level::varchar, w.function_code::varchar, w.economic_code::varchar,
              w.summary::varchar)
            THEN 'change'
        ELSE 'keep'
    END AS action
FROM placed w LEFT JOIN latest l ON l.source_key = w.full_key
"""
)

# A balance says what was paid up to its date: compared with what this source has posted up to that date.
_RESOLVE_BALANCE = (
    """
CREATE TEMPORARY TABLE resolved_entries ON COMMIT DROP AS
WITH placed AS (
    SELECT i.*, COALESCE(y.id, claimed.project_year_id) AS project_year_id
    FROM (SELECT *, %(year)s || ':' || source_key AS full_key FROM incoming_entries) i"""
    + _PROJECT_OF_ROW
    + """), posted AS (
    SELECT e.source_key, SUM(e.amount) FILTER (WHERE e.date <= i.date) AS amount, MAX(e.revision) AS revision
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    JOIN placed i ON i.full_key = e.source_key
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s GROUP BY e.source_key
)
SELECT w.place, w.full_key AS source_key, w.project_code, w.project_name, w.unit,
    CASE WHEN w.amount >= COALESCE(l.amount, 0) THEN 'payment' ELSE 'correction' END AS kind,
    CASE WHEN w.project_year_id IS NULL THEN w.amount ELSE w.amount - COALESCE(l.amount, 0) END AS amount, w.date,
    w.allocation, w.vintage, w.fund_source, w.fund_level, w.function_code, w.economic_code, w.summary,
    w.project_year_id, FALSE AS is_reversal, COALESCE(l.revision, 0) AS last_revision, NULL::bigint AS live_id,
    CASE
        WHEN w.project_year_id IS NULL THEN 'hold'
        WHEN w.amount = COALESCE(l.amount, 0) AND (l.revision IS NOT NULL OR w.amount = 0) THEN 'keep'
        WHEN l.revision IS NULL THEN 'create'
        ELSE 'add'
    END AS action
FROM placed w LEFT JOIN posted l ON l.source_key = w.full_key
"""
)

_COUNT = """
SELECT COUNT(*) FILTER (WHERE action = 'hold'), COUNT(*) FILTER (WHERE action = 'create'),
    COUNT(*) FILTER (WHERE action IN ('change', 'repost', 'add')), COUNT(*) FILTER (WHERE action = 'keep'),
    COUNT(*) FILTER (WHERE action = 'change')
FROM resolved_entries
"""

_POST = """
INSERT INTO budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, batch_id, recorded_at)
SELECT e.project_year_id, e.source_id, e.source_key, e.revision + 1, TRUE, e.kind, -e.amount, e.date,
    e.allocation, e.vintage, e.fund_source, e.fund_level, e.function_code, e.economic_code, e.summary, %(batch)s, now()
FROM resolved_entries r JOIN budgets_ledgerentry e ON e.id = r.live_id WHERE r.action = 'change'
UNION ALL
SELECT project_year_id, %(source)s, source_key, last_revision + CASE WHEN action = 'change' THEN 2 ELSE 1 END, FALSE,
    kind, amount, date, allocation, vintage, fund_source, fund_level, function_code, economic_code, summary,
    %(batch)s, now()
FROM resolved_entries WHERE action IN ('create', 'change', 'repost', 'add')
ORDER BY 1, 8, 3, 4
"""

_HOLD_CHANGED = """
UPDATE budgets_heldentry h SET kind = r.kind, amount = r.amount, date = r.date, allocation = r.allocation,
    vintage = r.vintage, fund_source = r.fund_source, fund_level = r.fund_level, function_code = r.function_code,
    economic_code = r.economic_code, summary = r.summary, project_code = r.project_code, project_name = r.project_name,
    batch_id = %(batch)s
FROM resolved_entries r
WHERE r.action = 'hold' AND h.source_id = %(source)s AND h.source_key = r.source_key AND h.claimed_entry_id IS NULL
    AND (h.kind, h.amount, h.date, h.allocation, h.vintage, h.fund_source, h.fund_level, h.function_code,
         h.economic_code, h.summary, h.project_code, h.project_name)
    IS DISTINCT FROM (r.kind::varchar, r.amount, r.date, r.allocation::varchar, r.vintage, r.fund_source::varchar,
         r.fund_level::varchar, r.function_code::varchar, r.economic_code::varchar, r.summary::varchar,
         r.project_code::varchar, r.project_name::varchar)
"""

_HOLD = """
INSERT INTO budgets_heldentry (source_id, batch_id, fiscal_year, project_code, project_name, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, source_key)
SELECT %(source)s, %(batch)s, %(year)s, r.project_code, r.project_name, r.kind, r.amount, r.date,
    r.allocation, r.vintage, r.fund_source, r.fund_level, r.function_code, r.economic_code, r.summary, r.source_key
FROM resolved_entries r
WHERE r.action = 'hold' AND NOT EXISTS (
    SELECT 1 FROM budgets_heldentry h WHERE h.source_id = %(source)s AND h.source_key = r.source_key
        AND h.claimed_entry_id IS NULL)
ORDER BY r.place, r.source_key
"""

# The file now names a known project for a row that was held: the row is posted, nothing is left to claim.
_DROP_HELD = """
DELETE FROM budgets_heldentry h USING resolved_entries r
WHERE r.action IN ('create', 'repost', 'add') AND h.source_id = %(source)s AND h.source_key = r.source_key
    AND h.claimed_entry_id IS NULL
"""

# A row that was missing and has come back needs no decision any more.
_REAPPEARED = """
UPDATE budgets_vanishedentry v SET state = 'kept', decided_by_id = %(by)s, decided_at = now(),
    reason = '该行在后来的文件中重新出现'
FROM budgets_ledgerentry e, resolved_entries r
WHERE v.state = 'open' AND e.id = v.entry_id AND e.source_id = %(source)s AND r.source_key = e.source_key
"""

# Still posted, dated no later than the file reaches, not in the file, and not already before a person.
_VANISHED = """
SELECT e.id FROM (
    SELECT DISTINCT ON (e.source_key) e.id, e.source_key, SUM(e.amount) OVER (PARTITION BY e.source_key) AS posted
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s AND e.date <= %(reach)s
    ORDER BY e.source_key, e.revision DESC
) e
WHERE e.posted <> 0
    AND NOT EXISTS (SELECT 1 FROM resolved_entries r WHERE r.source_key = e.source_key)
    AND NOT EXISTS (SELECT 1 FROM budgets_vanishedentry v WHERE v.entry_id = e.id AND v.state <> 'reversed')
"""

_RECORD_BASIS = """
INSERT INTO budgets_yearbasis (fiscal_year, fund_source, basis)
SELECT DISTINCT %(year)s, fund_source, %(basis)s FROM incoming_entries WHERE kind IN ('payment', 'refund', 'correction')
ON CONFLICT (fiscal_year, fund_source) DO NOTHING
"""

_BELOW_ZERO = """
WITH suspects AS (
    SELECT project_year_id FROM resolved_entries WHERE action IN ('create', 'change', 'repost', 'add') AND
        (amount < 0 OR action = 'change') AND kind IN ('payment', 'refund', 'correction')
    UNION
    SELECT e.project_year_id FROM resolved_entries r JOIN budgets_ledgerentry e ON e.id = r.live_id
    WHERE r.action = 'change'
), days AS (
    SELECT project_year_id, date, SUM(SUM(amount)) OVER (PARTITION BY project_year_id ORDER BY date) AS paid
    FROM budgets_ledgerentry
    WHERE project_year_id IN (SELECT project_year_id FROM suspects) AND kind IN ('payment', 'refund', 'correction')
    GROUP BY project_year_id, date
), first_below AS (
    SELECT DISTINCT ON (project_year_id) project_year_id, date, paid FROM days WHERE paid < 0
    ORDER BY project_year_id, date
)
SELECT at_fault.place, p.code, f.date, f.paid
FROM first_below f JOIN budgets_projectyear y ON y.id = f.project_year_id JOIN budgets_project p ON p.id = y.project_id
CROSS JOIN LATERAL (
    SELECT r.place FROM resolved_entries r
    WHERE (r.project_year_id = f.project_year_id OR r.live_id IN (
            SELECT e.id FROM budgets_ledgerentry e WHERE e.project_year_id = f.project_year_id))
        AND r.action <> 'keep' AND r.kind IN ('payment', 'refund', 'correction')
    ORDER BY r.amount >= 0, r.date > f.date, r.date DESC, r.place DESC LIMIT 1
) at_fault
ORDER BY at_fault.place
"""

_ABOVE_BUDGET = """
SELECT last.place, p.code, t.paid, t.adjusted
FROM (
    SELECT DISTINCT ON (project_year_id) project_year_id, place FROM resolved_entries
    WHERE project_year_id IS NOT NULL AND kind IN ('payment', 'refund', 'correction')
    ORDER BY project_year_id, date DESC, place DESC
) last
JOIN (SELECT project_year_id, SUM(paid) AS paid, SUM(adjusted) AS adjusted FROM budgets_yeartotals GROUP BY 1) t
    ON t.project_year_id = last.project_year_id AND t.paid > t.adjusted
JOIN budgets_projectyear y ON y.id = last.project_year_id JOIN budgets_project p ON p.id = y.project_id
ORDER BY last.place
"""

__all__ = ["EntryRow", "post_entries"]
