"""机构, 用户, deputies, import and set-up in a real browser: full, empty, with errors, with a 60-character name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from organisations import services
from organisations.enums import Role
from organisations.models import User
from tests.browser.conftest import Visitor
from tests.factories import OrganisationFactory, UserFactory, user_with

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Sixty characters.
LONG_NAME = (
    "青田县温溪镇高岗片区未来乡村建设与人居环境综合整治提升工程"
    + "资金使用绩效管理工作领导小组办公室及其所属十二个工作站点合署处"
)
REJECTED = Path(__file__).parent.parent / "organisations" / "rejected"


@pytest.fixture
def section(db: Any) -> User:
    bureau = OrganisationFactory(bureau=True, code="331121")
    home = OrganisationFactory(section=True, name="绩效科", function="performance", parent=bureau)
    return user_with(Role.PERFORMANCE_SECTION, home, full_name="王芳")


@pytest.fixture
def department(section: User) -> Any:
    division = OrganisationFactory(section=True, name="乡镇财政科")
    department = OrganisationFactory(name=LONG_NAME, division=division, phone="0578-6820001")
    for number in range(12):
        unit = OrganisationFactory(unit=True, parent=department, name=f"第{number}预算单位")
        user_with(Role.UNIT_FILLER, unit)
    return department


def test_lists_and_details(visitor: Visitor, section: User, department: Any) -> None:
    person = user_with(Role.DEPARTMENT_REVIEWER, department, full_name="李四")
    visitor.sign_in(section)
    visitor.go("/organisations/")
    visitor.look("organisations")
    visitor.go("/organisations/?q=没有这个机构")
    visitor.look("organisations-none")
    page = visitor.go(f"/organisations/{department.pk}/")
    visitor.look("organisation")
    page.get_by_label("新名称").fill("未来局")
    page.get_by_label("启用日期").fill("2999-01-01")
    page.get_by_role("button", name="保存新名称").click()
    expect(page.get_by_text("不能晚于今天").first).to_be_visible()
    visitor.look("organisation-error")
    visitor.go("/users/")
    visitor.look("users")
    visitor.go(f"/users/{person.pk}/")
    visitor.look("user")
    visitor.go(f"/users/{UserFactory().pk}/")
    visitor.look("user-empty")


def test_a_password_is_reset_after_the_question(visitor: Visitor, section: User, department: Any) -> None:
    person = user_with(Role.DEPARTMENT_REVIEWER, department, full_name="李四")
    visitor.sign_in(section)
    page = visitor.go(f"/users/{person.pk}/")
    page.get_by_role("button", name="重置密码").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("只显示一次")
    dialog.get_by_role("button", name="重置密码").click()
    expect(page.locator("code")).to_be_visible()
    visitor.look("password-told")
    assert User.objects.get(pk=person.pk).check_password(page.locator("code").inner_text())


def test_deputies(visitor: Visitor, department: Any) -> None:
    person = user_with(Role.DEPARTMENT_REVIEWER, department, full_name="李四")
    deputy = UserFactory(username="zhaoliu", full_name="赵六")
    visitor.sign_in(person)
    page = visitor.go("/deputies/")
    visitor.look("deputies-empty")
    page.get_by_label("代理人用户名").fill(deputy.username)
    page.get_by_label("截止日期").fill("2999-01-01")
    page.get_by_role("button", name="委托", exact=True).click()
    expect(page.locator("tbody")).to_contain_text("赵六")
    visitor.look("deputies")


def test_an_import_is_checked_and_its_errors_are_shown(visitor: Visitor, department: Any, section: User) -> None:
    visitor.sign_in(section)
    page = visitor.go("/organisations/import/")
    visitor.look("organisation-import")
    page.locator('input[type="file"]').set_input_files(REJECTED / "机构-二十处错误.xlsx")
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_text("发现错误，没有写入任何内容")).to_be_visible()
    visitor.look("organisation-import-errors")


@pytest.mark.usefixtures("db")
def test_an_empty_bureau_is_set_up(visitor: Visitor) -> None:
    key = services.setup_key()
    page = visitor.go("/")
    expect(page).to_have_url(f"{visitor.address}/setup/")
    visitor.look("setup")
    page.get_by_label("一次性密钥").fill(str(key))
    for number, box in enumerate(page.locator('input[name$="_username"]').all()):
        box.fill(f"user{number}")
    for number, box in enumerate(page.locator('input[name$="_full_name"]').all()):
        box.fill(f"某人{number}")
    page.get_by_role("button", name="建立财政局和首批账号").click()
    expect(page.locator("code")).to_have_count(4)
    visitor.look("setup-done")
