"""The main job as people do it: from two workbooks to a notice that its departments have confirmed.

It starts with organisations and users only. The files are those of the import page, filled in as Excel would; the
background work is done by a real worker process. Figures are asserted against amounts worked out by hand.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum
from openpyxl import load_workbook
from playwright.sync_api import expect
from pypdf import PdfReader

from budgets.enums import PAYMENT_KINDS, EntryKind
from budgets.models import Commitment, LedgerEntry, ProjectYear, YearTotals
from core.models import Job
from monitoring.enums import LineState, Stance
from monitoring.models import Opinion, RecoveryDecision, RecoveryRule, RecoveryRun
from notices.models import Notice, Recipient
from tests.browser.conftest import Visitor
from tests.browser.main_job import (
    ARCHIVES,
    AS_OF,
    ASSIGNED,
    BUSES,
    DECIDED,
    DOCUMENT,
    FARMLAND,
    GRANTS,
    MINUTE,
    PROPOSED,
    ROADS,
    ROWS,
    SCAN,
    SCHOOLS,
    TRAINING,
    YEAR,
    Journey,
    ended,
    fill,
    ledger_rows,
    line_of,
    people,
    project_row,
    upload,
    wan,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Journey.look judges each page at both sizes.
ONE_WINDOW = pytest.mark.parametrize("visitor", ["1440x900"], indirect=True)


@pytest.fixture
def worker(live_server: Any) -> Iterator[None]:
    """A real worker on the test's database and Redis, so that every job of the pages is done by it."""
    at = connection.settings_dict
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "qingtian_perf.settings.test",
        "DATABASE_URL": f"postgres://postgres@{at['HOST'].replace('/', '%2F')}/{at['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
    }
    command = [sys.executable, "-m", "celery", "-A", "qingtian_perf", "worker", "-c", "1", "-l", "warning"]
    process = subprocess.Popen(command, env=env, start_new_session=True)
    yield
    assert process.poll() is None, "the worker ended before the test did"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


# ----- the steps -----


def a_faulty_workbook_is_refused(at: Journey) -> Path:
    """Every error at its cell, on the page and in the user's own file; nothing is written."""
    page = at.log_in(at.people.section)
    at.go(f"/{YEAR}/")
    at.said("本年度还没有项目")
    at.look("desk-empty")
    at.go(f"/{YEAR}/imports/")
    at.look("import-empty")
    template = at.download(page.get_by_role("button", name="项目及预算模板"), "项目模板.xlsx")
    rows = [project_row(row) for row in ROWS]
    rows[0] |= {"年初预算（元）": "二百万元"}
    rows[1] |= {"预算单位代码": "999001"}
    rows[3] |= {"项目代码": rows[2]["项目代码"]}
    rows[4] |= {"项目类别": "其他"}
    letters = fill(template, rows, at.files / "项目（有误）.xlsx")
    upload(at, "项目及预算", at.files / "项目（有误）.xlsx")
    ended(at, "failed")
    places = [
        f"{letters['年初预算（元）']}2",
        f"{letters['预算单位代码']}3",
        f"{letters['项目代码']}5",
        f"{letters['项目类别']}6",
    ]
    for place in places:
        expect(page.locator(".job .errors").get_by_text(re.compile(rf"项目 {place}$"))).to_be_visible()
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    at.look("import-errors")
    marked = at.download(page.get_by_role("link", name="错误标注.xlsx"), "错误标注.xlsx")
    sheet = load_workbook(marked)["项目"]
    for place in places:
        assert sheet[place].comment is not None, place
    assert sheet[f"{letters['项目代码']}2"].comment is None
    assert not ProjectYear.objects.exists()
    assert not LedgerEntry.objects.exists()
    return template


def projects_come_in(at: Journey, template: Path) -> None:
    page, file = at.page, at.files / "项目.xlsx"
    fill(template, [project_row(row) for row in ROWS], file)
    upload(at, "项目及预算", file)
    ended(at)
    at.said("尚未写入")
    assert not ProjectYear.objects.exists()
    at.look("import-checked")
    page.get_by_role("button", name="确认导入").click()
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    ended(at)
    assert {one.project.code: one.name for one in ProjectYear.objects.all()} == {row.code: row.name for row in ROWS}
    booked = LedgerEntry.objects.aggregate(total=Sum("amount"))["total"]
    assert booked == sum(row.budget for row in ROWS if not row.allocation)


