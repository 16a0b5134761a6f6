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


def test_every_entry_of_the_navigation_opens(visitor: Visitor) -> None:
    """Each page behind the left navigation and the user's menu, as the section and as a department see it."""
    made = county(departments=3)
    ask_opinions(made)
    for user in (made.section, made.reviewer):
        visitor.sign_in(user)
        page = visitor.go("/")
        links = page.locator(".side a.entry, .menu-body a[href]")
        found = {links.nth(n).get_attribute("href"): links.nth(n).inner_text() for n in range(links.count())}
        assert len(found) >= 2
        for address in found:
            if not address.startswith("/admin/"):
                page = visitor.go(address)
                expect(page.locator("main")).to_be_visible()
                visitor.look(f"nav-{user.full_name}-{address.strip('/').replace('/', '-')}")
