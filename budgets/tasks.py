"""Background work of this app: imports, and the nightly check of the totals."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.core.mail import mail_admins
from django.utils import timezone

from budgets.services.checking import differing_totals
from budgets.services.uploads import run_import
from core.jobs import Run, enqueue, job
from core.services import Refused


@job("budgets.import_workbook")
def import_workbook(run: Run) -> dict[str, Any]:
    return run_import(run)


@job("budgets.check_totals")
def check_totals(run: Run) -> dict[str, Any]:
    """Compare 年度合计 with the ledger; differences are mailed to ADMINS and end the job as failed."""
    count, listed = differing_totals()
    if not count:
        return {"differing": 0}
    lines = "\n".join(str(line) for line in listed)
    mail_admins("年度合计与流水不符", f"共 {count} 条指标的年度合计与流水不符，请停止导入并核查：\n{lines}")
    raise Refused(f"共 {count} 条指标的年度合计与流水不符。", code="totals_differ")


@shared_task(name="budgets.check_totals_nightly")
def check_totals_nightly() -> None:
    """Beat: one check a day, whatever beat does twice."""
    today = timezone.localdate()
    enqueue(check_totals, key=f"{today}", title=f"核对年度合计（{today}）", by=None)
