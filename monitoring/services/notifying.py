"""The notice of a run's executed lines: one document, each department's own part."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.services import Refused
from monitoring.documents import recovery_notice
from monitoring.enums import LineState
from monitoring.models import RecoveryLine, RecoveryRun
from monitoring.services.authority import require_section
from notices.enums import NoticeState
from notices.models import Notice
from notices.services import draft


@transaction.atomic
def draft_notice(*, run: RecoveryRun, by: Any) -> Notice:
    """Draft the notice of every executed line that no issued notice has told yet; a draft is written anew.

    Lines still waiting for execution are left for a later notice.
    """
    require_section(by)
    # One draft at a time for a run.
    locked = RecoveryRun.objects.select_for_update(of=("self",)).select_related("rule").get(pk=run.pk)
    untold = Q(recipient__isnull=True) | Q(recipient__notice__state=NoticeState.DRAFT)
    lines = list(
        RecoveryLine.objects.filter(untold, run=locked, state=LineState.EXECUTED)
        .select_related("entry", "decision", "recipient", "project_year__project", "project_year__department")
        .order_by("pk")
    )
    if not lines:
        raise Refused("没有已执行而未通知的行，无法拟稿。", code="nothing")
    context, addressees = recovery_notice(locked, lines, on=timezone.localdate())
    prefix = f"recovery:{locked.pk}:"
    issued = Notice.objects.filter(source_key__startswith=prefix, state=NoticeState.ISSUED).count()
    RecoveryLine.objects.filter(run=locked, recipient__notice__state=NoticeState.DRAFT).update(recipient=None)
    notice, recipients = draft(
        context=context,
        fiscal_year=locked.fiscal_year,
        addressees=addressees,
        source_key=f"{prefix}{issued + 1}",
        by=by,
    )
    for line in lines:
        line.recipient = recipients[line.project_year.department_id]
    RecoveryLine.objects.bulk_update(lines, ["recipient"], batch_size=500)
    return notice
