"""历史: whose deeds it shows, what they say, its filters, order, queries and export."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from monitoring import services
from monitoring.models import RecoveryLine, RecoveryRun
from notices.models import Notice, Recipient
from notices.services import confirm_receipt, issue
from organisations.enums import DivisionFunction, Role
from organisations.models import Membership
from tests.factories import OrganisationFactory, user_with
from tests.monitoring.world import YEAR, World

pytestmark = pytest.mark.django_db
ADDRESS = f"/{YEAR}/history/"


def ask(user: Any, query: str = "", year: int = YEAR) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(f"/{year}/history/{query}")
    assert response.status_code == 200
    return response.content.decode()


def rows(text: str) -> list[str]:
    """Each row's words, without tags."""
    body = re.search(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    return [re.sub(r"<[^>]+>", " ", row).strip() for row in re.findall(r"<tr>(.*?)</tr>", body[1])] if body else []


def kinds(text: str) -> list[str]:
    return [
        next(kind for kind in ("收回意见", "流转办理", "收到公文", "印发公文") if kind in row) for row in rows(text)
    ]


def opinion(line: RecoveryLine, user: Any, **options: Any) -> None:
    line.refresh_from_db()
    services.give_opinion(line=line, by=user, version=line.version, **({"stance": "agree"} | options))


def told(world: World, run: RecoveryRun) -> Notice:
    """The executed run's notice, issued, and confirmed by the first department."""
    notice = issue(notice=services.draft_notice(run=run, by=world.section), by=world.section)
    first = Recipient.objects.get(notice=notice, organisation=world.departments[0])
    confirm_receipt(recipient=first, by=world.reviewers[0])
    return notice


@pytest.fixture
def world() -> World:
    return World(projects=1)


def test_before_anything_happened_it_says_what_to_do(world: World) -> None:
    text = ask(world.reviewers[0])
    assert "本年度还没有办理记录" in text and f'href="/{YEAR}/"' in text
    assert rows(text) == []


def test_a_department_sees_its_own_opinions_with_their_outcome_and_its_units(world: World) -> None:
    run = world.consulted()
    first, second = world.lines(run)
    opinion(first, world.unit_reviewers[0], stance="object", accepted=1000, text="正在施工")
    opinion(first, world.reviewers[0])
    opinion(first, world.officer)
    opinion(second, world.reviewers[1])
    found = rows(ask(world.reviewers[0]))
    assert len(found) == 2
    assert world.departments[0].name in found[0] and "征求意见" in found[0] and "同意" in found[0]
    assert world.units[0].name in found[1] and "有异议：正在施工" in found[1] and "0.10" in found[1]
    [own] = rows(ask(world.unit_reviewers[0]))
    assert "正在施工" in own
    assert rows(ask(world.unit_reviewers[1])) == []
    assert f'href="/{YEAR}/recovery/lines/{first.pk}/"' in ask(world.reviewers[0])


def test_the_outcome_is_that_of_the_line_today(world: World) -> None:
    run = world.consulted()
    for line, user in zip(world.lines(run), world.reviewers, strict=True):
        opinion(line, user)
    services.submit_review(lines=world.lines(run), by=world.section)
    services.review_many(lines=world.lines(run)[:1], verdict="keep", by=world.budget)
    services.review_many(lines=world.lines(run)[1:], verdict="drop", by=world.budget, comment="在建")
    world.executed(run)
    assert "已执行收回 800,000.00 元" in rows(ask(world.reviewers[0]))[0]
    assert "不收回" in rows(ask(world.reviewers[1]))[0]


def test_a_department_sees_the_notices_it_received_and_when_it_confirmed(world: World) -> None:
    notice = told(world, world.executed())
    local = timezone.localtime(Recipient.objects.get(notice=notice, organisation=world.departments[0]).confirmed_at)
    text = ask(world.reviewers[0], "?kind=received")
    [confirmed] = rows(text)
    assert notice.number in confirmed and f"{local:%H:%M} {world.reviewers[0]}确认收悉" in confirmed
    assert "80.00" in confirmed and f"{notice.issued_on:%Y-%m-%d}" in confirmed and "08:00" not in confirmed
    assert f'href="/{YEAR}/notices/{notice.pk}/"' in text
    [waiting] = rows(ask(world.reviewers[1], "?kind=received"))
    assert "尚未确认收悉" in waiting
    assert "印发公文" not in text, "departments issue nothing"


def test_a_notice_that_is_not_issued_yet_is_not_there(world: World) -> None:
    services.draft_notice(run=world.executed(), by=world.section)
    for user in (world.reviewers[0], world.section):
        assert not {"收到公文", "印发公文"} & set(kinds(ask(user)))


def test_the_section_sees_its_steps_the_opinions_it_got_and_what_it_issued(world: World) -> None:
    run = world.consulted()
    opinion(world.lines(run)[0], world.reviewers[0])
    services.submit_review(lines=world.lines(run), by=world.section)
    services.review_many(lines=world.lines(run), verdict="keep", by=world.budget)
    told(world, world.executed(run))
    text = ask(world.section)
    # 征求意见, 提交会审, 决定收回, 交预算科执行, for each of two lines.
    assert sorted(kinds(text)) == sorted(["流转办理"] * 8 + ["收回意见", "印发公文"])
    assert "同意收回" not in text, "an opinion is told once, by its own row"
    assert "主送 2 家，1 家已确认收悉" in text
    steps = rows(ask(world.budget, "?kind=step"))
    assert len(steps) == 4 and all("会审收回" in row or "确认执行" in row for row in steps)
    assert not rows(ask(world.officer, "?kind=step"))
    assert len(rows(ask(world.officer, "?kind=opinion"))) == 1


def test_steps_belong_to_the_organisation_at_which_they_were_taken(world: World) -> None:
    """Who moves to another division takes nothing along, and leaves nothing away."""
    world.consulted()
    home = world.section.memberships.get().organisation
    successor = user_with(Role.PERFORMANCE_SECTION, home)
    yesterday = timezone.localdate() - timedelta(days=1)
    before = len(rows(ask(successor)))
    assert before == 2
    Membership.objects.filter(user=world.section).update(valid_from=date(2020, 1, 1), valid_to=yesterday)
    assert rows(ask(successor)) == [], "the steps of today were not taken for the section"
    other = OrganisationFactory(section=True, function=DivisionFunction.BUSINESS)
    Membership.objects.filter(user=world.section).update(organisation=other, valid_to=None)
    assert rows(ask(successor)) == []


def test_another_year_has_its_own_history(world: World) -> None:
    run = world.consulted()
    opinion(world.lines(run)[0], world.reviewers[0])
    assert len(rows(ask(world.reviewers[0]))) == 1
    assert rows(ask(world.reviewers[0], year=YEAR - 1)) == []


def test_filters(world: World) -> None:
    run = world.consulted()
    line = world.lines(run)[0]
    opinion(line, world.reviewers[0])
    told(world, world.executed(_reviewed(world, run)))
    user, today = world.reviewers[0], timezone.localdate()
    assert kinds(ask(user)) == ["收回意见", "收到公文"] or kinds(ask(user)) == ["收到公文", "收回意见"]
    code, name = line.project_year.project.code, line.project_year.name
    assert kinds(ask(user, f"?q={code}")) == kinds(ask(user, f"?q={name}")) == ["收回意见"]
    assert kinds(ask(user, "?q=收回")) == ["收到公文"]
    assert "没有符合条件的内容" in ask(user, "?q=没有这一项")
    assert "没有符合条件的内容" in ask(user, f"?since={today + timedelta(days=1)}")
    assert len(rows(ask(user, f"?since={today}&until={today}"))) == 2
    assert rows(ask(user, "?since=昨天")) == []
    assert rows(ask(user, "?kind=issued")) == [], "no choice of a department's"
    assert kinds(ask(user, "?kind=opinion&sort=at")) == ["收回意见"]


def _reviewed(world: World, run: RecoveryRun) -> RecoveryRun:
    services.submit_review(lines=world.lines(run), by=world.section)
    services.review_many(lines=world.lines(run), verdict="keep", by=world.budget)
    return run


def test_the_latest_comes_first_and_the_order_can_be_turned(world: World) -> None:
    run = world.consulted()
    line = world.lines(run)[0]
    for text in ("第一次", "第二次", "第三次"):
        opinion(line, world.reviewers[0], stance="object", text=text)
    words = [re.search(r"第.次", row)[0] for row in rows(ask(world.reviewers[0]))]  # type: ignore[index]
    assert words == ["第三次", "第二次", "第一次"]
    turned = [re.search(r"第.次", row)[0] for row in rows(ask(world.reviewers[0], "?sort=at"))]  # type: ignore[index]
    assert turned == words[::-1]


def test_queries_do_not_grow_with_rows(world: World) -> None:
    def count() -> int:
        client = Client()
        client.force_login(world.section, backend="django.contrib.auth.backends.ModelBackend")
        client.get(ADDRESS)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(ADDRESS).status_code == 200
        return len(caught)

    run = world.consulted()
    lines = world.lines(run)
    opinion(lines[0], world.reviewers[0])
    one = count()
    for line, user in ((lines[0], world.officer), (lines[1], world.reviewers[1]), (lines[1], world.unit_reviewers[1])):
        opinion(line, user)
    assert count() == one
    told(world, world.executed(_reviewed(world, run)))
    # One more kind, one more query. Session, user, memberships; years; count, keys; opinions, steps, notices.
    assert count() == one + 1 <= 9


def test_fifty_rows_a_page(world: World) -> None:
    line = world.lines(world.consulted())[0]
    for number in range(53):
        opinion(line, world.reviewers[0], stance="object", text=f"第{number:02}次")
    assert len(rows(ask(world.reviewers[0]))) == 50
    rest = rows(ask(world.reviewers[0], "?page=2"))
    assert len(rest) == 3 and "第00次" in rest[-1]


def test_the_export_holds_every_filtered_row_in_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.history.PORTION", 2)
    run = world.consulted()
    line = world.lines(run)[0]
    long = "很长的理由" * 40
    for text in ("=1+1", long, "短"):
        opinion(line, world.reviewers[0], stance="object", accepted=1000, text=text)
    opinion(world.lines(run)[1], world.reviewers[1])
    client = Client()
    client.force_login(world.reviewers[0], backend="django.contrib.auth.backends.ModelBackend")
    response = client.post(ADDRESS + "?kind=opinion", {"export": "xlsx"})
    page = load_workbook(BytesIO(b"".join(response.streaming_content))).active  # type: ignore[attr-defined]
    cells = list(page.iter_rows(min_row=2, values_only=True))
    heads = [cell.value for cell in page[1]]
    assert len(cells) == 3
    said = heads.index("意见、操作")
    assert [row[said] for row in cells] == ["有异议：短", f"有异议：{long}", "有异议：=1+1"]
    assert cells[0][heads.index("金额（元）")] == 1000
    moment = datetime.strptime(cells[0][0], "%Y-%m-%d %H:%M")  # noqa: DTZ007 - local, as printed
    assert moment.date() == timezone.localdate()


@pytest.mark.parametrize("role", [Role.EXPERT, Role.SYSTEM_ADMIN])
def test_others_have_no_history(role: str) -> None:
    client = Client()
    client.force_login(user_with(role), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(ADDRESS).status_code == 403
    assert client.post(ADDRESS, {"export": "xlsx"}).status_code == 403
