"""会审 with the budget division: keep, reduce or drop, line by line or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.services import Refused, move
from monitoring.enums import LineState, Party, Verdict
from monitoring.models import RecoveryLine
from monitoring.queries import recovery
from monitoring.services.authority import require_reviewer, require_section


@dataclass
class Outcome:
    """What a bulk step did: lines done, and each one left out with its reason."""

    done: int = 0
    amount: Decimal = Decimal(0)
    left_out: list[tuple[RecoveryLine, str]] = field(default_factory=list)


@transaction.atomic
def submit_review(*, lines: Sequence[RecoveryLine], by: Any, comment: str = "") -> Outcome:
    """Send lines to the joint review.

    A line whose department and unit have not answered waits for the deadline; after it silence is consent where the
    run says so, otherwise a reason is due.
    """
    require_section(by)
    outcome = Outcome()
    today = timezone.localdate()
    for line in _fresh(lines):
        warning = ""
        if not line.opinions.filter(party__in=[Party.UNIT, Party.DEPARTMENT]).exists():
            deadline = line.run.opinion_deadline
            if deadline is not None and today <= deadline:
                outcome.left_out.append((line, f"单位和部门尚未反馈，期限至 {deadline}。"))
                continue
            if line.run.silence_consents:
                warning = f"至 {deadline} 未反馈，按征求意见时的约定视为同意"
            elif not comment.strip():
                outcome.left_out.append((line, "单位和部门逾期未反馈，且未约定视为同意；提交会审须填写理由。"))
                continue
        _try(outcome, line, "submit_review", by=by, comment=comment, warning=warning)
    return outcome


def preview(line: RecoveryLine) -> Decimal:
    """What the run's rule gives for the line with the 本年必须支付 declared by now, in yuan: the same statement, again.

    Zero where the line is no candidate any more. The ledger is read as of the run's date.
    """
    run = line.run
    question = recovery.Question(run.rule.rule_set, run.fiscal_year, run.as_of, (line.project_year_id,))
    found = {candidate.allocation: candidate for candidate in recovery.candidates(question)}
    return found[line.allocation].recoverable if line.allocation in found else Decimal(0)


@transaction.atomic
def review(
    *, line: RecoveryLine, verdict: str, by: Any, version: int, amount: Decimal | None = None, comment: str = ""
) -> RecoveryLine:
    """Record the joint verdict on one line; it may be given again until the decision.

    `amount` in yuan is due for 减少 and lies between 0 and the proposal.
    """
    require_reviewer(by)
    reviewed = {Verdict.KEEP: line.recoverable, Verdict.DROP: Decimal(0)}.get(Verdict(verdict), amount)
    if reviewed is None:
        raise Refused("减少的，须填写会审金额。", code="amount_missing")
    if verdict == Verdict.REDUCE and not 0 < reviewed < line.recoverable:
        raise Refused(f"会审金额应大于 0 且小于拟收回的 {line.recoverable:,.2f} 元。", code="amount_range")

    def change(locked: RecoveryLine) -> None:
        locked.verdict, locked.reviewed = verdict, reviewed

    move(line, verdict, by=by, version=version, comment=comment, change=change)
    return line


@transaction.atomic
def review_many(*, lines: Sequence[RecoveryLine], verdict: str, by: Any, comment: str = "") -> Outcome:
    """The same verdict for many lines. 减少 takes each line to what the rule gives with the declared 本年必须支付."""
    require_reviewer(by)
    outcome = Outcome()
    for line in _fresh(lines):
        amount = preview(line) if verdict == Verdict.REDUCE else None
        if verdict == Verdict.REDUCE and not 0 < (amount or 0) < line.recoverable:
            outcome.left_out.append((line, "按已申报的本年必须支付重算，金额没有减少或已为零，请逐行填写。"))
            continue
        try:
            review(line=line, verdict=verdict, by=by, version=line.version, amount=amount, comment=comment)
        except Refused as refused:
            outcome.left_out.append((line, refused.reason))
        else:
            outcome.done += 1
            outcome.amount += line.reviewed or Decimal(0)
    return outcome


def _fresh(lines: Iterable[RecoveryLine]) -> list[RecoveryLine]:
    """The lines as they are now, in key order, so that two bulk steps lock in the same order."""
    return list(
        RecoveryLine.objects.filter(pk__in=[line.pk for line in lines])
        .exclude(state=LineState.NOTED)
        .select_related("run__rule", "project_year__project", "project_year__unit", "project_year__department")
        .order_by("pk")
    )


def _try(outcome: Outcome, line: RecoveryLine, action: str, *, by: Any, comment: str = "", warning: str = "") -> None:
    try:
        move(line, action, by=by, version=line.version, comment=comment, warning=warning)
    except Refused as refused:
        outcome.left_out.append((line, refused.reason))
    else:
        outcome.done += 1
        outcome.amount += line.recoverable
