"""消失流水: a person takes the entry back or keeps it, with a reason."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from budgets.enums import VanishedState
from budgets.models import IMPORTERS, VanishedEntry
from budgets.services import staging
from core.services import Refused


@transaction.atomic
def settle_vanished(*, vanished: VanishedEntry, reverse: bool, reason: str, by: Any) -> VanishedEntry:
    """Take back what the vanished row has posted, or keep it. Raises `Refused` where it is settled already,
    no reason is given, or taking it back would leave the project's cumulative payment below zero."""
    _require(by)
    if not reason.strip():
        raise Refused("请填写理由。", code="reason_missing")
    staging.lock_imports()
    locked = VanishedEntry.objects.select_for_update(of=("self",)).select_related("entry").get(pk=vanished.pk)
    if locked.state != VanishedState.OPEN:
        raise Refused(f"该笔已处理为“{locked.get_state_display()}”，请刷新页面。", code="settled")
    if reverse:
        entry = locked.entry
        staging.execute(_REVERSE, {"source": entry.source_id, "key": entry.source_key, "entry": entry.pk})
        if staging.below_zero(entry.project_year_id):
            raise Refused("冲销后该项目的累计支付小于零，请先核对其退回。", code="below_zero")
    locked.state = VanishedState.REVERSED if reverse else VanishedState.KEPT
    locked.decided_by, locked.decided_at, locked.reason = by, timezone.now(), reason.strip()[:200]
    locked.save()
    return locked


def _require(by: Any) -> None:
    if by is not None and not by.role_set & IMPORTERS:
        raise Refused("只有绩效科和预算科可以处理。", code="role")


# Whatever the key has posted, all revisions together, is taken back at the date of its last entry.
_REVERSE = """
INSERT INTO budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, batch_id, recorded_at)
SELECT e.project_year_id, e.source_id, e.source_key, s.revision + 1, TRUE, e.kind, -s.amount, e.date,
    e.allocation, e.vintage, e.fund_source, e.fund_level, e.function_code, e.economic_code, e.summary, NULL, now()
FROM budgets_ledgerentry e, (
    SELECT SUM(amount) AS amount, MAX(revision) AS revision FROM budgets_ledgerentry
    WHERE source_id = %(source)s AND source_key = %(key)s
) s
WHERE e.id = %(entry)s AND s.amount <> 0
"""