def payments_come_in(at: Journey) -> None:
    page = at.go(f"/{YEAR}/imports/")
    template = at.download(page.get_by_role("button", name="支付凭证模板"), "支付模板.xlsx")
    fill(template, list(ledger_rows()), at.files / "支付.xlsx")
    upload(at, "支付凭证", at.files / "支付.xlsx", AS_OF.isoformat())
    ended(at)
    at.said("尚未写入")
    page.get_by_role("button", name="确认导入").click()
    expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    ended(at)
    at.look("import-done")
    paid = LedgerEntry.objects.filter(kind__in=PAYMENT_KINDS).aggregate(total=Sum("amount"))["total"]
    assert paid == sum(Decimal(amount) for row in ROWS for _, amount in row.paid)
    # The same file again changes nothing.
    entries = LedgerEntry.objects.count()
    upload(at, "支付凭证", at.files / "支付.xlsx", AS_OF.isoformat())
    ended(at)
    expect(page.locator("#import-state")).to_contain_text(re.compile(r"将新增\s*0\s*，更新\s*0\s*"))
    assert LedgerEntry.objects.count() == entries
    assert not Job.objects.active().exists()


def projects_are_seen(at: Journey) -> None:
    # Elapsed time is that of the payments; the table of budgets, which names no day, does not move it.
    page = at.go(f"/{YEAR}/")
    expect(at.stat("已支付")).to_contain_text("截至 2023-09-30")
    expect(at.stat("执行率")).to_contain_text("75.0%")
    # What failed was done again since, so nobody is sent to it.
    expect(page.get_by_text("未完成，请查看错误")).to_have_count(0)
    at.go(f"/{YEAR}/projects/")
    totals = YearTotals.objects.aggregate(adjusted=Sum("adjusted"), paid=Sum("paid"))
    assert totals["adjusted"] == sum(row.budget for row in ROWS)
    expect(page.locator("tr.totals")).to_contain_text(wan(totals["adjusted"]))
    expect(page.locator("tr.totals")).to_contain_text(wan(totals["paid"]))
    expect(page.locator("tbody tr")).to_have_count(len(ROWS))
    at.look("projects")
    page.get_by_role("link", name=FARMLAND.name).click()
    expect(at.stat("执行率")).to_contain_text("20.00")
    expect(page.locator("#execution svg")).to_be_visible()
    expect(page.get_by_text(FARMLAND.allocation).first).to_be_visible()
    at.look("project")


def the_rule_is_tried_and_published(at: Journey) -> None:
    page = at.go(f"/{YEAR}/recovery/what-if/")
    half = sum(amount for row, amount in PROPOSED.items() if row is not BUSES)
    expect(at.stat("推算可收回")).to_contain_text(wan(half + GRANTS.budget))
    page.get_by_label("三保").check()
    expect(at.stat("推算可收回")).to_contain_text(wan(half))
    slider = page.get_by_label(re.compile("执行率低于"))
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    expect(at.stat("推算可收回")).to_contain_text(wan(sum(PROPOSED.values())))
    expect(page.locator("#rate-shown")).to_have_text("60%")
    for row, amount in PROPOSED.items():
        expect(page.locator("#results tbody tr", has_text=row.name).last).to_contain_text(wan(amount))
    at.look("what-if")
    assert not RecoveryRule.objects.exists()
    page.get_by_label("依据").fill("《中华人民共和国预算法》第四十二条")
    page.get_by_role("button", name="发布规则").click()
    page.locator("#confirm-dialog").get_by_role("button", name="取消").click()
    # A late refresh of the what-if, with the button still in focus, must not go to that button's address.
    page.get_by_label("依据").dispatch_event("input")
    page.wait_for_timeout(1000)
    assert not RecoveryRule.objects.exists()
    page.get_by_role("button", name="发布规则").click()
    at.agree("发布后不能再改")
    at.said("已发布")
    rule = RecoveryRule.objects.get()
    assert (rule.rate_below, rule.exempt_marks, rule.as_of) == (Decimal("0.6"), ["三保"], AS_OF)
    at.look("rule")


