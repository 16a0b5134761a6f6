"""A workbook becomes projects or ledger entries: all rows or none, every error at its cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from django.utils import timezone

from budgets import workbook
from budgets.enums import EntryKind, SourceKind
from budgets.models import Source
from budgets.services.ledger import post_entries
from budgets.services.projects import upsert_projects
from budgets.services.results import Counts, Problem, RowsRefused
from core.services import Refused, record_security_event
from core.workbooks import CellError, Code, Reading, mark, message, read
from core.workbooks import Source as File

WARNINGS_LIMIT = 2_000


@dataclass
class ImportResult:
    """What an import answers. With errors nothing was written. `classified`: the upload itself must not be kept."""

    counts: Counts
    errors: list[CellError] = field(default_factory=list)
    warnings: list[CellError] = field(default_factory=list)
    annotated: Path | None = None
    classified: bool = False

    @property
    def ok(self) -> bool:
        return not self.errors

    def as_dict(self) -> dict[str, Any]:
        """The object of the contract."""
        names = ("held", "created", "updated", "unchanged", "reversed")
        return {
            "rows": self.counts.rows,
            "accepted": self.counts.accepted if self.ok else 0,
            "rejected": 0 if self.ok else self.counts.rows,
            **{name: getattr(self.counts, name) if self.ok else 0 for name in names},
            "errors": [error.as_dict() for error in self.errors],
            "warnings": [warning.as_dict() for warning in self.warnings],
            "annotated": str(self.annotated) if self.annotated else None,
        }


class _Place(NamedTuple):
    file_no: int
    row_no: int


@dataclass
class _Import:
    """One import while it runs: the reading, the sheet, and how problems find their cells."""

    reading: Reading
    sheet: str
    # Field of the service's row → columns of the workbook, the first that the file has.
    columns: Mapping[str, tuple[str, ...]]

    def tell(self, problem: Problem, *, error: bool) -> None:
        """Put a service's problem at its cell, unless that cell has an error already."""
        found = self.reading.errors if error else self.reading.warnings
        if problem.place is None:
            found.append(CellError(None, None, problem.code, problem.message))
            return
        place = _Place(*workbook.file_and_row(problem.place))
        layout = self.reading.origins[place.file_no, self.sheet].layout.columns
        key = next((k for k in self.columns.get(problem.column or "", (problem.column,)) if k in layout), None)
        cell = self.reading.cell(self.sheet, place, key)
        if error and any((e.file, e.sheet, e.cell) == (cell.file, cell.sheet, cell.cell) for e in found):
            return
        found.append(CellError(cell.sheet, cell.cell, problem.code, problem.message, cell.file))

    def check_year(self, fiscal_year: int) -> None:
        """A file of another year is refused as a whole; single rows of another year each at their cell."""
        rows = self.reading.rows[self.sheet]
        wrong = [row for row in rows if row.fiscal_year is not None and row.fiscal_year != fiscal_year]
        if not wrong:
            return
        if len(wrong) == len(rows):
            years = "、".join(str(year) for year in sorted({row.fiscal_year for row in wrong}))
            for number in {row.file_no for row in wrong}:
                name = self.reading.files[number]
                text = message(Code.WRONG_YEAR, file=name, found=years, expected=fiscal_year)
                self.reading.errors.append(CellError(None, None, Code.WRONG_YEAR, text, name))
            return
        for row in wrong:
            text = f"该行是 {row.fiscal_year} 年度的，本次应为 {fiscal_year} 年度，请删除该行或改正年度"
            self.reading.fault(self.sheet, row, "fiscal_year", Code.WRONG_YEAR, text)

    def run(
        self, write: Callable[[bool], Counts], *, dry_run: bool, annotate: Path | None, files: Sequence[File]
    ) -> Any:
        """Check everything, then write if nothing is wrong."""
        counts = Counts(rows=self.reading.data_rows)
        whole = any(error.cell is None for error in self.reading.errors)
        try:
            if not whole:
                counts = write(not dry_run and self.reading.ok)
        except RowsRefused as refused:
            # Several problems of one cell: the first tells enough.
            for problem in refused.problems:
                self.tell(problem, error=True)
        if self.reading.ok:
            for warning in counts.warnings[:WARNINGS_LIMIT]:
                self.tell(warning, error=False)
        self.reading.sort()
        result = ImportResult(counts, self.reading.errors, self.reading.warnings, None, self.reading.classified)
        result.counts.rows = self.reading.data_rows
        if not result.ok and annotate is not None and files:
            mark(self.reading, files, annotate)
            result.annotated = annotate
        return result


