"""The decision, and handing its list to 预算科."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from budgets.models import YearTotals
from core.models import StoredFile
from core.services import Refused, move
from monitoring.enums import AWAITING, LineState, Verdict
from monitoring.models import DecisionScan, RecoveryDecision, RecoveryLine, RecoveryRun
from monitoring.services.authority import require_section


@transaction.atomic
def record_decision(
    *,
    run: RecoveryRun,
    meeting: str,
    date: date,
    signatory: str,
    by: Any,
    lines: Sequence[RecoveryLine] | None = None,
    scans: Sequence[tuple[str, StoredFile]] = (),
) -> RecoveryDecision:
    """Record what the meeting decided on the reviewed lines (default: all of the run with a verdict).

    Kept and reduced lines become 已决定 with their reviewed amount, dropped ones 不收回. Raises `Refused` where a line
    has less left in the ledger today than was decided to take.
    """
    require_section(by)
    if not (meeting.strip() and signatory.strip()):
        raise Refused("请填写会议名称和签批人。", code="incomplete")
    if date > timezone.localdate():
        raise Refused("会议日期不能晚于今天。", code="future")
    reviewed = RecoveryLine.objects.filter(run=run, state=LineState.REVIEWING).exclude(verdict="")
    if lines is not None:
        reviewed = reviewed.filter(pk__in=[line.pk for line in lines])
    found = list(reviewed.select_related("project_year__project").order_by("pk"))
    if not found:
        raise Refused("没有已会审的行，无法记录决定。", code="nothing")
    _still_there([line for line in found if line.verdict != Verdict.DROP])
    decision = RecoveryDecision.objects.create(
        run=run, meeting=meeting.strip(), date=date, signatory=signatory.strip(), recorded_by=by
    )
    DecisionScan.objects.bulk_create(
        DecisionScan(subject=decision, file=file, name=name, uploaded_by=by) for name, file in scans
    )

    def decide(locked: RecoveryLine) -> None:
        locked.decision, locked.decided = decision, locked.reviewed

    for line in found:
        action = "decide_drop" if line.verdict == Verdict.DROP else "decide"
        move(line, action, by=by, version=line.version, comment=str(decision), change=decide)
    return decision


def _still_there(lines: Sequence[RecoveryLine]) -> None:
    """Lock the lines' totals in key order; refuse where less is left than will be taken, other awaiting lines included.

    What is left is what the ledger says now, not as of the run's date: payments may have gone on.
    """
    years = sorted({line.project_year_id for line in lines})
    totals = YearTotals.objects.filter(project_year__in=years).order_by("project_year_id", "allocation")
    left: dict[tuple[int, str | None], Decimal] = {}
    for row in totals.select_for_update(of=("self",)):
        room = row.adjusted - row.paid
        left[row.project_year_id, row.allocation] = room
        left[row.project_year_id, None] = left.get((row.project_year_id, None), Decimal(0)) + room
    taken = {
        (year, allocation): amount
        for year, allocation, amount in RecoveryLine.objects.filter(project_year__in=years, state__in=AWAITING)
        .values_list("project_year", "allocation")
        .annotate(amount=Sum("decided"))
    }
    short = []
    for line in lines:
        key = (line.project_year_id, line.allocation)
        room = left.get(key, Decimal(0)) - taken.get(key, Decimal(0))
        if room < (line.reviewed or Decimal(0)):
            short.append(f"{line.project_year.name} 现余 {max(room, Decimal(0)):,.2f} 元，会审 {line.reviewed:,.2f} 元")
    if short:
        raise Refused("以下项目结余已不足，请退回会审调整：" + "；".join(short) + "。", code="NOT_ENOUGH_LEFT")


@transaction.atomic
def hand_over(*, run: RecoveryRun, by: Any) -> int:
    """Give the decided lines to 预算科: 待执行. Returns how many."""
    require_section(by)
    found = list(
        RecoveryLine.objects.filter(run=run, state=LineState.DECIDED).select_related("project_year").order_by("pk")
    )
    if not found:
        raise Refused("没有“已决定”的行可交预算科执行。", code="nothing")
    for line in found:
        move(line, "hand_over", by=by, version=line.version)
    return len(found)


def withdraw(*, line: RecoveryLine, by: Any, version: int, comment: str) -> RecoveryLine:
    """Take a decided line off the list before it is carried out, with a reason."""
    move(line, "withdraw", by=by, version=version, comment=comment)
    return line
