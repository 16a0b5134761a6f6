"""历史 in a real browser: empty, with rows, filtered, and for a department of sixty characters."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from monitoring.models import RecoveryLine
from monitoring.services import give_opinion
from organisations.models import Organisation
from tests.browser.conftest import Visitor
from tests.browser.styleguide import LONG_NAME
from tests.reports.builders import YEAR, ask_opinions, county

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_history_of_a_department_and_of_the_section(visitor: Visitor) -> None:
    made = county(departments=2)
    visitor.sign_in(made.reviewer)
    page = visitor.go(f"/{YEAR}/history/")
    expect(page.get_by_text("本年度还没有办理记录")).to_be_visible()
    visitor.look("history-empty")
    Organisation.objects.filter(pk=made.departments[0].pk).update(name=LONG_NAME)
    ask_opinions(made)
    line = RecoveryLine.objects.filter(opinions__isnull=True, project_year__department=made.departments[0]).get()
    reason = "在建工程须按合同进度继续支付。" * 12
    give_opinion(line=line, by=made.reviewer, version=line.version, stance="object", accepted=1000, text=reason)
    page = visitor.go(f"/{YEAR}/")
    page.locator(".side").get_by_role("link", name="历史").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    visitor.look("history-department")
    page.get_by_label("事项").select_option(label="收到公文")
    expect(page.get_by_text("没有符合条件的内容")).to_be_visible()
    visitor.sign_in(made.section)
    page = visitor.go(f"/{YEAR}/history/")
    expect(page.get_by_text("流转办理").nth(1)).to_be_visible()
    visitor.look("history-section")