def the_recovery_is_computed_and_asked(at: Journey) -> None:
    page = at.page
    page.get_by_role("button", name="正式测算").click()
    at.agree("生成拟收回清单")
    page.wait_for_url(re.compile(r"/recovery/runs/\d+/$"))
    # The page itself shows the next step when the worker is through; nobody has to load it again.
    ask = page.get_by_role("button", name="征求意见（5 行）")
    expect(ask).to_be_visible(timeout=MINUTE)
    run = RecoveryRun.objects.get()
    assert run.recoverable == sum(PROPOSED.values())
    assert {line.project_year.project.code: line.recoverable for line in run.lines.exclude(status="exempt")} == {
        row.code: PROPOSED.get(row, 0) for row in (*PROPOSED, ARCHIVES)
    }
    assert line_of(GRANTS).exempt_reason == "mark"
    expect(at.stat("拟收回")).to_contain_text(wan(run.recoverable))
    at.look("run")
    ask.click()
    at.agree("5 行")
    at.said("已就 5 行征求意见")
    assert run.lines.filter(state=LineState.CONSULTING).count() == 5
    page.get_by_role("link", name="清单", exact=True).click()
    expect(page.locator("tr.totals")).to_contain_text(wan(run.recoverable))
    at.look("recovery-list")


def the_unit_objects(at: Journey) -> None:
    """The clerk finds it under 待办, declares what must still be paid with evidence, and agrees to the other line."""
    page = at.log_in(at.people.clerk)
    wanted = PROPOSED[FARMLAND] + PROPOSED[ROADS]
    expect(page.locator(".todo")).to_contain_text(f"2 个项目拟收回 {wan(wanted)} 万元，请反馈意见")
    at.look("clerk-desk")
    page.get_by_role("link", name="请反馈意见").click()
    page.get_by_role("link", name=FARMLAND.name).click()
    page.get_by_label("有异议").check()
    page.get_by_label("本年必须支付（元）").fill("300000")
    page.get_by_role("button", name="提交意见").click()
    at.said("须写明事由和佐证")
    at.look("opinion-refused")
    # What was typed is still there.
    expect(page.get_by_label("本年必须支付（元）")).to_have_value("300000")
    page.get_by_label("同意收回金额（元）").fill("1300000")
    page.get_by_label("必须支付事由").fill("标段二合同进度款")
    page.get_by_label("佐证及存放处").fill("施工合同第 12 条，财务室")
    page.get_by_label("说明").fill("合同约定 11 月支付进度款。")
    scan = {"name": "施工合同.pdf", "mimeType": "application/pdf", "buffer": SCAN}
    page.locator('input[type="file"]').set_input_files(scan)
    page.get_by_role("button", name="提交意见").click()
    at.said("意见已提交")
    expect(page.get_by_role("link", name="施工合同.pdf")).to_be_visible()
    # Who has answered sees that, and no empty form that would agree by accident.
    expect(page.get_by_role("button", name="提交意见")).to_be_hidden()
    at.look("opinion")
    page.get_by_text("需要更正时点此修改").click()
    expect(page.get_by_label("有异议")).to_be_checked()
    expect(page.get_by_label("本年必须支付（元）")).to_have_value("300000.00")
    opinion = Opinion.objects.get(line__project_year__project__code=FARMLAND.code)
    assert (opinion.stance, opinion.accepted, opinion.must_pay) == (Stance.OBJECT, 1_300_000, 300_000)
    assert opinion.evidence.get().name == "施工合同.pdf"
    assert Commitment.objects.get().amount == 300_000
    # Declared is not spent.
    assert LedgerEntry.objects.filter(kind__in=PAYMENT_KINDS, amount=300_000).count() == 0
    at.go(f"/{YEAR}/recovery/")
    page.get_by_role("link", name=ROADS.name).click()
    page.get_by_label("同意", exact=True).check()
    page.get_by_role("button", name="提交意见").click()
    at.said("意见已提交")
    at.go(f"/{YEAR}/")
    at.said("没有等您办理的事项")