def source_named(name: str, kinds: Sequence[str]) -> Source:
    """The 来源方案 of this name; "" or the name of a kind is that kind's own. Not saved if it is new."""
    default = next((kind for kind in kinds if not name or SourceKind(kind).label == name), None)
    wanted = name or SourceKind(kinds[0]).label
    found = Source.objects.filter(name=wanted).first()
    if found is None and default is None:
        known = "、".join(Source.objects.filter(kind__in=kinds).values_list("name", flat=True)) or "（无）"
        raise Refused(f"没有来源方案“{name}”。已有：{known}。", code="unknown_source")
    if found is not None and found.kind not in kinds:
        raise Refused(f"来源方案“{name}”是“{found.get_kind_display()}”，不能用于本次导入。", code="wrong_source")
    return found or Source(name=wanted, kind=default or kinds[0])


PROJECT_KINDS = (SourceKind.PROJECTS,)
LEDGER_KINDS = (SourceKind.VOUCHERS, SourceKind.REFUNDS, SourceKind.BALANCE)


def import_projects(
    *,
    files: Iterable[File],
    fiscal_year: int,
    by: Any,
    source: Source | None = None,
    dry_run: bool = False,
    hold_unknown: bool = False,
    as_of: date | None = None,
    annotate: Path | None = None,
    stored: Sequence[Any] = (),
) -> ImportResult:
    """Import the projects and budget columns of one fiscal year.

    `as_of` is the 截至日 (default: what the file says, else today or the year's end). `annotate` is where the user's
    file with its errors marked goes. `stored` are the `StoredFile`s to remember. `hold_unknown` has no meaning here.
    """
    files = list(files)
    source = source or source_named("", PROJECT_KINDS)
    reading = read(workbook.PROJECTS, files, mapping=source.mapping or None, fiscal_year=fiscal_year)
    work = _Import(reading, workbook.PROJECT_SHEET, _PROJECT_COLUMNS)
    work.check_year(fiscal_year)
    _check_budgets(reading)
    stated = as_of or _stated(reading, workbook.PROJECT_SHEET)

    def write(really: bool) -> Counts:
        return upsert_projects(
            rows=workbook.project_rows(reading),
            source=source,
            fiscal_year=fiscal_year,
            as_of=stated or min(timezone.localdate(), date(fiscal_year, 12, 31)),
            adjusted_on=_within(stated, fiscal_year),
            by=by,
            files=stored,
            write=really,
        )

    result: ImportResult = work.run(write, dry_run=dry_run, annotate=annotate, files=files)
    _log("项目", result, by=by, dry_run=dry_run)
    return result


