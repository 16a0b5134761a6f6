"""本年必须支付, declared with evidence; it never counts as spending."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction

from budgets.models import Commitment, ProjectYear
from core.services import Refused


@transaction.atomic
def declare_commitment(
    *, project_year: ProjectYear, allocation: str, amount: Decimal, reason: str, evidence: str, by: Any
) -> Commitment:
    """Declare (or declare anew) what the line must still pay this year, in yuan; `allocation` "" for the project."""
    if amount < 0:
        raise Refused("本年必须支付金额不能为负。", code="negative")
    if not (reason.strip() and evidence.strip()):
        raise Refused("申报本年必须支付的，须写明事由和佐证。", code="evidence_missing")
    commitment, _ = Commitment.objects.update_or_create(
        project_year=project_year,
        allocation=allocation,
        defaults={"amount": amount, "reason": reason.strip(), "evidence": evidence.strip(), "declared_by": by},
    )
    return commitment