def the_other_department_answers_by_workbook(at: Journey) -> None:
    page = at.log_in(at.people.education)
    at.go(f"/{YEAR}/recovery/opinions/")
    file = at.download(page.get_by_role("button", name="下载意见表"), "意见表.xlsx")
    book = load_workbook(file)
    sheet = book["收回意见"]
    letters = {str(cell.value).lstrip("*"): cell.column_letter for cell in sheet[1]}
    for number in range(2, sheet.max_row + 1):
        dropped = sheet[f"{letters['项目名称']}{number}"].value == SCHOOLS.name
        sheet[f"{letters['意见']}{number}"] = "有异议" if dropped else "同意"
        if dropped:
            sheet[f"{letters['同意收回金额（元）']}{number}"] = 0
            sheet[f"{letters['说明']}{number}"] = "工程已竣工，正在办理结算。"
    book.save(file)
    page.locator('input[type="file"]').set_input_files(file)
    page.get_by_role("button", name="检查").click()
    at.said("尚未提交")
    at.look("opinion-workbook")
    assert Opinion.objects.count() == 2
    page.get_by_role("button", name="确认提交").click()
    at.said("意见已提交：新增 3")
    assert Opinion.objects.filter(organisation__code="203", stance=Stance.AGREE).count() == 2


def the_division_has_its_say(at: Journey) -> None:
    page = at.log_in(at.people.officer)
    page.get_by_role("link", name="请反馈意见").click()
    page.get_by_role("link", name=FARMLAND.name).click()
    page.get_by_label("有异议").check()
    page.get_by_label("同意收回金额（元）").fill("1300000")
    page.get_by_label("说明").fill("经核实合同属实，同意保留 30 万元。")
    page.get_by_role("button", name="提交意见").click()
    at.said("意见已提交")
    assert set(Opinion.objects.filter(line=line_of(FARMLAND)).values_list("party", flat=True)) == {"unit", "division"}


def the_review_is_joint(at: Journey) -> None:
    """The section keeps and drops on the list; the budget division reduces on the line's own page."""
    page = at.log_in(at.people.section)
    run = RecoveryRun.objects.get()
    at.go(f"/{YEAR}/recovery/runs/{run.pk}/")
    page.get_by_role("button", name="提交会审").click()
    at.agree()
    at.said("已提交会审 5 行")
    at.go(f"/{YEAR}/recovery/?state=reviewing")
    for row in (ROADS, TRAINING, BUSES):
        page.locator("tbody tr", has_text=row.name).get_by_role("checkbox").check()
    at.look("review-ticked")
    page.get_by_role("button", name="会审收回", exact=True).click()
    at.agree("3 行")
    at.said("已办理 3 行")
    at.go(f"/{YEAR}/recovery/?state=reviewing")
    page.locator("tbody tr", has_text=SCHOOLS.name).get_by_role("checkbox").check()
    page.get_by_role("button", name="会审不收回").click()
    at.agree("1 行", comment="工程已竣工，年内结算支付，不予收回。")
    at.said("已办理 1 行")
    page = at.log_in(at.people.budget)
    page.get_by_role("link", name="待会审").click()
    page.get_by_role("link", name=FARMLAND.name).click()
    expect(page.get_by_text("按已申报的本年必须支付重算")).to_contain_text("1,300,000.00")
    # The form has worked it out already.
    expect(page.get_by_label("减少")).to_be_checked()
    expect(page.get_by_label("会审金额（元）")).to_have_value("1300000.00")
    page.get_by_label("理由").first.fill("合同进度款 30 万元予以保留。")
    page.get_by_role("button", name="记录会审意见").click()
    at.said("会审意见已记录")
    at.look("review-line")
    reviewed = {line.project_year.project.code: line.reviewed for line in run.lines.exclude(verdict="")}
    assert reviewed == {row.code: DECIDED.get(row, 0) for row in PROPOSED}


