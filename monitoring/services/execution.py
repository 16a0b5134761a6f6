"""Execution by 预算科: the one `RECOVERY` entry of a line, where no import has brought it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from budgets.enums import EntryKind
from budgets.models import LedgerEntry
from budgets.services import EntryRow, post_entries
from budgets.services.offsets import system_source, undo_offset
from core.services import Refused, move
from monitoring.enums import LineState
from monitoring.models import RecoveryLine
from monitoring.services.authority import require_budget_division, require_reviewer


@transaction.atomic
def assign_allocation(*, line: RecoveryLine, allocation: str, by: Any, version: int) -> RecoveryLine:
    """Name the 指标 on which a line from project-level data will be carried out."""
    require_reviewer(by)
    allocation = allocation.strip()
    if line.allocation is not None:
        raise Refused("该行已有指标，不能另行指定。", code="has_allocation")
    if not allocation or len(allocation) > 80:
        raise Refused("请填写指标文号/ID（不超过 80 字）。", code="allocation_missing")

    def change(locked: RecoveryLine) -> None:
        locked.execution_allocation = allocation

    move(line, "assign", by=by, version=version, comment=f"执行指标：{allocation}", change=change)
    return line


@transaction.atomic
def confirm_execution(
    *, lines: Sequence[tuple[RecoveryLine, int]], document_number: str, executed_on: date, by: Any
) -> int:
    """Confirm by hand that the 指标 were reduced, under one document; `lines` are (line, version seen).

    Posts one `RECOVERY` entry for each line. All lines or none.
    """
    require_budget_division(by)
    document_number = document_number.strip()
    if not document_number:
        raise Refused("请填写指标调整文号。", code="document_missing")
    if executed_on > timezone.localdate():
        raise Refused("执行日期不能晚于今天。", code="future")
    ready = _ready([line.pk for line, _ in lines], executed_on)
    seen = {line.pk: version for line, version in lines}
    post_recoveries(ready, executed_on=executed_on, summary=f"收回财政统筹：{document_number}", by=by)
    for line in ready:
        entry = entry_of(line)

        def change(locked: RecoveryLine, entry: LedgerEntry = entry) -> None:
            locked.entry, locked.executed_on, locked.document_number = entry, executed_on, document_number

        move(line, "execute", by=by, version=seen[line.pk], comment=f"{document_number}，{executed_on}", change=change)
    return len(ready)


def _ready(keys: Sequence[int], executed_on: date) -> list[RecoveryLine]:
    found = list(
        RecoveryLine.objects.filter(pk__in=keys)
        .select_related("project_year__project", "run", "decision")
        .order_by("project_year_id", "allocation", "pk")
    )
    if not found:
        raise Refused("请至少选择一行。", code="nothing")
    for line in found:
        if line.state != LineState.PENDING or line.decision is None:
            # The workflow's own words, from `move`, come with who moved it; here only the other lines are spared.
            raise Refused(f"“{line.project_year.name}”不在待执行状态，请刷新后再办理。", code="stale")
        if not line.target_allocation:
            raise Refused(f"“{line.project_year.name}”未分解到指标，请先指定执行指标。", code="no_allocation")
        if executed_on < line.decision.date:
            raise Refused(f"执行日期不能早于决定日期 {line.decision.date}。", code="before_decision")
    return found


def source_key(line: RecoveryLine) -> str:
    return f"recovery:{line.pk}"


def post_recoveries(lines: Sequence[RecoveryLine], *, executed_on: date, summary: str, by: Any) -> None:
    """Post the entries of `lines`, by fiscal year; a line whose entry stands already is left alone."""
    for line in lines:
        # A line reopened after its import was taken back: its earlier entry counts again, or is reposted below.
        for earlier in _entries_of(line):
            undo_offset(entry=earlier, by=by)
    for fiscal_year in sorted({line.run.fiscal_year for line in lines}):
        rows = [
            EntryRow(
                source_key=source_key(line),
                project_code=line.project_year.project.code,
                kind=EntryKind.RECOVERY,
                amount=-(line.decided or Decimal(0)),
                date=executed_on,
                allocation=line.target_allocation,
                summary=summary[:200],
            )
            for line in lines
            if line.run.fiscal_year == fiscal_year
        ]
        post_entries(
            rows=rows, source=system_source(), fiscal_year=fiscal_year, as_of=executed_on, by=by, complete=False
        )


def entry_of(line: RecoveryLine) -> LedgerEntry:
    """The standing entry that this line posted."""
    return _entries_of(line).order_by("-revision")[0]


def _entries_of(line: RecoveryLine) -> QuerySet[LedgerEntry]:
    # `post_entries` puts the fiscal year before the key.
    return LedgerEntry.objects.filter(
        source=system_source(), source_key=f"{line.run.fiscal_year}:{source_key(line)}", is_reversal=False
    )
