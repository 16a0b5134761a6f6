"""Pages of recovery: their queries, live what-if, steps by the people whose they are, and what a refusal keeps."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from budgets.models import LedgerEntry
from monitoring.enums import LineState
from monitoring.models import RecoveryLine, RecoveryRule, RecoveryRun
from tests.monitoring.rows import line_of
from tests.monitoring.world import YEAR, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


def client(user):
    found = Client()
    found.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return found


def url(name, **keys):
    return reverse(name, kwargs={"year": YEAR, **keys})


def queries(who, address):
    client_ = client(who)
    client_.get(address)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client_.get(address).status_code == 200
    return len(caught)


@pytest.mark.parametrize("name", ["recovery_list", "recovery_pending"])
def test_lists_ask_the_same_number_of_queries_for_one_row_and_three(world, name):
    state = LineState.PENDING if name == "recovery_pending" else LineState.PROPOSED
    line_of(world.units[0], state, by=world.section)
    one = queries(world.section, url(name))
    for unit in (world.units[0], world.units[1]):
        line_of(unit, state, by=world.section)
    assert queries(world.section, url(name)) == one <= 20


def test_the_what_if_asks_the_same_number_of_queries_for_more_lines():
    small = World(projects=1)
    one = queries(small.section, url("recovery_what_if"))
    for unit in small.units:
        line_of(unit, LineState.PROPOSED, by=small.section)
    RecoveryRule.objects.published()
    assert queries(small.section, url("recovery_what_if")) == one <= 32


def test_the_what_if_is_live_and_writes_nothing(world):
    page = client(world.leader).get(url("recovery_what_if"))
    text = page.content.decode()
    assert "320.00" in text
    assert "不写入任何数据" in text
    data = {
        "as_of": "2023-09-30",
        "rate": "15",
        "minimum": "1",
        "round_down_to": "100",
        "levels": ["本级", "上级"],
        "vintages": ["当年", "结转"],
    }
    part = client(world.leader).get(
        url("recovery_what_if"), data, headers={"HX-Request": "true", "HX-Target": "results"}
    )
    text = part.content.decode()
    assert "没有命中的项目" in text
    assert "<html" not in text
    assert "15%</strong>" in text
    assert not RecoveryRule.objects.exists()


def test_compared_with_a_published_version(world):
    rule = world.rule(rate_below=Decimal("0.15"))
    data = {
        "as_of": "2023-09-30",
        "rate": "50",
        "minimum": "1",
        "round_down_to": "100",
        "levels": ["本级", "上级"],
        "vintages": ["当年", "结转"],
        "compare": rule.pk,
    }
    text = client(world.section).get(url("recovery_what_if"), data).content.decode()
    assert "较规则 2023-1 版 +320.00（+4 行）" in text


def test_a_wrong_condition_says_so(world):
    text = client(world.section).get(url("recovery_what_if"), {"as_of": "2024-01-01", "rate": "50"}).content.decode()
    assert "截止日期应在 2023 预算年度内" in text


def test_publishing_and_running_from_the_page(world, django_capture_on_commit_callbacks):
    section = client(world.section)
    data = {
        "as_of": "2023-09-30",
        "rate": "50",
        "minimum": "1",
        "round_down_to": "100",
        "levels": ["本级", "上级"],
        "vintages": ["当年", "结转"],
        "marks": ["三保"],
        "legal_basis": "预算法第四十二条",
    }
    assert section.post(url("recovery_rule_publish"), data).status_code == 302
    rule = RecoveryRule.objects.get()
    assert (rule.state, rule.exempt_marks, rule.minimum) == ("published", ["三保"], Decimal(10_000))
    answer = section.post(url("recovery_run_start", pk=rule.pk))
    run = RecoveryRun.objects.get()
    assert answer.headers["Location"] == url("recovery_run", pk=run.pk)
    assert "收回测算" in section.get(answer.headers["Location"]).content.decode()


def test_an_opinion_from_the_page_and_a_refusal_keeps_what_was_typed(world):
    line = world.lines(world.consulted())[0]
    unit = client(world.unit_reviewers[0])
    assert "反馈期限 2023-10-13" in unit.get(url("recovery_line", pk=line.pk)).content.decode()
    wrong = {"version": line.version, "stance": "object", "accepted": "1000", "must_pay": "5", "text": "正在施工"}
    page = unit.post(url("recovery_line_opinion", pk=line.pk), wrong)
    assert page.status_code == 422
    assert "须写明事由和佐证" in page.content.decode()
    assert "正在施工" in page.content.decode()
    right = wrong | {"must_pay_reason": "工程款", "evidence_note": "合同"}
    right["evidence"] = SimpleUploadedFile("合同.pdf", b"%PDF-1.4 contract")
    assert unit.post(url("recovery_line_opinion", pk=line.pk), right).status_code == 302
    opinion = line.opinions.get()
    assert (opinion.accepted, opinion.evidence.get().name) == (Decimal(1000), "合同.pdf")
    stale = unit.post(url("recovery_line_opinion", pk=line.pk), right | {"evidence": ""})
    assert "请刷新后再办理" in stale.content.decode()


def test_the_way_to_execution_on_pages(world):
    run = world.consulted()
    section, budget = client(world.section), client(world.budget)
    section.post(url("recovery_run_submit", pk=run.pk))
    ids = [line.pk for line in run.lines.all()]
    answer = budget.post(url("recovery_list"), {"action": "keep", "ids": ids}, follow=True)
    assert "已办理 4 行，合计 320.00 万元" in answer.content.decode()
    decision = {"meeting": "局长办公会", "date": "2023-10-20", "signatory": "局长"}
    answer = section.post(url("recovery_run_decide", pk=run.pk), decision, follow=True)
    assert "决定收回 320.00 万元" in answer.content.decode()
    section.post(url("recovery_run_hand_over", pk=run.pk))
    assert RecoveryLine.objects.filter(state=LineState.PENDING).count() == 4
    given = {"action": "execute", "ids": ids, "document_number": "青财预〔2023〕88号", "executed_on": "2023-10-23"}
    answer = budget.post(url("recovery_pending"), given, follow=True)
    assert "已确认执行 4 行" in answer.content.decode()
    assert LedgerEntry.objects.filter(kind="recovery").count() == 4
    answer = section.post(url("recovery_run_notice", pk=run.pk), follow=True)
    assert "关于收回2023年度部分项目预算资金的通知" in answer.content.decode()
    text = section.get(url("recovery_line", pk=ids[0])).content.decode()
    assert "收回前" in text


def test_the_handed_list_is_exported(world):
    world.pending()
    answer = client(world.budget).post(url("recovery_pending") + "?export=xlsx")
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    text = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert any("P00000" in map(str, row) and "Z-P00000" in map(str, row) for row in text)


def test_opinions_by_workbook(world, tmp_path):
    run = world.consulted()
    unit = client(world.unit_reviewers[0])
    answer = unit.post(url("recovery_opinion_workbook"), {"step": "template"})
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    sheet = book["收回意见"]
    rows = list(sheet.iter_rows())
    heading = next(i for i, row in enumerate(rows) if row[0].value == "*清单号")
    place = {cell.value.split("（")[0]: cell.column - 1 for cell in rows[heading]}
    filled = [row for row in rows[heading + 1 :] if row[0].value]
    assert len(filled) == 2  # only the own unit's
    filled[0][place["意见"]].value = "同意"
    filled[1][place["意见"]].value = "有异议"
    target = tmp_path / "opinions.xlsx"
    book.save(target)

    def check():
        upload = SimpleUploadedFile("opinions.xlsx", target.read_bytes())
        return unit.post(url("recovery_opinion_workbook"), {"step": "check", "file": upload})

    text = check().content.decode()
    assert "有异议的，须在“说明”写明理由" in text
    filled[1][place["说明"]].value = "年底支付"
    book.save(target)
    page = check()
    assert "将新增" in page.content.decode()
    assert not RecoveryLine.objects.filter(opinions__isnull=False).exists()
    unit.post(url("recovery_opinion_workbook"), {"step": "confirm", "token": page.context["token"]})
    stances = [line.opinions.get().stance for line in world.lines(run)[:2]]
    assert stances == ["agree", "object"]
    again = check().content.decode()
    assert '将新增 <strong class="num">0</strong>，更新 <strong class="num">0</strong>' in again


def test_the_rest_door_shows_what_one_may_see(world):
    world.consulted()
    answer = client(world.reviewers[0]).get("/api/v1/recovery-lines/").json()
    assert {row["pro_code"] for row in answer["results"]} == {"P00000", "P00001"}
    assert answer["results"][0]["recoverable"] == "800000.00"
