"""机构 by workbook: every error at once, all rows or none; a changed name is a rename."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.workbooks import Reading, Source
from organisations.enums import Kind
from organisations.models import Organisation, OrganisationName, User
from organisations.rules import PARENT_KINDS, on_loops
from organisations.services.imports import ImportResult, begin, done, log_import, refused
from organisations.services.organisations import rename_organisation, wrong_parent
from organisations.workbook import ORGANISATION_SHEET, ORGANISATIONS

# Columns that are simply written where the file has them.
PLAIN = ("short_name", "issuing_code", "phone", "function")
# Parents are written before what hangs under them, divisions before departments.
ORDER = (Kind.BUREAU, Kind.DIVISION, Kind.DEPARTMENT, Kind.UNIT, Kind.AGENCY)


@transaction.atomic
def import_organisations(
    *, files: Iterable[Source], by: User | None, dry_run: bool = False, annotate: Path | None = None
) -> ImportResult:
    """Create, update and rename organisations from workbooks. With errors nothing is written; all are in the answer.

    `annotate` is where the user's file with the errors marked is written, if there are any.
    """
    reading, sources = begin(ORGANISATIONS, files, by=by)
    plan = _Plan(reading)
    plan.check()
    if not reading.ok:
        return refused(reading, sources, annotate=annotate)
    created, updated = plan.created, plan.changed
    result = done(reading, len(created), len(updated), reading.data_rows - len(created) - len(updated))
    if not dry_run:
        plan.write(by=by)
        log_import("机构", result, by=by)
    return result


@dataclass
class _Plan:
    """The rows beside what exists: checks find faults, then `write` does what is left to do."""

    reading: Reading
    today: date = field(default_factory=timezone.localdate)

    def __post_init__(self) -> None:
        self.rows = [row for row in self.reading.rows[ORGANISATION_SHEET] if row.code is not None]
        # Locked, so that two imports at once come one after the other.
        self.known = {o.code: o for o in Organisation.objects.select_for_update(of=("self",)).order_by("pk")}
        self.by_code = {row.code: row for row in self.rows}
        self.created: list[Any] = []
        self.changed: list[Any] = []

    # --- checks ---

    def fault(self, row: Any, key: str, code: str, text: str) -> None:
        self.reading.fault(ORGANISATION_SHEET, row, key, code, text)

    def has(self, key: str) -> bool:
        return self.reading.has(ORGANISATION_SHEET, key)

    def check(self) -> None:
        parents = {code: known.parent.code if known.parent else None for code, known in self._with_parents().items()}
        if self.has("parent"):
            parents |= {row.code: row.parent for row in self.rows}
        looping = on_loops(parents)
        for row in self.rows:
            if row.kind is None:
                continue  # its error is there already
            self._check_kind(row)
            if row.code in looping:
                chain = _chain(row.code, parents)
                self.fault(row, "parent", "LOOP", f"上级机构形成循环：{chain}，请改正其中一处的上级代码")
            else:
                self._check_parent(row, row.parent if self.has("parent") else parents.get(row.code))
            self._check_division(row)
            self._check_name(row)
        self._check_bureaus()
        if self.reading.ok:
            self.created = [row for row in self.rows if row.code not in self.known]
            self.changed = [row for row in self.rows if row.code in self.known and self._differs(row)]

    def _with_parents(self) -> dict[str, Organisation]:
        by_id = {known.pk: known for known in self.known.values()}
        for known in self.known.values():
            if known.parent_id:
                known.parent = by_id[known.parent_id]
            if known.division_id:
                known.division = by_id[known.division_id]
        return self.known

    def _check_kind(self, row: Any) -> None:
        known = self.known.get(row.code)
        if known and known.kind != row.kind:
            text = f"代码“{row.code}”在系统中是{known.get_kind_display()}“{known.name}”，类型不能改变，请核对代码"
            self.fault(row, "kind", "KIND_CHANGED", text)
        has_function = row.function if self.has("function") else known and known.function
        if row.kind == Kind.DIVISION and not has_function:
            self.fault(row, "function", "FUNCTION_MISSING", "业务科室须填写职能，请从下拉列表选择")
        if row.kind != Kind.DIVISION and row.function:
            self.fault(row, "function", "FUNCTION_NOT_ALLOWED", "只有科室填写职能，请清空")

    def _check_parent(self, row: Any, parent: str | None) -> None:
        if parent is not None and parent not in self.by_code and parent not in self.known:
            text = f"上级代码“{parent}”在系统和本表中都没有，请核对，或在本表补上该机构"
            self.fault(row, "parent", "PARENT_UNKNOWN", text)
            return
        above = self._kind_of(parent)
        if (parent is None or above is not None) and above not in PARENT_KINDS[row.kind]:
            text = f"{wrong_parent(row.kind).rstrip('。')}，请改正上级代码"
            self.fault(row, "parent", "PARENT_WRONG_KIND", text)

    def _kind_of(self, code: str | None) -> str | None:
        if code is None:
            return None
        kind: str | None = self.by_code[code].kind if code in self.by_code else self.known[code].kind
        return kind

    def _check_division(self, row: Any) -> None:
        if not row.division:
            return
        if row.kind not in (Kind.DEPARTMENT, Kind.UNIT):
            self.fault(row, "division", "DIVISION_NOT_ALLOWED", "只有主管部门和预算单位填写归口科室，请清空")
            return
        found = self._division_codes(row.division)
        if len(found) != 1:
            what = "没有找到" if not found else "有多个"
            text = f"{what}归口科室“{row.division}”，请填写科室的代码"
            self.fault(row, "division", "DIVISION_UNKNOWN" if not found else "DIVISION_AMBIGUOUS", text)

    def _division_codes(self, text: str) -> list[str]:
        """Codes of the divisions meant by a code or a name."""
        names = {code: known.name for code, known in self.known.items() if known.kind == Kind.DIVISION}
        names |= {row.code: row.name for row in self.rows if row.kind == Kind.DIVISION}
        return [text] if text in names else [code for code, name in names.items() if name == text]

    def _check_name(self, row: Any) -> None:
        if row.valid_from and row.valid_from > self.today:
            self.fault(row, "valid_from", "DATE_IN_FUTURE", f"启用日期 {row.valid_from} 晚于今天，请在启用之后导入")
            return
        known = self.known.get(row.code)
        if known is None or row.name is None or row.name == known.name:
            return
        present = known.names.filter(valid_to__isnull=True).order_by("-valid_from").first()
        if present and (row.valid_from or self.today) < present.valid_from:
            text = f"新名称的启用日期不能早于现名称“{known.name}”的启用日期 {present.valid_from}，请核对"
            self.fault(row, "valid_from", "DATE_TOO_EARLY", text)

    def _check_bureaus(self) -> None:
        known = {code for code, o in self.known.items() if o.kind == Kind.BUREAU}
        rows = [row for row in self.rows if row.kind == Kind.BUREAU]
        for row in rows:
            others = known | {other.code for other in rows}
            if row.code not in known and len(others) > 1:
                other = min(others - {row.code})
                self.fault(row, "code", "SECOND_BUREAU", f"系统只能有一个财政局，已有代码“{other}”，请改正代码或类型")

    # --- what changes ---

    def _details(self, row: Any) -> dict[str, Any]:
        """Field → value for the columns that the file has; parent and division as codes."""
        details: dict[str, Any] = {key: getattr(row, key) or "" for key in PLAIN if self.has(key)}
        if self.has("parent"):
            details["parent"] = row.parent
        if self.has("division"):
            details["division"] = self._division_codes(row.division)[0] if row.division else None
        if row.is_active is not None:
            details["is_active"] = row.is_active
        return details

    def _differs(self, row: Any) -> bool:
        known = self.known[row.code]
        return row.name != known.name or any(
            _plain(getattr(known, key)) != value for key, value in self._details(row).items()
        )

    # --- writing ---

    def write(self, *, by: User | None) -> None:
        for kind in ORDER:
            made = [self._new(row) for row in self.created if row.kind == kind]
            Organisation.objects.bulk_create([o for o, _ in made])
            OrganisationName.objects.bulk_create(
                OrganisationName(organisation=o, name=o.name, valid_from=row.valid_from or self.today)
                for o, row in made
            )
            self.known |= {o.code: o for o, _ in made}
        for row in self.changed:
            self._update(row, by=by)

    def _new(self, row: Any) -> tuple[Organisation, Any]:
        organisation = Organisation(kind=row.kind, code=row.code, name=row.name)
        self._set(organisation, self._details(row))
        return organisation.prepare(), row

    def _update(self, row: Any, *, by: User | None) -> None:
        known = self.known[row.code]
        if row.name != known.name:
            known = rename_organisation(
                organisation=known, name=row.name, valid_from=row.valid_from or self.today, by=by
            )
        self._set(known, self._details(row))
        known.save()

    def _set(self, organisation: Organisation, details: dict[str, Any]) -> None:
        for key, value in details.items():
            links = key in ("parent", "division")
            setattr(organisation, key, self.known[value] if links and value is not None else value)


def _plain(value: Any) -> Any:
    return value.code if isinstance(value, Organisation) else value


def _chain(code: str, parents: dict[str, str | None]) -> str:
    """A → B → A, for the message."""
    path, at = [code], parents.get(code)
    while at is not None and at != code and at not in path:
        path.append(at)
        at = parents.get(at)
    return " → ".join([*path, code])
