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
from budgets.services import ledger_sql as sql
from budgets.services import staging
from budgets.services.results import Counts, Problem, RowsRefused


class EntryRow(NamedTuple):
    """One line of money in yuan. `kind` is an `EntryKind`; the sign follows the kind (a negative payment is a refund).

    `source_key` is unique within the source and the fiscal year: 凭证号+明细号 or the like. For a balance row it names
    the line, `amount` is the year's payments up to `date`. `unit` and `project_name` are only compared.
    `place` is the caller's row number, given back in problems. An amount or date of None is for checking only: the
    caller has found it faulty.
    """

    source_key: str
    project_code: str
    kind: str
    amount: Decimal | None
    date: date | None
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
    write: bool = True,
) -> Counts:
    """Post `rows` of one source and fiscal year. All rows or none; `RowsRefused` carries every problem.

    `as_of` (default: the latest date in the rows) is the 截至日. `complete` says that the rows are all there is up to
    it: what is missing is listed as `VanishedEntry`. Rows of unknown projects are refused, or held (待认领) with
    `hold_unknown`. Rows of the same source and year again change nothing. `write=False` checks and counts only.
    An unsaved `source` is created with the first rows.
    """
    with transaction.atomic():
        source = staging.begin(source)
        counts = Counts(rows=staging.stage("incoming_entries", _COLUMNS, rows))
        staging.execute(sql.SIGN)
        scope: dict[str, Any] = {"source": source.pk, "year": fiscal_year}
        staging.drop("resolved_entries", "afterwards")
        staging.execute(sql.RESOLVE_BALANCE if source.kind == SourceKind.BALANCE else sql.RESOLVE, scope)
        staging.execute("ANALYZE resolved_entries")
        staging.execute(sql.AFTERWARDS)
        _refuse_problems(counts, source, fiscal_year, hold_unknown=hold_unknown)
        counts.warnings.extend([*_differences(), *_above_budget(), *_budget_twice(scope)])
        # Year-to-date files come by the month: one that does not say how far it reaches reaches to the month's end.
        latest = _latest_date() or timezone.localdate()
        scope["reach"] = as_of or _month_end(latest)
        _count(counts, scope, complete=complete)
        if write:
            source = staging.saved(source)
            scope |= {"by": by.pk if by is not None else None, "source": source.pk}
            counts.batch = staging.record_batch(
                source=source, fiscal_year=fiscal_year, as_of=as_of or latest, files=files, counts=counts, by=by
            )
            _write(counts, scope | {"batch": counts.batch.pk}, source=source)
        staging.drop("incoming_entries", "resolved_entries", "afterwards")
    return counts


def _refuse_problems(counts: Counts, source: Source, fiscal_year: int, *, hold_unknown: bool) -> None:
    found = _row_problems(fiscal_year) + _basis_problems(source, fiscal_year) + _below_zero()
    if not hold_unknown:
        found += _unknown_projects(fiscal_year)
    if found:
        raise RowsRefused(found, rows=counts.rows)


def _latest_date() -> date | None:
    ((latest,),) = staging.fetch("SELECT MAX(date) FROM incoming_entries")
    found: date | None = latest
    return found


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _count(counts: Counts, scope: dict[str, Any], *, complete: bool) -> None:
    (told,) = staging.fetch(sql.COUNT)
    counts.held, counts.created, counts.updated, counts.unchanged, counts.reversed = told
    if complete:
        ((counts.vanished,),) = staging.fetch(f"SELECT COUNT(*) FROM ({sql.VANISHED}) AS gone", scope)  # noqa: S608


def _write(counts: Counts, scope: dict[str, Any], *, source: Source) -> None:
    """The writes proper, in an order that locks lines of `YearTotals` by key (the ledger's trigger sorts)."""
    staging.execute(sql.POST, scope)
    staging.execute(sql.HOLD_CHANGED, scope)
    staging.execute(sql.HOLD, scope)
    staging.execute(sql.DROP_HELD, scope)
    staging.execute(sql.REAPPEARED, scope)
    if counts.vanished:
        staging.execute(
            f"INSERT INTO budgets_vanishedentry (entry_id, batch_id, state, reason) "  # noqa: S608
            f"SELECT id, %(batch)s, '{VanishedState.OPEN}', '' FROM ({sql.VANISHED}) AS gone ORDER BY id",
            scope,
        )
    if basis := _BASIS.get(SourceKind(source.kind)):
        staging.execute(sql.RECORD_BASIS, scope | {"basis": basis.value})


# --- checks -----------------------------------------------------------------------------------------------------------


def _row_problems(fiscal_year: int) -> list[Problem]:
    twice = staging.fetch(
        "SELECT place, source_key FROM (SELECT place, source_key, row_number() OVER "
        "(PARTITION BY source_key ORDER BY place) AS nth FROM incoming_entries) AS numbered "
        "WHERE nth > 1 ORDER BY place"
    )
    found = staging.problems("DUPLICATE_KEY", "source_key", "“{}”在本次导入中出现多次，请删除或改正其中一行", twice)
    outside = staging.fetch(
        "SELECT place, date FROM incoming_entries WHERE EXTRACT(YEAR FROM date) <> %s ORDER BY place", [fiscal_year]
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
    found = staging.fetch(sql.BELOW_ZERO)
    return staging.problems(
        "BELOW_ZERO", "amount", "该笔之后项目 {} 截至 {} 的累计支付为 {} 元，小于零，请核对退回或更正金额", found
    )


def _above_budget() -> list[Problem]:
    """Told at the last payment row of each project that this import touched."""
    found = staging.fetch(sql.ABOVE_BUDGET)
    return staging.problems(
        "ABOVE_BUDGET", "amount", "项目 {} 累计支付 {} 元，超过全年预算 {} 元，已导入，请核对", found
    )


def _budget_twice(scope: dict[str, Any]) -> list[Problem]:
    """年初预算 or 上年结转 that another source has posted for the same project already: perhaps counted twice."""
    found = staging.fetch(sql.BUDGET_TWICE, scope)
    return staging.problems(
        "BUDGET_TWICE", "amount", "项目 {} 的年初预算或上年结转已由“{}”导入，两处相加，请核对是否重复", found
    )
