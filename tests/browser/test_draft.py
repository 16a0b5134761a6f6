"""Autosave in a real browser: leaving, a login that ends, a server out of reach, a form that went on meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from core.models import Draft
from core.services import drafts
from monitoring.models import Opinion, RecoveryLine
from monitoring.services import give_opinion, opinion_form
from organisations.enums import Role
from organisations.models import Organisation
from tests.browser.conftest import Visitor
from tests.factories import PASSWORD, user_with
from tests.reports.builders import YEAR, County, ask_opinions, county

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("visitor", ["1366x768"], indirect=True),
]
# Right and wrong: what was typed stays as it was typed.
FIRST = {"accepted": "十二万", "must_pay": "１２，０００"}
MORE = {"must_pay_reason": "合同已到期应付", "evidence_note": "合同第 3 条，存办公室", "text": "第一行\n第二行 <b>"}


class Desk:
    """A department's reviewer before the form of an opinion that is still due."""

    def __init__(self, visitor: Visitor) -> None:
        self.made: County = county(departments=1)
        ask_opinions(self.made)
        self.line: RecoveryLine = RecoveryLine.objects.get(opinions__isnull=True)
        self.visitor = visitor
        visitor.sign_in(self.made.reviewer)
        self.page: Page = self.open()

    def open(self) -> Page:
        return self.visitor.go(f"/{YEAR}/recovery/lines/{self.line.pk}/")

    def type(self, fields: dict[str, str]) -> None:
        for name, text in fields.items():
            self.page.locator(f'form[data-draft] [name="{name}"]').fill(text)

    def expect(self, fields: dict[str, str]) -> None:
        for name, text in fields.items():
            expect(self.page.locator(f'form[data-draft] [name="{name}"]')).to_have_value(text)

    def expect_status(self, text: str, **options: Any) -> None:
        expect(self.page.locator("[data-draft-status]")).to_contain_text(text, **options)

    def object(self) -> None:
        self.page.get_by_label("有异议").check()

    def kept(self) -> Any:
        return drafts.load(by=self.made.reviewer, form=opinion_form(self.line), version=self.line.version).fields

    def local(self) -> list[str]:
        found: list[str] = self.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('draft:'))")
        return found

    def cut_off(self) -> None:
        self.visitor.expect("ERR_FAILED", "ERR_CONNECTION")
        self.page.route("**/autosave/", lambda route: route.abort())

    def session_gone(self) -> None:
        assert Session.objects.count() == 1
        Session.objects.all().delete()


@pytest.fixture
def desk(visitor: Visitor) -> Desk:
    return Desk(visitor)


def test_what_was_typed_stands_there_again_after_leaving(desk: Desk) -> None:
    desk.object()
    desk.type(FIRST | MORE)
    desk.expect_status("已保存")
    assert desk.kept() == {"stance": "object"} | FIRST | MORE
    assert desk.local() == []
    desk.visitor.look("draft-saved")
    desk.visitor.go(f"/{YEAR}/")
    desk.open()
    desk.expect_status("已恢复")
    desk.expect(FIRST | MORE)
    expect(desk.page.get_by_label("有异议")).to_be_checked()
    desk.visitor.look("draft-restored")


def test_leaving_in_the_middle_of_a_word_loses_nothing(desk: Desk) -> None:
    desk.page.clock.install()
    desk.page.clock.pause_at("2100-01-01")
    desk.type(MORE)
    assert desk.kept() == {}, "the pause before sending has not passed"
    desk.page.close()
    desk.page = desk.visitor.page = desk.visitor.page.context.new_page()
    desk.page.clock.resume()
    desk.open()
    desk.expect(MORE)
    desk.expect_status("已保存")
    assert desk.kept()["text"] == MORE["text"]


def test_the_session_is_gone_and_the_password_is_asked_over_the_page(desk: Desk) -> None:
    desk.visitor.expect("403")
    desk.object()
    desk.type(FIRST)
    desk.expect_status("已保存")
    desk.session_gone()
    desk.type(MORE)
    dialog = desk.page.get_by_role("dialog", name="登录已超时")
    expect(dialog).to_be_visible()
    desk.expect_status("保存在本机")
    desk.visitor.look("draft-password")
    dialog.get_by_label("密码").fill("falsch")
    dialog.get_by_role("button", name="继续").click()
    expect(dialog).to_contain_text("密码不正确")
    dialog.get_by_label("密码").fill(PASSWORD)
    dialog.get_by_role("button", name="继续").click()
    expect(dialog).to_be_hidden()
    desk.expect(FIRST | MORE)
    desk.expect_status("已保存")
    assert desk.kept() == {"stance": "object"} | FIRST | MORE
    desk.type({"accepted": "1000", "must_pay": "2000"})
    desk.page.get_by_role("button", name="提交意见").click()
    expect(desk.page.get_by_text("意见已提交")).to_be_visible()
    assert Opinion.objects.get(line=desk.line).must_pay_reason == MORE["must_pay_reason"]