def import_ledger(
    *,
    files: Iterable[File],
    fiscal_year: int,
    by: Any,
    source: Source | None = None,
    dry_run: bool = False,
    hold_unknown: bool = False,
    as_of: date | None = None,
    annotate: Path | None = None,
    stored: Sequence[Any] = (),
) -> ImportResult:
    """Import vouchers, refunds or a balance table, whichever `source` is. Parameters as `import_projects`;
    `hold_unknown` puts rows of unknown projects to 待认领 instead of refusing them."""
    files = list(files)
    source = source or source_named("", LEDGER_KINDS)
    form = workbook.FORMS[source.kind]
    sheet = form.sheets[0].name
    reading = read(form, files, mapping=source.mapping or None, fiscal_year=fiscal_year)
    work = _Import(reading, sheet, _LEDGER_COLUMNS)
    work.check_year(fiscal_year)
    if source.kind == SourceKind.BALANCE:
        dates = _balance_dates(reading, as_of)
        rows = lambda: workbook.balance_rows(reading, dates)  # noqa: E731
    else:
        default = EntryKind.REFUND if source.kind == SourceKind.REFUNDS else EntryKind.PAYMENT
        rows = lambda: workbook.voucher_rows(reading, default)  # noqa: E731

    def write(really: bool) -> Counts:
        return post_entries(
            rows=rows(),
            source=source,
            fiscal_year=fiscal_year,
            as_of=as_of or _stated(reading, sheet),
            by=by,
            hold_unknown=hold_unknown,
            files=stored,
            write=really,
        )

    result: ImportResult = work.run(write, dry_run=dry_run, annotate=annotate, files=files)
    _log(source.get_kind_display(), result, by=by, dry_run=dry_run)
    return result


_PROJECT_COLUMNS = {
    "unit": ("unit", "unit_name"),
    "department": ("department", "department_name"),
    "division": ("division", "division_name"),
}
_LEDGER_COLUMNS = {"source_key": ("voucher", "project_code"), "unit": ("unit", "unit_name"), "date": ("date", "as_of")}


def _check_budgets(reading: Reading) -> None:
    """全年预算, where stated beside its parts, must be their sum."""
    if not reading.has(workbook.PROJECT_SHEET, "adjusted"):
        return
    for row in reading.rows[workbook.PROJECT_SHEET]:
        if row.adjusted is None or not workbook.states_changes(row):
            continue
        summed = workbook.budget_of(row)
        if summed != row.adjusted:
            text = f"全年预算 {row.adjusted:.2f} 元与年初预算、上年结转及各调整数之和 {summed:.2f} 元不符，请核对"
            reading.fault(workbook.PROJECT_SHEET, row, "adjusted", "BUDGET_MISMATCH", text)


def _stated(reading: Reading, sheet: str) -> date | None:
    """The 截至日 that the files state: in a column, else above the heading; the latest of several."""
    rows = reading.rows[sheet]
    if reading.has(sheet, "as_of") and (dates := {row.as_of for row in rows if row.as_of}):
        latest: date = max(dates)
        return latest
    found = [workbook.stated_as_of(reading, sheet, number) for number in range(len(reading.files))]
    return max((day for day in found if day), default=None)


def _within(day: date | None, fiscal_year: int) -> date | None:
    """Adjustments are dated within their fiscal year."""
    return day and min(max(day, date(fiscal_year, 1, 1)), date(fiscal_year, 12, 31))


def _balance_dates(reading: Reading, as_of: date | None) -> Callable[[Any], date | None]:
    """The day up to which each row counts. Without any, the file cannot be taken."""
    sheet = workbook.BALANCE_SHEET
    titles = {number: workbook.stated_as_of(reading, sheet, number) for number in range(len(reading.files))}

    def day(row: Any) -> date | None:
        found: date | None = row.as_of or as_of or titles[row.file_no]
        return found

    if reading.ok and (undated := next((row for row in reading.rows[sheet] if day(row) is None), None)):
        text = "没有截至日：请在页面上填写截至日，或在表头上方注明“截至某年某月某日”，或填写“截至日”列"
        reading.errors.append(CellError(None, None, "AS_OF_MISSING", text, reading.files[undated.file_no]))
    return day


def _log(what: str, result: ImportResult, *, by: Any, dry_run: bool) -> None:
    if dry_run or not result.ok:
        return
    counts = result.counts
    told = f"新增 {counts.created}，更新 {counts.updated}，未变 {counts.unchanged}，待认领 {counts.held}"
    record_security_event("import", user=by, what=f"导入{what} {counts.rows} 行：{told}")
