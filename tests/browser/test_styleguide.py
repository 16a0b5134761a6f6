"""The components as people see them: full, empty, with errors, with a 60-character name, at both screen sizes."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from core.models import Job
from organisations.enums import Role
from organisations.models import Organisation
from tests.browser.conftest import Visitor
from tests.browser.styleguide import LONG_NAME
from tests.factories import PASSWORD, OrganisationFactory, user_with

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.browser.styleguide"),
]


@pytest.fixture
def officer(db: None) -> object:
    OrganisationFactory(bureau=True)
    division = OrganisationFactory(kind="division", name="绩效管理科", function="performance")
    user = user_with(Role.PERFORMANCE_SECTION, division, full_name="王芳")
    OrganisationFactory(name=LONG_NAME, division=division)
    OrganisationFactory.create_batch(119, division=division)
    return user


def test_components(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/components/?said=1")
    expect(page.locator("#scores svg")).to_be_visible()
    expect(page.locator(".toasts .notice")).to_have_count(2)
    visitor.look("style-components")
    page.locator("[data-chart-toggle]").click()
    expect(page.locator("#scores-data td").first).to_be_visible()
    page.get_by_role("button", name="提交审核").first.hover()
    visitor.look()


def test_a_greyed_button_says_why_to_mouse_and_keyboard(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/components/")
    page.locator('[aria-disabled="true"]').first.focus()
    expect(page.locator(".tooltip")).to_contain_text("还差 3 项")


def test_the_dialog_names_what_will_happen_and_asks_the_reason(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/components/")
    page.get_by_role("button", name="退回").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("12 个项目，合计 1,234.56 万元")
    dialog.get_by_role("button", name="退回").click()
    expect(dialog).to_contain_text("请填写理由")
    visitor.look("style-dialog")
    dialog.get_by_label("理由").fill("时效指标与验收报告不符。")
    with page.expect_request("**/style/form/") as sent:
        dialog.get_by_role("button", name="退回").click()
    body = sent.value.post_data
    assert "action=return" in body and "comment=%E6%97%B6" in body
    page.wait_for_load_state("networkidle")


def test_list_filters_sorts_pages_and_exports(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/2023/style/list/")
    visitor.look("style-list")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_label("名称", exact=True).fill("未来乡村")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "name=" in page.url and "kind=" not in page.url
    page.get_by_role("link", name="代码").click()
    page.wait_for_url("**sort=code**")
    assert "name=" in page.url
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("代码")
    with page.expect_download() as download:
        page.get_by_role("button", name="导出全部").click()
    assert download.value.suggested_filename == "样张清单（2023年度）.xlsx"
    page.go_back()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_label("名称", exact=True)).to_have_value("未来乡村")
    page.get_by_label("名称", exact=True).fill("没有这样的名称")
    expect(page.get_by_text("没有符合条件的内容")).to_be_visible()
    visitor.look("style-list-none")


def test_list_next_page_and_bulk_action(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/2023/style/list/")
    page.get_by_role("link", name="下一页").click()
    expect(page.locator(".pages .here")).to_have_text("2")
    page.get_by_label("勾选本页全部").check()
    expect(page.locator("[data-bulk]")).to_contain_text("已勾选 50 个部门")
    visitor.look("style-list-bulk")
    page.get_by_role("button", name="批量保留").click()
    expect(page.get_by_role("dialog")).to_contain_text("将保留勾选的 50 个部门")
    page.get_by_role("dialog").get_by_role("button", name="批量保留").click()
    expect(page.locator(".toasts")).to_contain_text("已办理 50 个部门")
    assert "page=2" in page.url


def test_empty_list(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    visitor.go("/style/empty/")
    visitor.look("style-empty")


def test_form_full_and_with_errors(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/form/")
    visitor.look("style-form")
    page.get_by_label("实际完成值").fill("二百")
    page.get_by_role("button", name="保存").click()
    summary = page.get_by_role("alert").first
    expect(summary).to_contain_text("有 5 处需要改正")
    expect(summary).to_be_focused()
    visitor.look("style-form-errors")
    summary.get_by_role("link", name="偏差原因及改进措施").click()
    expect(page.get_by_label("偏差原因及改进措施")).to_be_focused()


def test_upload_too_large_is_said_before_sending(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/form/")
    page.set_input_files("#id_file", {"name": "大.pdf", "mimeType": "application/pdf", "buffer": b"0" * 1_100_000})
    expect(page.locator("[data-upload]")).to_contain_text("超过 1 MB 的上限")


def test_job_pages(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    now = timezone.now()
    faults = [
        {"sheet": "项目", "cell": f"C{row}", "code": "X", "message": "金额不是数字，请改为数字。"}
        for row in range(3, 25)
    ]
    running = Job.objects.create(
        kind="a",
        key="1",
        title=f"导入 {LONG_NAME}",
        started_by=officer,
        state="running",
        total=1812,
        done=640,
        unit="行",
    )
    Job.objects.filter(pk=running.pk).update(started_at=now)
    failed = Job.objects.create(
        kind="b", key="1", title="导入支付凭证", started_by=officer, state="failed", errors=faults, finished_at=now
    )
    page = visitor.go(f"/jobs/{running.pk}/")
    expect(page.locator(".job")).to_contain_text("640 / 1,812 行")
    visitor.look("job-running")
    Job.objects.filter(pk=running.pk).update(state="done", done=1812, finished_at=now)
    expect(page.locator(".job")).to_contain_text("已完成", timeout=8000)
    visitor.go(f"/jobs/{failed.pk}/")
    visitor.look("job-errors")
    visitor.go("/jobs/")
    visitor.look("job-list")


def test_session_expiry_asks_the_password_over_the_page(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/form/")
    page.get_by_label("偏差原因及改进措施").fill("汛期停工 40 天")
    page.evaluate("localStorage.setItem('last-request', '1')")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("请再次输入密码", timeout=8000)
    visitor.look("style-session")
    dialog.get_by_label("密码", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="继续").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("偏差原因及改进措施")).to_have_value("汛期停工 40 天")


@pytest.mark.parametrize("role", [Role.UNIT_FILLER, Role.SYSTEM_ADMIN])
def test_desk_of_other_roles(visitor: Visitor, role: str) -> None:
    visitor.sign_in(user_with(role))
    visitor.go("/")
    visitor.look(f"desk-{role}")


def test_login_and_error_pages(visitor: Visitor, officer: object, settings: object) -> None:
    visitor.expect("404", "500")
    page = visitor.go("/login/")
    visitor.look("login")
    page.get_by_label("用户名").fill("nobody")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("login-refused")
    visitor.sign_in(officer)
    visitor.go("/nowhere/")
    visitor.look("error-404")
    page = visitor.go("/style/broken/")
    expect(page.locator(".foot")).to_contain_text(re.compile("请求编号 [0-9a-f]{16}"))
    visitor.look("error-500")


def test_skip_link_and_menu_by_keyboard(visitor: Visitor, officer: object) -> None:
    visitor.sign_in(officer)
    page = visitor.go("/style/components/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.locator("summary", has_text="王芳").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    visitor.look("style-menu")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="退出登录")).to_be_hidden()


def test_organisations_exist(officer: object) -> None:
    assert Organisation.objects.filter(name=LONG_NAME).exists() and len(LONG_NAME) >= 60
