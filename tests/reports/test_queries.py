"""Figures of the desk, worked out by hand beside the rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from organisations.enums import Role
from reports import queries
from reports.waiting import Waiting, waiting
from tests.factories import user_with
from tests.reports.builders import AS_OF, DEADLINE, YEAR, ask_opinions, county

WAN = Decimal(10_000)


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (date(2023, 9, 30), 9),
        (date(2023, 9, 29), 8),
        (date(2023, 10, 1), 9),
        (date(2023, 12, 31), 12),
        (date(2023, 1, 1), 0),
        (date(2024, 2, 28), 1),
        (date(2024, 2, 29), 2),
    ],
)
def test_completed_months(day: date, months: int) -> None:
    assert queries.completed_months(day) == months


@pytest.mark.django_db
def test_a_year_without_projects() -> None:
    user = user_with(Role.LEADER)
    money = queries.year_money(user, YEAR)
    assert (money.projects, money.adjusted, money.rate, money.as_of, money.elapsed) == (0, 0, None, None, None)
    assert sum(count for _, count in queries.rate_bands(user, YEAR)) == 0
    assert queries.slowest_departments(user, YEAR) == [] and waiting(user, YEAR) == []
    assert len(queries.known_years()) == 1


@pytest.mark.django_db
def test_the_year_in_figures() -> None:
    made = county()
    money = queries.year_money(made.section, YEAR)
    assert (money.projects, money.adjusted, money.paid) == (6, 450 * WAN, 30 * WAN)
    assert money.as_of == AS_OF and money.elapsed == Decimal("0.75") and money.rate == 30 * WAN / (450 * WAN)
    own = queries.year_money(made.reviewer, YEAR)
    assert (own.projects, own.adjusted, own.paid) == (2, 150 * WAN, 0)
    assert queries.known_years() == range(YEAR, YEAR + 1)


@pytest.mark.django_db
def test_slowest_departments_and_projects() -> None:
    made = county()
    found = queries.slowest_departments(made.section, YEAR, limit=2)
    assert [(one.department, one.projects, one.paid) for one in found] == [
        (made.departments[0].name, 2, 0),
        (made.departments[1].name, 2, 10 * WAN),
    ]
    assert {one.project.code for one in queries.slowest_projects(made.reviewer, YEAR)} == {"X00A", "X00B"}


@pytest.mark.django_db
def test_bands_and_months_add_up() -> None:
    made = county(departments=12)
    bands = dict(queries.rate_bands(made.section, YEAR))
    # First projects: 0, 10 … 90, 100, 100 percent; second ones: 0. A rate on an edge belongs to the band above.
    assert bands == {"0–10%": 13, **{f"{n}–{n + 10}%": 1 for n in range(10, 100, 10)}, "100%": 2}
    months = queries.monthly_paid(made.section, YEAR)
    assert months[:2] == [0, 0] and months[2] == months[11] == (sum(range(1, 11)) + 10) * 10 * WAN


@pytest.mark.django_db
def test_who_waits_for_what() -> None:
    made = county()
    ask_opinions(made)
    money = queries.recovery_money(made.section, YEAR)
    # Below 15 %: three second projects, and the first ones with 0 and 10 percent paid.
    assert (money.proposed, money.proposed_amount) == (5, (3 * 50 + 100 + 90) * WAN)
    assert (money.awaiting, money.executed) == (0, 0)
    mine = waiting(made.reviewer, YEAR)
    assert [(one.entry, one.count, one.due) for one in mine] == [("recovery", 1, DEADLINE)]
    assert "1 个项目拟收回" in mine[0].text
    assert waiting(made.section, YEAR) == []  # nothing to do until the answers are in
    silent = queries.silent_departments(made.section, YEAR)
    assert {(one.department, one.asked, one.answered) for one in silent} == {
        (made.departments[0].name, 2, 1),
        (made.departments[1].name, 2, 0),
        (made.departments[2].name, 1, 0),
    }


@pytest.mark.parametrize(
    ("due", "text", "late", "tone"),
    [
        (date(2023, 10, 10), "逾期 3 天", True, "red"),
        (date(2023, 10, 13), "今天", False, "amber"),
        (date(2023, 10, 16), "剩 3 天", False, "amber"),
        (date(2023, 10, 17), "剩 4 天", False, "grey"),
        (None, "发文 9 天", False, "grey"),
    ],
)
def test_a_deadline_in_words(due: date | None, text: str, late: bool, tone: str) -> None:
    one = Waiting("recovery", "资金收回", "…", "recovery_list", due=due, note="发文 9 天")
    today = date(2023, 10, 13)
    assert (one.due_text(today), one.is_late(today), one.tone(today)) == (text, late, tone)
