"""Brings the invented projects and ledgers in, file by file, through the same services as the import pages.

2023 comes three times, each time longer: as the books stood when the recovery was worked out, a month later with the
recovery in them, and at the end of the year. One voucher of the first file is missing from the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection

from budgets.enums import EntryKind, FundLevel, ProjectKind, SourceKind
from budgets.models import ImportBatch, Source
from budgets.services import Counts, EntryRow, ProjectRow, post_entries, upsert_projects
from organisations.models import User
from qingtian_perf.demo import clock
from qingtian_perf.demo.ledger import Entry, Line, budget_entries, budget_lines, curve, vouchers
from qingtian_perf.demo.projects import Project, invent_projects
from qingtian_perf.demo.slow import Slow, plan_late, plan_slow

CUT_OFF = date(2023, 9, 30)
OCTOBER_END = date(2023, 10, 31)
YEAR_END = date(2023, 12, 31)
# Rows of 收回 as the treasury's file shows them; asked for only where the file is not in yet.
Recovered = Callable[[], Iterable[EntryRow]]

LIBRARY = ("演示·项目库", SourceKind.PROJECTS)
BUDGETS = ("演示·预算指标", SourceKind.PROJECTS)
PAYMENTS = ("演示·国库支付凭证", SourceKind.VOUCHERS)
REFUNDS = ("演示·支付退回表", SourceKind.REFUNDS)

# Vouchers whose project nobody has registered: 待认领 (number, day, yuan, what for).
_UNKNOWN = (
    ("1", date(2023, 6, 19), "86400.00", "乡镇卫生院周转房修缮"),
    ("2", date(2023, 8, 28), "152000.00", "山塘应急抢险"),
    ("3", date(2023, 9, 14), "39800.50", "档案整理服务"),
    ("4", date(2023, 11, 23), "47250.00", "公共自行车维护"),
)


@dataclass(frozen=True)
class Books:
    """Everything invented, worked out once."""

    projects: list[Project]
    slow: dict[str, Slow]
    late: set[str]

    def of_year(self, year: int) -> list[Project]:
        return [project for project in self.projects if year in project.amounts]

    def slow_in(self, project: Project, year: int) -> Slow | None:
        return self.slow.get(project.code) if year == 2023 else None


@cache
def books() -> Books:
    """The invented county. Deterministic, so a load that was killed goes on with the same rows."""
    projects = invent_projects()
    slow = plan_slow(projects)
    return Books(projects, slow, plan_late(projects, slow))


def clerk() -> User:
    """Who imports: the performance section."""
    return User.objects.get(username="jixiao")


def import_2022() -> int:
    """The projects and the closed ledger of fiscal 2022, as imported in January 2023."""
    return _import_year(2022, date(2022, 12, 31), date(2023, 1, 9))


def import_to_cut_off() -> int:
    """The projects of fiscal 2023 and the ledger up to the day of the recovery."""
    return _import_year(2023, CUT_OFF, date(2023, 10, 8))


def import_to_october(recovered: Recovered) -> int:
    """The same files again, a month longer, with the reductions that the budget division has carried out."""
    return _import_year(2023, OCTOBER_END, date(2023, 11, 3), recovered)


def import_to_year_end(recovered: Recovered) -> int:
    """The same files once more, for the whole year."""
    return _import_year(2023, YEAR_END, date(2024, 1, 8), recovered)


def _import_year(year: int, as_of: date, done_on: date, recovered: Recovered = list) -> int:
    with clock.on(done_on):
        return (
            _once(LIBRARY, year, as_of, lambda source, by: _post_projects(source, year, as_of, by))
            + _once(
                BUDGETS, year, as_of, lambda s, by: _post(s, year, as_of, by, _budget_rows(year, list(recovered())))
            )
            + _once(PAYMENTS, year, as_of, lambda s, by: _post(s, year, as_of, by, _voucher_rows(year, as_of)))
            + _once(REFUNDS, year, as_of, lambda s, by: _post(s, year, as_of, by, _refund_rows(year)))
        )


def _once(named: tuple[str, str], year: int, as_of: date, do: Callable[[Source, Any], Counts]) -> int:
    """Import one file unless its batch is there; each import is one transaction. Returns the rows created."""
    name, kind = named
    if ImportBatch.objects.filter(source__name=name, fiscal_year=year, as_of=as_of).exists():
        return 0
    source, _ = Source.objects.get_or_create(name=name, defaults={"kind": kind})
    created = do(source, clerk()).created
    # Years of rows within seconds: the server's own statistics come too late for the next file's comparison.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE budgets_project, budgets_projectyear, budgets_ledgerentry, budgets_yeartotals")
    return created


def _post_projects(source: Source, year: int, as_of: date, by: User) -> Counts:
    return upsert_projects(rows=_project_rows(year), source=source, fiscal_year=year, as_of=as_of, by=by)


def _post(source: Source, year: int, as_of: date, by: User, rows: Iterator[EntryRow]) -> Counts:
    due = (row for row in rows if row.date is not None and row.date <= as_of)
    return post_entries(rows=due, source=source, fiscal_year=year, as_of=as_of, by=by, hold_unknown=True)


def _project_rows(year: int) -> Iterator[ProjectRow]:
    for place, project in enumerate(books().of_year(year), start=1):
        lines = _lines(project, year)
        levels = {line.fund_level for line in lines}
        yield ProjectRow(
            code=project.code,
            name=project.name,
            unit=project.unit,
            department=project.department.code,
            category=project.category,
            kind=ProjectKind.NEW if project.start_year == year else ProjectKind.CONTINUED,
            fund_source=lines[0].fund_source,
            fund_level=levels.pop() if len(levels) == 1 else FundLevel.MIXED,
            start_year=project.start_year,
            term=project.term,
            is_key=year in project.key_years,
            is_sampled=project.sampled and year == 2022,
            marks=project.marks,
            place=place,
        )


def _lines(project: Project, year: int) -> list[Line]:
    return budget_lines(project, year, books().slow_in(project, year))


def _budget_rows(year: int, recovered: Iterable[EntryRow] = ()) -> Iterator[EntryRow]:
    for project in books().of_year(year):
        yield from map(_row, budget_entries(project, _lines(project, year)))
    yield from recovered


def _payments(year: int) -> Iterator[EntryRow]:
    plan = books()
    for project in plan.of_year(year):
        spend = curve(project, year, late=year == 2023 and project.code in plan.late)
        yield from map(_row, vouchers(project, year, _lines(project, year), spend, plan.slow_in(project, year)))


def _voucher_rows(year: int, as_of: date) -> Iterator[EntryRow]:
    yield from (row for row in _payments(year) if row.kind == EntryKind.PAYMENT)
    if year == 2023:
        yield from map(_unknown, _UNKNOWN)
        if as_of == CUT_OFF:
            yield _later_gone()


def _refund_rows(year: int) -> Iterator[EntryRow]:
    return (row for row in _payments(year) if row.kind == EntryKind.REFUND)


def _unknown(row: tuple[str, date, str, str]) -> EntryRow:
    number, day, yuan, what = row
    return EntryRow(
        source_key=f"GK2023W{number:0>8}-1",
        project_code=f"33112123T900001{number:0>6}",
        project_name=what,
        kind=EntryKind.PAYMENT,
        amount=Decimal(yuan),
        date=day,
        fund_source="一般公共预算",
        summary=f"演示数据：支付{what}",
    )


def _later_gone() -> EntryRow:
    """A voucher of the first file that the treasury withdrew before the second: 消失流水, for a person to decide."""
    plan = books()
    project = next(
        p
        for p in plan.of_year(2023)
        if p.code not in plan.slow and not p.marks and p.amounts[2023] > 10**8 and curve(p, 2023).december < 9500
    )
    line = _lines(project, 2023)[0]
    voucher = Entry(
        "GK2023V00000001-1",
        project.code,
        EntryKind.PAYMENT,
        320_000,
        CUT_OFF - timedelta(days=40),
        line,
        "演示数据：已撤销凭证",
    )
    return _row(voucher)


def _row(entry: Entry) -> EntryRow:
    line = entry.line
    return EntryRow(
        source_key=entry.key,
        project_code=entry.project_code,
        kind=entry.kind,
        amount=Decimal(entry.amount).scaleb(-2),
        date=entry.date,
        allocation=line.allocation,
        vintage=line.vintage,
        fund_source=line.fund_source,
        fund_level=line.fund_level,
        function_code=line.function_code,
        economic_code=entry.economic_code,
        summary=entry.summary,
    )
