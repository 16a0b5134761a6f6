"""What an import brings is matched with the lines that wait for it; what is unclear waits for a person.

An imported 收回 on a waiting line is its entry. An imported 调减 is the same matter under another name: it is offset
and the line's own `RECOVERY` entry posted. What 预算科 has already confirmed by hand is linked, and the imported row
offset, so that the budget falls once. Imported rows themselves are never changed: importing a file again finds them
as its source has them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q

from budgets.enums import EntryKind
from budgets.models import LedgerEntry
from budgets.services.offsets import offset_entry, undo_offset
from core.services import Refused, move
from monitoring.enums import AWAITING, LineState
from monitoring.models import MatchDismissal, RecoveryLine
from monitoring.queries import matching
from monitoring.services.authority import require_reviewer
from monitoring.services.execution import entry_of, post_recoveries


@dataclass
class Matched:
    """Lines carried out or linked by imported entries, lines reopened, and entries left for a person."""

    executed: int = 0
    linked: int = 0
    reopened: int = 0
    unclear: int = 0


@transaction.atomic
def match_entries(*, fiscal_year: int, by: Any) -> Matched:
    """Match the year's imported reductions with lines by 项目代码, 指标 and amount. Twice changes nothing."""
    require_reviewer(by)
    result = Matched(reopened=_reopen_taken_back(fiscal_year, by=by))
    lines, entries = matching.waiting_lines(fiscal_year), matching.unmatched_entries(fiscal_year)
    line_keys = Counter(_key_of_line(line) for line in lines)
    entry_keys = Counter(_key_of_entry(entry) for entry in entries)
    by_key = {_key_of_line(line): line for line in lines}
    for entry in entries:
        key = _key_of_entry(entry)
        # Two lines or two entries of the same key: nobody can say which is which.
        if line_keys[key] != 1 or entry_keys[key] != 1:
            continue
        line = by_key[key]
        if line.decision is not None and entry.date < line.decision.date:
            continue
        executed = line.state == LineState.PENDING
        _link(line, entry, by=by, comment="按项目代码、指标和金额自动对应")
        result.executed += executed
        result.linked += not executed
    result.unclear = len(matching.unclear_entries(fiscal_year))
    return result


def match_waiting() -> int:
    """Match, as the house itself, every year with lines that an import may still meet; returns how many it met."""
    unmet = Q(state__in=AWAITING) | Q(state=LineState.EXECUTED, imported_entry__isnull=True)
    years = RecoveryLine.objects.filter(unmet).order_by().values_list("run__fiscal_year", flat=True).distinct()
    results = [match_entries(fiscal_year=fiscal_year, by=None) for fiscal_year in years]
    return sum(result.executed + result.linked for result in results)


@transaction.atomic
def settle(*, line: RecoveryLine, entry: LedgerEntry, by: Any, version: int, comment: str) -> RecoveryLine:
    """A person says that this imported entry is this line's. The amounts must agree; the 指标 becomes the entry's."""
    require_reviewer(by)
    if not comment.strip():
        raise Refused("请填写认定理由。", code="comment_missing")
    if entry.project_year_id != line.project_year_id or entry.amount != -(line.decided or 0):
        raise Refused("流水与该行的项目或金额不一致，不能对应。", code="differs")
    if RecoveryLine.objects.filter(imported_entry=entry).exists():
        raise Refused("该笔流水已对应其他行。", code="matched")
    _link(line, entry, by=by, comment=comment, version=version)
    return line


@transaction.atomic
def dismiss(*, entry: LedgerEntry, reason: str, by: Any) -> MatchDismissal:
    """A person says that this imported reduction has nothing to do with recovery."""
    require_reviewer(by)
    if not reason.strip():
        raise Refused("请填写认定理由。", code="comment_missing")
    if RecoveryLine.objects.filter(imported_entry=entry).exists():
        raise Refused("该笔流水已对应收回行。", code="matched")
    dismissal, _ = MatchDismissal.objects.get_or_create(
        entry=entry, defaults={"reason": reason.strip()[:200], "dismissed_by": by}
    )
    return dismissal


def _key_of_line(line: RecoveryLine) -> tuple[Any, ...]:
    return (line.project_year_id, line.target_allocation, line.decided)


def _key_of_entry(entry: LedgerEntry) -> tuple[Any, ...]:
    return (entry.project_year_id, entry.allocation, -entry.amount)


def _link(line: RecoveryLine, entry: LedgerEntry, *, by: Any, comment: str, version: int | None = None) -> None:
    version = line.version if version is None else version
    if line.state == LineState.EXECUTED:
        offset_entry(entry=entry, by=by)

        def link(locked: RecoveryLine) -> None:
            locked.imported_entry = entry

        move(line, "link", by=by, version=version, comment=comment, change=link)
        return
    own = entry
    if entry.kind != EntryKind.RECOVERY:
        offset_entry(entry=entry, by=by)
        if not line.target_allocation:
            line.execution_allocation = entry.allocation
        post_recoveries([line], executed_on=entry.date, summary="收回财政统筹：按导入的调减认定", by=by)
        own = entry_of(line)

    def execute(locked: RecoveryLine) -> None:
        locked.entry, locked.imported_entry, locked.executed_on = own, entry, entry.date
        if locked.allocation is None and not locked.execution_allocation:
            locked.execution_allocation = entry.allocation

    move(line, "match", by=by, version=version, comment=comment, change=execute)


def _reopen_taken_back(fiscal_year: int, *, by: Any) -> int:
    """Lines whose imported entry its own source has taken back since: what rested on it is undone."""
    reopened = 0
    for line in matching.taken_back(fiscal_year):
        imported = line.imported_entry
        if imported is None:
            continue
        undo_offset(entry=imported, by=by)
        by_import = line.entry_id == imported.pk
        posted_for_it = line.entry is not None and not by_import and not line.document_number
        if posted_for_it and line.entry is not None:
            offset_entry(entry=line.entry, by=by)

        def change(locked: RecoveryLine, clear: bool = by_import or posted_for_it) -> None:
            locked.imported_entry = None
            if clear:
                locked.entry, locked.executed_on = None, None

        comment = "导入来源已冲销对应流水"
        action = "reopen" if by_import or posted_for_it else "link"
        move(line, action, by=by, version=line.version, comment=comment, change=change)
        reopened += action == "reopen"
    return reopened