def the_decision_is_recorded(at: Journey) -> None:
    page = at.log_in(at.people.section)
    run = RecoveryRun.objects.get()
    at.go(f"/{YEAR}/recovery/runs/{run.pk}/")
    page.get_by_label("会议名称").fill("局长办公会第 18 次会议")
    page.get_by_label("会议日期").fill("2023-10-20")
    page.get_by_label("签批人").fill("叶局长")
    scan = {"name": "会议纪要.pdf", "mimeType": "application/pdf", "buffer": SCAN}
    page.locator('input[type="file"]').set_input_files(scan)
    page.get_by_role("button", name="记录决定（5 行）").click()
    at.said(f"决定收回 {wan(sum(DECIDED.values()))} 万元")
    decision = RecoveryDecision.objects.get()
    assert (decision.date, decision.recorded_by) == (date(YEAR, 10, 20), at.people.section)
    assert decision.scans.get().name == "会议纪要.pdf"
    assert {line.project_year.project.code for line in run.lines.filter(state=LineState.DROPPED)} == {SCHOOLS.code}
    at.look("decision")
    page.get_by_role("button", name="交预算科执行").click()
    at.said("已将 4 行交预算科执行")
    assert not LedgerEntry.objects.filter(kind=EntryKind.RECOVERY).exists()


def the_budget_division_carries_it_out(at: Journey) -> None:
    page = at.log_in(at.people.budget)
    expect(page.locator(".todo")).to_contain_text(f"4 项决定收回 {wan(sum(DECIDED.values()))} 万元，待执行")
    page.get_by_role("link", name="待执行").first.click()
    at.go(f"/{YEAR}/recovery/pending/")
    expect(page.locator("tr.totals")).to_contain_text(wan(sum(DECIDED.values())))

    def confirm() -> None:
        page.get_by_label("勾选本页全部").check()
        page.get_by_label("指标调整文号").fill(DOCUMENT)
        page.get_by_label("执行日期").fill("2023-10-23")
        page.get_by_role("button", name="确认执行").click()
        at.agree("4 行")

    # One line came from project-level data: without its 指标 all four are refused, and nothing is written.
    confirm()
    at.said("未办理")
    expect(page.get_by_label("指标调整文号")).to_have_value(DOCUMENT)
    expect(page.locator('input[name="ids"]:checked')).to_have_count(4)
    at.look("pending-refused")
    assert not LedgerEntry.objects.filter(kind=EntryKind.RECOVERY).exists()
    page.get_by_role("link", name=ROADS.name).click()
    page.get_by_label("执行指标文号/ID").fill(ASSIGNED)
    page.get_by_role("button", name="指定").click()
    at.said("执行指标已指定")
    at.go(f"/{YEAR}/recovery/pending/")
    confirm()
    at.said("已确认执行 4 行")
    entries = LedgerEntry.objects.filter(kind=EntryKind.RECOVERY)
    assert {entry.project_year.project.code: -entry.amount for entry in entries} == {
        row.code: amount for row, amount in DECIDED.items()
    }
    assert {entry.date for entry in entries} == {date(YEAR, 10, 23)}
    assert line_of(ROADS).entry.allocation == ASSIGNED
    at.go(f"/{YEAR}/recovery/lines/{line_of(FARMLAND).pk}/")
    # Amount and rate before the recovery stand beside those after it.
    expect(page.get_by_text("收回前").first).to_be_visible()
    at.said("57.14%")
    at.look("executed-line")


