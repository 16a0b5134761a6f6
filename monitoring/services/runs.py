"""Runs: one published rule used on one snapshot of the ledger, as a background job."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date
from typing import Any

from django.db import transaction

from core.jobs import enqueue
from core.services import Refused
from monitoring.enums import RuleState
from monitoring.models import RecoveryRule, RecoveryRun
from monitoring.queries import recovery
from monitoring.services.authority import require_section


@transaction.atomic
def start_run(*, rule: RecoveryRule, by: Any, as_of: date | None = None) -> RecoveryRun:
    """Write the run with its job; Celery computes it. `as_of` defaults to the rule's own date.

    Raises `Refused` for a draft, a date outside the year, or while the same run is going on.
    """
    require_section(by)
    if rule.state != RuleState.PUBLISHED:
        raise Refused(f"{rule}尚未发布，只能推演，不能正式测算。", code="draft")
    as_of = as_of or rule.as_of
    if as_of.year != rule.fiscal_year:
        raise Refused(f"截至日 {as_of} 不在 {rule.fiscal_year} 预算年度内。", code="AS_OF_OUTSIDE_YEAR")
    from monitoring.tasks import compute_run  # the task imports the services

    run = RecoveryRun.objects.create(rule=rule, fiscal_year=rule.fiscal_year, as_of=as_of, started_by=by)
    run.job = enqueue(
        compute_run,
        key=f"{rule.pk}:{as_of}",
        title=f"收回测算：{rule.fiscal_year} 年度，截至 {as_of}",
        by=by,
        total=1,
        unit="步",
        run=run.pk,
    )
    run.save(update_fields=["job"])
    return run


def compute(*, run_id: int, guard: AbstractContextManager[None] | None = None) -> int:
    """Compute a run, once: a second call finds it done and writes nothing. Returns the number of its lines.

    `guard` is the job's own transaction, so that of two workers only the present holder can write.
    """
    with guard or transaction.atomic():
        run = RecoveryRun.objects.select_for_update(of=("self",)).select_related("rule").get(pk=run_id)
        if run.computed_at is None:
            question = recovery.Question(run.rule.rule_set, run.fiscal_year, run.as_of)
            recovery.store_run(run.pk, question)
            run.refresh_from_db()
        return run.lines_found