def test_the_session_is_gone_and_the_login_page_leads_back(desk: Desk) -> None:
    desk.type(FIRST)
    desk.expect_status("已保存")
    desk.session_gone()
    desk.type(MORE)
    dialog = desk.page.get_by_role("dialog", name="登录已超时")
    dialog.get_by_role("link", name="换用户登录").click()
    desk.page.get_by_label("用户名").fill(desk.made.reviewer.username)
    desk.page.get_by_label("密码").fill(PASSWORD)
    desk.page.get_by_role("button", name="登录").click()
    desk.page.wait_for_url(f"**/{YEAR}/")
    desk.open()
    desk.expect(FIRST | MORE)
    desk.expect_status("已保存")
    assert desk.kept() == {"stance": "agree"} | FIRST | MORE
    assert desk.local() == []


def test_somebody_else_at_the_same_browser_gets_nothing_of_it(desk: Desk) -> None:
    desk.visitor.expect("409")
    department = Organisation.objects.get(pk=desk.made.departments[0].pk)
    other = user_with(Role.DEPARTMENT_REVIEWER, department, full_name="赵六")
    desk.visitor.sign_in(other)  # in another window
    desk.type(MORE)
    desk.expect_status("保存在本机")
    desk.expect_status("另一位用户")
    assert not Draft.objects.filter(user=other).exclude(fields={}).exists()
    desk.open()
    desk.expect(dict.fromkeys(MORE, ""))
    desk.visitor.sign_in(desk.made.reviewer)
    desk.open()
    desk.expect(MORE)


def test_while_the_server_is_out_of_reach_the_browser_keeps_it(desk: Desk) -> None:
    desk.cut_off()
    desk.object()
    desk.type(FIRST | MORE)
    desk.expect_status("保存在本机")
    desk.expect_status("连不上服务器")
    [key] = desk.local()
    assert key == f"draft:{desk.made.reviewer.pk}:{opinion_form(desk.line)}:{desk.line.version}"
    assert desk.kept() == {}
    desk.visitor.look("draft-local")
    desk.open()
    desk.expect(FIRST | MORE)
    expect(desk.page.get_by_label("有异议")).to_be_checked()
    desk.expect_status("连不上服务器")
    desk.page.unroute("**/autosave/")
    desk.expect_status("已保存", timeout=20_000)
    assert desk.kept() == {"stance": "object"} | FIRST | MORE
    assert desk.local() == []


def test_newer_text_from_another_computer_is_not_overwritten(desk: Desk) -> None:
    desk.cut_off()
    desk.type({"text": "在这台电脑上"})
    desk.expect_status("保存在本机")
    elsewhere = {"text": "在另一台电脑上"}
    drafts.save(by=desk.made.reviewer, form=opinion_form(desk.line), base_version=desk.line.version, fields=elsewhere)
    desk.page.unroute("**/autosave/")
    desk.open()
    desk.expect(elsewhere)
    desk.expect_status("本机另有")
    desk.visitor.look("draft-offered")
    desk.type({"evidence_note": "先不理会"})
    desk.expect_status("已保存")
    desk.open()
    desk.expect_status("本机另有")
    desk.page.get_by_role("button", name="恢复本机内容").click()
    desk.expect({"text": "在这台电脑上"})
    desk.expect_status("已保存")
    assert desk.kept()["text"] == "在这台电脑上"
    assert desk.local() == []


def test_a_form_that_went_on_is_refused_with_everything_still_there(desk: Desk) -> None:
    desk.visitor.expect("422", "409")
    desk.object()
    desk.type(MORE | {"accepted": "1000", "must_pay": "2000"})
    desk.expect_status("已保存")
    unit = Organisation.objects.get(parent=desk.made.departments[0])
    colleague = user_with(Role.UNIT_REVIEWER, unit, full_name="孙七")
    give_opinion(line=desk.line, by=colleague, version=desk.line.version, stance="agree")
    desk.page.get_by_role("button", name="提交意见").click()
    expect(desk.page.get_by_text("请刷新后再办理").first).to_be_visible()
    desk.expect(MORE | {"accepted": "1000", "must_pay": "2000"})
    assert Opinion.objects.filter(line=desk.line, given_by=desk.made.reviewer).count() == 0
    desk.page.reload()
    desk.expect(MORE | {"accepted": "1000", "must_pay": "2000"})
    desk.page.get_by_role("button", name="提交意见").click()
    expect(desk.page.get_by_text("意见已提交")).to_be_visible()
    assert Opinion.objects.get(line=desk.line, given_by=desk.made.reviewer).must_pay == 2000
    assert desk.local() == []


def test_typing_against_an_older_state_comes_back_with_a_warning(desk: Desk) -> None:
    desk.type(MORE)
    desk.expect_status("已保存")
    unit = Organisation.objects.get(parent=desk.made.departments[0])
    colleague = user_with(Role.UNIT_REVIEWER, unit, full_name="孙七")
    give_opinion(line=desk.line, by=colleague, version=desk.line.version, stance="agree")
    desk.open()
    desk.expect(MORE)
    desk.expect_status("此后表单已有变动")


def test_after_handing_in_nothing_is_left_behind(desk: Desk) -> None:
    desk.object()
    desk.type({"accepted": "1000", "text": "正在施工"})
    desk.page.get_by_role("button", name="提交意见").click()
    expect(desk.page.get_by_text("意见已提交")).to_be_visible()
    assert desk.local() == []
    assert desk.kept() == {}
    desk.page.reload()
    expect(desk.page.locator("[data-draft-status]")).to_have_text("")
    assert Draft.objects.filter(user=desk.made.reviewer).exclude(fields={}).count() == 0
