"""The workbooks that `workbook_template` and `import_workbook` know: KIND → what makes it and what takes it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from budgets import blank_workbooks
from budgets.enums import SourceKind
from budgets.services.imports import LEDGER_KINDS, PROJECT_KINDS, import_ledger, import_projects, source_named
from core.workbooks import write_template
from monitoring.models import RecoveryLine
from monitoring.services import match_entries
from monitoring.services.opinion_books import import_opinions
from monitoring.workbook import OPINION_SHEET, OPINIONS, opinion_lines, opinion_rows
from organisations import workbook as organisations
from organisations.models import Organisation, User
from organisations.services import import_organisations, import_users


@dataclass(frozen=True)
class Options:
    """What the command line gave. `by` is None: the house itself."""

    year: int | None = None
    source: str = ""
    scope: str = ""
    dry_run: bool = False
    hold_unknown: bool = False


@dataclass(frozen=True)
class WorkbookKind:
    """`template(target, options)` writes the prefilled workbook and answers its rows; `load(files, options)` answers
    the object of the contract with all its keys, `errors` included. `needs_year` says that --year is due.
    """

    template: Callable[[Path, Options], int] | None = None
    load: Callable[[Sequence[Path], Options], dict[str, Any]] | None = None
    needs_year: bool = True


def annotated_path(files: Sequence[Path]) -> Path:
    """Where a refused import's marked copy goes: beside the first file."""
    return files[0].with_name(f"{files[0].stem}-错误标注.xlsx")


def _organisation_template(target: Path, options: Options) -> int:
    rows = organisations.organisation_rows(Organisation.objects.all())
    return write_template(organisations.ORGANISATIONS, {organisations.ORGANISATION_SHEET: rows}, target)


def _user_template(target: Path, options: Options) -> int:
    rows = organisations.user_rows(User.objects.all())
    return write_template(organisations.USERS, {organisations.USER_SHEET: rows}, target)


def _load_organisations(files: Sequence[Path], options: Options) -> dict[str, Any]:
    return import_organisations(files=files, by=None, dry_run=options.dry_run, annotate=annotated_path(files)).as_dict()


def _load_users(files: Sequence[Path], options: Options) -> dict[str, Any]:
    result = import_users(files=files, by=None, dry_run=options.dry_run, annotate=annotated_path(files))
    # For the person at the terminal; the command sends "notes" to stderr and not into the JSON.
    notes = [f"{username}\t{name}\t临时密码 {password}" for username, name, password in result.passwords]
    return result.as_dict() | {"notes": notes}


def _project_template(target: Path, options: Options) -> int:
    assert options.year is not None
    return blank_workbooks.write(SourceKind.PROJECTS, target, fiscal_year=options.year, scope=options.scope)


def _ledger_template(target: Path, options: Options) -> int:
    assert options.year is not None
    return blank_workbooks.write(SourceKind.VOUCHERS, target, fiscal_year=options.year)


def _load_projects(files: Sequence[Path], options: Options) -> dict[str, Any]:
    return _load_budget(import_projects, PROJECT_KINDS, files, options)


def _load_ledger(files: Sequence[Path], options: Options) -> dict[str, Any]:
    found = _load_budget(import_ledger, LEDGER_KINDS, files, options)
    if found["accepted"] and not options.dry_run and options.year is not None:
        # What the import brought may carry out recoveries that wait for it; the page has a button for the same.
        matched = match_entries(fiscal_year=options.year, by=None)
        if any((matched.executed, matched.linked, matched.reopened, matched.unclear)):
            found["notes"] = [
                f"资金收回：认定执行 {matched.executed} 行，对应 {matched.linked} 行，"
                f"恢复待执行 {matched.reopened} 行，待人工认定 {matched.unclear} 笔。"
            ]
    return found


def _load_budget(
    load: Callable[..., Any], kinds: Sequence[str], files: Sequence[Path], options: Options
) -> dict[str, Any]:
    found: dict[str, Any] = load(
        files=files,
        fiscal_year=options.year,
        by=None,
        source=source_named(options.source, kinds),
        dry_run=options.dry_run,
        hold_unknown=options.hold_unknown,
        annotate=annotated_path(files),
    ).as_dict()
    return found


def _opinion_template(target: Path, options: Options) -> int:
    lines = opinion_lines(RecoveryLine.objects.all(), options.year or 0)
    if options.scope:
        lines = lines.filter(project_year__department__code=options.scope)
    rows = {OPINION_SHEET: opinion_rows(lines)}
    return write_template(OPINIONS, rows, target, fiscal_year=options.year, scope=options.scope or None)


def _load_opinions(files: Sequence[Path], options: Options) -> dict[str, Any]:
    result = import_opinions(
        files=files, fiscal_year=options.year or 0, by=None, dry_run=options.dry_run, annotate=annotated_path(files)
    )
    return result.as_dict()


KINDS: dict[str, WorkbookKind] = {
    "recovery_opinions": WorkbookKind(_opinion_template, _load_opinions),
    "organisations": WorkbookKind(_organisation_template, _load_organisations, needs_year=False),
    "users": WorkbookKind(_user_template, _load_users, needs_year=False),
    "projects": WorkbookKind(_project_template, _load_projects),
    "ledger": WorkbookKind(_ledger_template, _load_ledger),
}