def the_notice_goes_out(at: Journey) -> None:
    page = at.log_in(at.people.section)
    run = RecoveryRun.objects.get()
    at.go(f"/{YEAR}/recovery/runs/{run.pk}/")
    expect(at.stat("已执行")).to_contain_text(wan(sum(DECIDED.values())))
    page.get_by_role("button", name="拟写收回通知").click()
    at.said("通知已拟稿")
    at.look("notice-draft")
    page.get_by_label("成文日期").fill("2023-11-06")
    page.get_by_role("button", name="印发").click()
    at.agree("不能再改")
    at.said("已印发：青财绩效〔2023〕1号")
    notice = Notice.objects.get()
    assert Decimal(notice.context["total"]) == sum(DECIDED.values())
    page.get_by_role("button", name="制作告知单").click()
    ended(at)
    packed = at.download(page.get_by_role("link", name=re.compile(r"告知单\.zip")), "告知单.zip")
    at.look("notice-batch")
    with zipfile.ZipFile(packed) as archive:
        texts = {name: pdf_text(archive.read(name)) for name in archive.namelist() if name.endswith(".pdf")}
    letter = texts.pop(f"{notice.number}.pdf")
    assert f"合计{wan(sum(DECIDED.values()))}万元" in letter
    assert notice.number in letter
    assert sorted(texts) == ["001 青田县教育局.pdf", "002 青田县农业农村局.pdf"]
    for name, rows in {"教育局": (TRAINING, BUSES), "农业农村局": (FARMLAND, ROADS)}.items():
        text = next(text for title, text in texts.items() if name in title)
        assert f"合计{wan(sum(DECIDED[row] for row in rows))}万元" in text
        assert all(wan(DECIDED[row]) in text and row.code in text for row in rows)
        assert notice.number not in text
        assert not any(row.name in text for row in ROWS if row not in rows)


def pdf_text(content: bytes) -> str:
    """The text without the breaks that the columns put into it."""
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))


def the_department_confirms(at: Journey) -> None:
    page = at.log_in(at.people.agriculture)
    page.get_by_role("link", name="待确认收悉").click()
    part = page.get_by_role("link", name="青田县农业农村局", exact=True)
    expect(page.get_by_role("link", name="青田县教育局")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text(BUSES.name)
    at.look("department-notice")
    answer = page.request.get(f"{at.visitor.address}{part.get_attribute('href')}")
    assert wan(DECIDED[FARMLAND] + DECIDED[ROADS]) in pdf_text(answer.body())
    page.get_by_role("button", name="确认收悉").click()
    at.said("已确认收悉")
    told = Recipient.objects.get(organisation__code="214")
    assert told.confirmed_by == at.people.agriculture
    assert Recipient.objects.get(organisation__code="203").confirmed_at is None
    at.go(f"/{YEAR}/")
    at.look("department-desk")


def the_sums_agree() -> None:
    """告知单 = its list = its ledger entries, department by department; together the notice's total."""
    notice, total = Notice.objects.get(), Decimal(0)
    for recipient in notice.recipients.all():
        amount = Decimal(recipient.part["amount"])
        entries = LedgerEntry.objects.filter(
            kind=EntryKind.RECOVERY, project_year__department=recipient.organisation
        ).aggregate(total=Sum("amount"))["total"]
        assert amount == sum(Decimal(line["amount"]) for line in recipient.part["lines"]) == -entries
        total += amount
    assert total == Decimal(notice.context["total"]) == -YearTotals.objects.aggregate(s=Sum("recovered"))["s"]
    left = YearTotals.objects.aggregate(adjusted=Sum("adjusted"))["adjusted"]
    assert left == sum(row.budget for row in ROWS) - total
    assert not Job.objects.active().exists()


@ONE_WINDOW
@pytest.mark.usefixtures("worker")
def test_from_two_workbooks_to_a_confirmed_notice(visitor: Visitor, tmp_path: Path) -> None:
    at = Journey(visitor, people(), tmp_path)
    # A refused form comes back with 422, which the browser's console notes.
    visitor.expect("422")
    template = a_faulty_workbook_is_refused(at)
    projects_come_in(at, template)
    payments_come_in(at)
    projects_are_seen(at)
    the_rule_is_tried_and_published(at)
    the_recovery_is_computed_and_asked(at)
    the_unit_objects(at)
    the_other_department_answers_by_workbook(at)
    the_division_has_its_say(at)
    the_review_is_joint(at)
    the_decision_is_recorded(at)
    the_budget_division_carries_it_out(at)
    the_notice_goes_out(at)
    the_department_confirms(at)
    the_sums_agree()
    at.log_in(at.people.section)
    at.page.wait_for_load_state("networkidle")
    at.look("desk-full")
