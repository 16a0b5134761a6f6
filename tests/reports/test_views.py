"""The desk as each role sees it, and what it asks the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from organisations.enums import Role
from organisations.models import User
from tests.factories import user_with
from tests.reports.builders import YEAR, ask_opinions, county

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("departments", [1, 3])
def test_queries_of_the_desk(django_assert_num_queries: Any, departments: int) -> None:
    client = signed_in(county(departments).section)
    # Session, user, memberships; projects with money, 截至日; four of what waits; recovery; years on record.
    with django_assert_num_queries(12):
        response = client.get(f"/{YEAR}/")
    assert "执行率" in response.content.decode()
    # Session, user, memberships; who is silent, slowest departments.
    with django_assert_num_queries(5):
        client.get(f"/{YEAR}/desk/panels/")
    # Session, user, memberships; months, two of the year's money, bands.
    with django_assert_num_queries(7):
        client.get(f"/{YEAR}/desk/charts/")


def test_the_desk_shows_figures_and_who_is_silent() -> None:
    made = county()
    ask_opinions(made)
    client = signed_in(made.section)
    text = client.get(f"/{YEAR}/").content.decode()
    assert "450.00" in text and "4,500,000.00 元" in text and "截至 2023-09-30" in text and "序时进度 75.0%" in text
    panels = client.get(f"/{YEAR}/desk/panels/").content.decode()
    assert "谁还没有反馈收回意见" in panels and made.departments[2].name in panels and "从未" in panels
    drawn = client.get(f"/{YEAR}/desk/charts/").content.decode()
    assert '"months-options"' in drawn and "<html" not in drawn + panels


def test_a_department_sees_only_its_own() -> None:
    made = county()
    ask_opinions(made)
    client = signed_in(made.reviewer)
    text = client.get(f"/{YEAR}/").content.decode() + client.get(f"/{YEAR}/desk/panels/").content.decode()
    assert "待办" in text and "1 个项目拟收回" in text and "项目X00B" in text
    assert "X01" not in text and made.departments[1].name not in text
    assert client.get(f"/{YEAR}/counts/").json()["desk"]["count"] == 1


def test_the_bare_address_opens_the_year_last_used() -> None:
    client = signed_in(county(1).section)
    assert client.get("/").url == f"/{YEAR}/"
    client.cookies["work_year"] = "1999"
    assert client.get("/").url == f"/{YEAR}/"


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMIN, Role.EXPERT])
def test_outsiders_see_no_money(role: str) -> None:
    county(1)
    text = signed_in(user_with(role)).get(f"/{YEAR}/").content.decode()
    assert "全年预算" not in text and "没有等您办理的事项" in text


def test_an_empty_year_says_what_to_do() -> None:
    text = signed_in(user_with(Role.PERFORMANCE_SECTION)).get("/2031/").content.decode()
    assert "本年度还没有项目" in text


@pytest.mark.parametrize("path", ["/1066/", "/3000/counts/", "/99999/desk/panels/"])
def test_impossible_years_are_not_found(path: str) -> None:
    assert signed_in(user_with(Role.LEADER)).get(path).status_code == 404
