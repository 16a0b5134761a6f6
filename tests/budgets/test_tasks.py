"""The import as a job: killed between any two steps and taken up again, it ends the same."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from budgets.enums import SourceKind
from budgets.models import ImportBatch, LedgerEntry, YearTotals
from budgets.services.uploads import choose_source, confirm_import, run_import, start_import
from budgets.tasks import import_workbook
from core.jobs import Run, Superseded, claim, run_now
from core.models import Job, SecurityEvent
from core.services import Refused
from organisations.enums import Role
from tests.budgets.builders import YEAR, county, projects
from tests.budgets.sheets import LEDGER_HEADINGS, workbook
from tests.factories import user_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def section():
    county()
    projects(1)
    return user_with(Role.PERFORMANCE_SECTION)


@pytest.fixture
def job(section, tmp_path: Path) -> Job:
    """A checked and confirmed import of two vouchers, not yet run."""
    rows = [["支付", f"V{n}", None, date(YEAR, 3, 1), YEAR, "P00001", 10] for n in (1, 2)]
    file = workbook(tmp_path / "v.xlsx", LEDGER_HEADINGS, rows)
    upload = SimpleUploadedFile("凭证.xlsx", file.read_bytes())
    checked = start_import(
        task=import_workbook,
        uploads=[upload],
        source=choose_source(name="", kind=SourceKind.VOUCHERS),
        fiscal_year=YEAR,
        by=section,
    )
    run_now(checked)
    return confirm_import(task=import_workbook, checked=checked, by=section)


def fall_silent(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))


def end_state() -> tuple:
    entries = LedgerEntry.objects.filter(kind="payment").order_by("source_key")
    return (
        list(entries.values_list("source_key", "revision", "amount", "is_reversal")),
        YearTotals.objects.get().paid,
        ImportBatch.objects.filter(source__kind="vouchers").count(),
        SecurityEvent.objects.filter(kind="import").count(),
    )


EXPECTED = ([(f"{YEAR}:V1", 1, 10, False), (f"{YEAR}:V2", 1, 10, False)], 20, 1, 1)


def test_undisturbed(job):
    done = run_now(job)
    assert (done.state, done.result["created"], done.done, done.total) == ("done", 2, 2, 2)
    assert end_state() == EXPECTED


def test_killed_after_the_commit_it_says_what_it_did(job):
    claimed = claim(job.pk)
    run_import(Run(claimed))  # and the process dies before the job is marked as done
    fall_silent(job)
    done = run_now(job)
    assert (done.state, done.result["created"], done.fence) == ("done", 2, 2)
    assert end_state() == EXPECTED


def test_killed_before_the_commit_it_begins_again(job, monkeypatch):
    claimed = claim(job.pk)
    with monkeypatch.context() as patch:
        patch.setattr(Job, "save", lambda *args, **kwargs: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            run_import(Run(claimed))
    assert not LedgerEntry.objects.filter(kind="payment").exists()
    fall_silent(job)
    assert run_now(job).state == "done"
    assert end_state() == EXPECTED


def test_an_older_holder_writes_nothing(job):
    older = Run(claim(job.pk))
    fall_silent(job)
    run_now(job)
    with pytest.raises(Superseded):
        run_import(older)
    assert end_state() == EXPECTED


def test_only_those_who_import_may_start_or_confirm(section, job):
    officer = user_with(Role.DIVISION_OFFICER)
    with pytest.raises(Refused, match="只有绩效科和预算科"):
        confirm_import(task=import_workbook, checked=job, by=officer)
    with pytest.raises(Refused, match="请先完成检查"):
        confirm_import(task=import_workbook, checked=job, by=section)
