"""工作台 and 待办 with a county in the middle of its recovery."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.styleguide import LONG_NAME
from tests.reports.builders import YEAR, ask_opinions, county

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_desk_of_the_section_and_of_a_department(visitor: Visitor) -> None:
    made = county(departments=12)
    made.departments[4].__class__.objects.filter(pk=made.departments[4].pk).update(name=LONG_NAME)
    ask_opinions(made, below="0.45")
    visitor.sign_in(made.section)
    page = visitor.go("/")
    page.wait_for_url(f"**/{YEAR}/")
    expect(page.locator("#months svg")).to_be_visible()
    expect(page.get_by_text("谁还没有反馈收回意见")).to_be_visible()
    visitor.look("desk-section")
    page.locator(".year-switch summary").click()
    expect(page.get_by_role("link", name=f"{YEAR} 年度")).to_be_visible()
    visitor.sign_in(made.reviewer)
    page = visitor.go("/")
    expect(page.get_by_text("个项目拟收回")).to_be_visible()
    expect(page.locator('[data-count="desk"]')).to_have_text("1")
    expect(page.locator("#bands svg")).to_be_visible()
    visitor.look("desk-department")
