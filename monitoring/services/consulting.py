"""征求意见: asking departments, units and divisions, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from budgets.services.commitments import declare_commitment
from core.models import StoredFile
from core.services import Refused, drafts, move
from monitoring.enums import LineState, Party, Stance
from monitoring.models import Opinion, OpinionEvidence, RecoveryLine, RecoveryRun
from monitoring.rules import OPINION_WORKING_DAYS, working_days_after
from monitoring.services.authority import require_section
from organisations.models import Organisation
from organisations.roles import BY_DEPARTMENT, BY_DIVISION, BY_UNIT


@transaction.atomic
def request_opinions(
    *,
    run: RecoveryRun,
    by: Any,
    lines: Sequence[RecoveryLine] | None = None,
    deadline: date | None = None,
    silence_consents: bool | None = None,
) -> int:
    """Ask for opinions on `lines` (default: all that are 拟收回); returns how many were asked.

    The deadline (default: five working days from today) and whether silence is consent are the run's, printed on
    every request; they may be set again as long as nobody has been asked.
    """
    require_section(by)
    locked = RecoveryRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    today = timezone.localdate()
    if locked.opinion_deadline is None:
        locked.opinion_deadline = deadline or working_days_after(today, OPINION_WORKING_DAYS)
        if silence_consents is not None:
            locked.silence_consents = silence_consents
        locked.save(update_fields=["opinion_deadline", "silence_consents"])
    elif (deadline or locked.opinion_deadline) != locked.opinion_deadline:
        raise Refused(f"本次测算的反馈期限已定为 {locked.opinion_deadline}，不能再改。", code="deadline_set")
    asked = RecoveryLine.objects.filter(run=locked, state=LineState.PROPOSED)
    if lines is not None:
        asked = asked.filter(pk__in=[line.pk for line in lines])
    found = list(asked.select_related("project_year__project").order_by("pk"))
    if not found:
        raise Refused("没有处于“拟收回”状态的行，无需征求意见。", code="nothing")
    for line in found:
        move(line, "request", by=by, version=line.version)
    run.refresh_from_db()
    return len(found)


@transaction.atomic
def give_opinion(
    *,
    line: RecoveryLine,
    by: Any,
    version: int,
    stance: str,
    accepted: Decimal | None = None,
    must_pay: Decimal | None = None,
    must_pay_reason: str = "",
    evidence_note: str = "",
    text: str = "",
    files: Sequence[tuple[str, StoredFile]] = (),
) -> Opinion:
    """Record what one party says. 同意 accepts the whole amount; 有异议 says how much of it (default 0) and why.

    `must_pay` in yuan, with reason and evidence, becomes the line's declared 本年必须支付. `files` are (name, file).
    What `by` had typed into the line's form and not handed in is forgotten with it.
    """
    party, organisation = party_of(line, by)
    if stance == Stance.AGREE:
        accepted = line.recoverable
    else:
        accepted = accepted or Decimal(0)
        if accepted >= line.recoverable:
            raise Refused("同意收回的金额不少于拟收回金额，请选择“同意”。", code="no_objection")
    if accepted < 0 or (must_pay is not None and must_pay < 0):
        raise Refused("金额不能为负。", code="negative")
    if must_pay is not None and not (must_pay_reason.strip() and evidence_note.strip()):
        raise Refused("申报本年必须支付的，须写明事由和佐证。", code="evidence_missing")
    move(line, stance, by=by, version=version, comment=text)
    opinion = Opinion.objects.create(
        line=line,
        party=party,
        organisation=organisation,
        stance=stance,
        accepted=accepted,
        must_pay=must_pay,
        must_pay_reason=must_pay_reason.strip(),
        evidence_note=evidence_note.strip(),
        text=text.strip(),
        given_by=by,
    )
    OpinionEvidence.objects.bulk_create(
        OpinionEvidence(subject=opinion, file=file, name=name, uploaded_by=by) for name, file in files
    )
    if must_pay is not None:
        declare_commitment(
            project_year=line.project_year,
            allocation=line.allocation or "",
            amount=must_pay,
            reason=must_pay_reason,
            evidence=evidence_note,
            by=by,
        )
    if by is not None:
        drafts.discard(by=by, form=opinion_form(line), version=line.version)
    return opinion


def opinion_form(line: RecoveryLine) -> str:
    """The key under which a person's unfinished opinion on the line is kept."""
    return f"opinion:{line.pk}"


def party_of(line: RecoveryLine, user: Any) -> tuple[str, Organisation]:
    """As whom `user` speaks about the line: the unit before the department before the division.

    The house itself (None, a command) speaks for the department.
    """
    year = line.project_year
    if user is None:
        return Party.DEPARTMENT, year.department
    own_units = user.ids_where(BY_UNIT)
    if year.unit_id in own_units:
        return Party.UNIT, year.unit
    if year.department_id in user.ids_where(BY_DEPARTMENT):
        return Party.DEPARTMENT, year.department
    if year.division is not None and year.division_id in user.ids_where(BY_DIVISION):
        return Party.DIVISION, year.division
    if used_by := year.project.units.filter(pk__in=own_units).first():
        return Party.UNIT, used_by
    raise Refused("只有该项目的预算单位、主管部门和归口科室可以提出意见。", code="forbidden")
