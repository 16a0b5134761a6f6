"""Drafting, numbering, issuing, receipts and printing of notices, from executed recovery lines."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from core.jobs import run_now
from core.services import Refused, open_file
from monitoring import services as recovery
from monitoring.models import RecoveryLine
from notices import services
from notices.models import Notice, NumberSequence, Recipient
from tests.monitoring.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World(projects=3)


@pytest.fixture
def notice(world):
    return recovery.draft_notice(run=world.executed(), by=world.section)


def pages(content: bytes) -> str:
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_drafting_again_rewrites_the_draft(world, notice):
    run = RecoveryLine.objects.first().run
    again = recovery.draft_notice(run=run, by=world.section)
    assert again.pk == notice.pk
    assert Notice.objects.count() == 1
    assert notice.recipients.count() == 2
    assert not RecoveryLine.objects.filter(recipient__isnull=True).exists()


def test_issued_it_never_changes(world, notice):
    issued = services.issue(notice=notice, by=world.section, issued_on=date(2023, 11, 1))
    assert issued.number == "青财绩效〔2023〕1号"
    with pytest.raises(Refused, match="已印发"):
        services.issue(notice=notice, by=world.section)
    for sql in (
        "UPDATE notices_notice SET title = 'x'",
        "DELETE FROM notices_notice",
        "UPDATE notices_recipient SET part = '{}'",
    ):
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    with pytest.raises(Refused, match="没有已执行而未通知的行"):
        recovery.draft_notice(run=RecoveryLine.objects.first().run, by=world.section)


def test_a_number_by_hand_then_the_next_in_sequence(world, notice):
    issued = services.issue(notice=notice, by=world.section, issued_on=date(2023, 11, 1), number="青财绩效〔2023〕31号")
    assert issued.serial == 31
    assert services.next_number(2023) == "青财绩效〔2023〕32号"
    assert services.next_number(2024) == "青财绩效〔2024〕1号"


@pytest.mark.parametrize("number", ["青财绩效[2023]31号", "青财绩效〔2023〕031号", "青财绩效〔2023〕第31号"])
def test_a_number_that_is_not_written_right_is_refused(world, notice, number):
    with pytest.raises(Refused, match="不规范"):
        services.issue(notice=notice, by=world.section, number=number)
    notice.refresh_from_db()
    assert (notice.state, NumberSequence.objects.count()) == ("draft", 0)


def test_a_used_number_is_refused(world, notice):
    services.issue(notice=notice, by=world.section, number="青财绩效〔2023〕5号", issued_on=date(2023, 11, 1))
    other = Notice.objects.create(
        kind=notice.kind, fiscal_year=2023, title="t", context=notice.context, source_key="o", created_by=world.section
    )
    with pytest.raises(Refused, match="青财绩效〔2023〕5号 已被使用"):
        services.issue(notice=other, by=world.section, number="青财绩效〔2023〕5号", issued_on=date(2023, 11, 1))


def test_only_the_section_issues(world, notice):
    with pytest.raises(Refused, match="由绩效科印发"):
        services.issue(notice=notice, by=world.budget)


def test_receipt_is_confirmed_by_the_department_itself_and_once(world, notice):
    part = notice.recipients.get(organisation=world.departments[0])
    with pytest.raises(Refused, match="尚未印发"):
        services.confirm_receipt(recipient=part, by=world.reviewers[0])
    services.issue(notice=notice, by=world.section)
    with pytest.raises(Refused, match="您没有该权限"):
        services.confirm_receipt(recipient=part, by=world.reviewers[1])
    first = services.confirm_receipt(recipient=part, by=world.reviewers[0])
    again = services.confirm_receipt(recipient=part, by=world.reviewers[0])
    assert (again.confirmed_at, again.confirmed_by) == (first.confirmed_at, world.reviewers[0])


def test_every_amount_agrees_down_to_the_ledger_and_up_to_the_notice(world, notice):
    """告知单 as printed = Σ its list = Σ the department's RECOVERY entries; Σ departments = the notice's total."""
    issued = services.issue(notice=notice, by=world.section, issued_on=date(2023, 11, 1))
    batch = services.start_batch(notice=issued, by=world.section)
    job = run_now(batch.job)
    assert (job.state, job.errors) == ("done", [])
    ledger: dict[int, Decimal] = defaultdict(Decimal)
    for line in RecoveryLine.objects.select_related("entry", "project_year"):
        ledger[line.project_year.department_id] -= line.entry.amount
    total = Decimal(0)
    for part in issued.recipients.select_related("pdf"):
        with open_file(part.pdf) as source:
            text = pages(source.read())
        flat = re.sub(r"\s", "", text)
        printed = Decimal(re.search(r"合计([\d,.]+)万元，明细如下", flat)[1].replace(",", "")) * 10_000
        listed = sum(Decimal(row["amount"]) for row in part.part["lines"])
        assert printed == listed == Decimal(part.part["amount"]) == ledger[part.organisation_id] == Decimal(2_400_000)
        assert part.name in flat
        assert "〔2023〕" not in flat.replace("青财预〔2023〕88号", "")
        for row in part.part["lines"]:
            assert row["project_code"] in flat
        total += printed
    letter = next(f for f in job.files.all() if f.name.endswith(".pdf"))
    with open_file(letter.file) as source:
        flat = re.sub(r"\s", "", pages(source.read()))
    assert "青财绩效〔2023〕1号" in flat
    told = Decimal(re.search(r"项预算资金，合计([\d,.]+)万元", flat)[1].replace(",", "")) * 10_000
    assert told == total == sum(ledger.values()) == Decimal(4_800_000)


def test_a_batch_again_gives_the_same_files(world, notice):
    issued = services.issue(notice=notice, by=world.section, issued_on=date(2023, 11, 1))

    def drawn() -> dict[str, str]:
        batch = services.start_batch(notice=issued, by=world.section)
        job = run_now(batch.job)
        assert job.state == "done"
        files = {f.name: f.file.sha256 for f in job.files.select_related("file")}
        return files | {str(p.pk): p.pdf.sha256 for p in Recipient.objects.select_related("pdf")}

    first = drawn()
    assert drawn() == first
    name = next(name for name in first if name.endswith(".zip"))
    packed = issued.batches.all()[0].job.files.get(name=name)
    with open_file(packed.file) as source, zipfile.ZipFile(source) as z:
        assert len(z.namelist()) == 2 + 2
        assert z.testzip() is None


def test_a_draft_is_not_printed_in_a_batch(world, notice):
    with pytest.raises(Refused, match="印发后"):
        services.start_batch(notice=notice, by=world.section)


@pytest.mark.django_db(transaction=True)
def test_two_issued_at_once_get_two_numbers():
    world = World(projects=1)
    first = recovery.draft_notice(run=world.executed(), by=world.section)
    second = Notice.objects.create(
        kind=first.kind, fiscal_year=2023, title="t", context=first.context, source_key="o", created_by=world.section
    )
    barrier = threading.Barrier(2)
    failed = []

    def issue(notice: Notice) -> None:
        try:
            barrier.wait(10)
            services.issue(notice=notice, by=world.section, issued_on=date(2023, 11, 1))
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=issue, args=[n]) for n in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert sorted(Notice.objects.values_list("serial", flat=True)) == [1, 2]
