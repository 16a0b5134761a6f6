"""The list page: what it asks the database, how it filters, sorts, totals, pages and exports."""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.test import Client

from core.models import SecurityEvent
from organisations.enums import Role
from organisations.models import User
from tests.factories import OrganisationFactory, user_with

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.browser.styleguide")]

# Session, user, memberships; years on record; count and totals; keys; rows.
QUERIES = 7


@pytest.fixture
def officer() -> User:
    return user_with(Role.PERFORMANCE_SECTION)


@pytest.fixture
def officer_client(client: Client, officer: User) -> Client:
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    return client


def names(response: Any) -> list[str]:
    return re.findall(r'<td class="name"><a [^>]*>([^<]*)</a>', response.content.decode())


def total_cells(response: Any) -> list[str]:
    row = re.search(r'<tr class="totals">(.*?)</tr>', response.content.decode(), re.DOTALL)
    return re.findall(r"<t[hd][^>]*>(?:<span[^>]*>)?([^<]*)", row[1]) if row else []


@pytest.mark.parametrize("rows", [1, 3, 60])
def test_queries_do_not_grow_with_rows(officer_client: Client, django_assert_num_queries: Any, rows: int) -> None:
    OrganisationFactory.create_batch(rows)
    with django_assert_num_queries(QUERIES):
        response = officer_client.get("/2023/style/list/?sort=-amount")
    assert len(names(response)) == min(rows, 50)


def test_an_empty_filter_asks_for_no_rows(officer_client: Client, django_assert_num_queries: Any) -> None:
    OrganisationFactory.create_batch(2)
    with django_assert_num_queries(QUERIES - 2):
        response = officer_client.get("/2023/style/list/?name=没有")
    assert "没有符合条件的内容" in response.content.decode()


def test_totals_cover_the_whole_filter_not_the_page(officer_client: Client) -> None:
    made = OrganisationFactory.create_batch(60, name="镇人民政府")
    OrganisationFactory.create_batch(5, name="局")
    response = officer_client.get("/2023/style/list/?name=镇&page=2")
    amount = sum(one.pk for one in made) * Decimal("1234567.89") / 10_000
    assert len(names(response)) == 10
    cells = total_cells(response)
    assert cells[0] == "合计（60 个部门）" and cells[1] == f"{amount.quantize(Decimal('0.01')):,}"
    assert cells[3] == "65.80%"  # a rate of sums, not a sum of rates


def test_rows_keep_the_order_asked_for(officer_client: Client) -> None:
    for code, name in (("B2", "乙"), ("A1", "甲"), ("C3", "丙")):
        OrganisationFactory(code=code, name=name)
    assert names(officer_client.get("/2023/style/list/?sort=code")) == ["甲", "乙", "丙"]
    response = officer_client.get("/2023/style/list/?sort=-code")
    assert names(response) == ["丙", "乙", "甲"]
    assert 'aria-sort="descending"' in response.content.decode()


def test_a_column_below_another_is_small_on_the_page_and_full_in_the_export(officer_client: Client) -> None:
    OrganisationFactory(code="B2", name="乙")
    text = officer_client.get("/2023/style/list/?sort=code").content.decode()
    assert re.search(r'">乙</a><span class="sub">B2</span></td>', text)
    assert text.count('<th scope="col"') == 8 and "sort=-code" in text


def test_unknown_values_sort_last_both_ways(officer_client: Client) -> None:
    OrganisationFactory(name="无科室", division=None)
    OrganisationFactory(
        name="有科室", division=OrganisationFactory(kind="division", function="business", name="农业科")
    )
    for sort in ("division", "-division"):
        assert names(officer_client.get(f"/2023/style/list/?sort={sort}"))[-1] == "无科室"


@pytest.mark.parametrize("sort", ["nothing", "rate", "-", "name__password", "division__name"])
def test_a_sort_that_is_not_offered_is_ignored(officer_client: Client, sort: str) -> None:
    OrganisationFactory.create_batch(2)
    response = officer_client.get("/2023/style/list/", {"sort": sort})
    assert response.status_code == 200 and "aria-sort" not in response.content.decode()


def test_a_wrong_filter_says_so_and_shows_no_rows(officer_client: Client) -> None:
    OrganisationFactory.create_batch(2)
    response = officer_client.get("/2023/style/list/?code=abc")
    assert names(response) == [] and "输入一个数字" in response.content.decode()


@pytest.mark.parametrize(("page", "shown"), [("2", 10), ("99", 10), ("x", 50), ("-1", 10), ("0", 10)])
def test_any_page_number_answers(officer_client: Client, page: str, shown: int) -> None:
    OrganisationFactory.create_batch(60)
    assert len(names(officer_client.get(f"/2023/style/list/?page={page}"))) == shown


def test_htmx_gets_the_results_alone(officer_client: Client) -> None:
    OrganisationFactory(name="甲局")
    response = officer_client.get("/2023/style/list/", headers={"HX-Request": "true", "HX-Target": "results"})
    text = response.content.decode()
    assert text.lstrip().startswith('<div class="results" id="results">') and "甲局" in text and "<html" not in text
    assert "HX-Request" in response["Vary"] and "no-store" in response["Cache-Control"]


def test_text_of_rows_is_escaped(officer_client: Client) -> None:
    OrganisationFactory(name='<script>alert("1")</script>')
    text = officer_client.get("/2023/style/list/").content.decode()
    assert "<script>alert" not in text and "&lt;script&gt;alert(&quot;1&quot;)" in text


def test_export_holds_every_filtered_row_in_yuan_and_is_logged(officer_client: Client, officer: User) -> None:
    made = OrganisationFactory.create_batch(60, name="=镇人民政府")
    OrganisationFactory(name="局")
    response = officer_client.post("/2023/style/list/?name=镇&sort=-code&export=xlsx")
    book = openpyxl.load_workbook(BytesIO(b"".join(response.streaming_content)))
    rows = [list(row) for row in book.active.iter_rows(values_only=True)]
    assert rows[0][:4] == ["部门名称", "代码", "归口科室", "全年预算（元）"] and "进度" not in rows[0]
    assert len(rows) == 1 + 60 + 1
    codes = [row[1] for row in rows[1:-1]]
    assert codes == sorted((one.code for one in made), reverse=True)
    assert not any(cell.data_type == "f" for row in book.active.iter_rows() for cell in row)
    amounts = [Decimal(str(row[3])).quantize(Decimal("0.01")) for row in rows[1:-1]]
    assert sum(amounts) == sum(one.pk for one in made) * Decimal("1234567.89")
    assert Decimal(str(rows[-1][3])).quantize(Decimal("0.01")) == sum(amounts)
    event = SecurityEvent.objects.get(kind="export")
    assert event.user == officer and "样张清单（2023年度）.xlsx 60 个部门" in event.what


def test_a_get_never_exports(officer_client: Client) -> None:
    OrganisationFactory()
    response = officer_client.get("/2023/style/list/?export=xlsx")
    assert response["Content-Type"].startswith("text/html") and not SecurityEvent.objects.exists()


def test_export_does_not_grow_in_queries(officer_client: Client, django_assert_max_num_queries: Any) -> None:
    OrganisationFactory.create_batch(30)
    with django_assert_max_num_queries(12):
        response = officer_client.post("/2023/style/list/?export=xlsx")
        b"".join(response.streaming_content)


def test_bulk_action_touches_only_visible_rows(officer_client: Client) -> None:
    made = OrganisationFactory.create_batch(3)
    bureau = OrganisationFactory(bureau=True)  # not in this list
    data = {"action": "keep", "ids": [made[0].pk, made[1].pk, bureau.pk, 10**9]}
    response = officer_client.post("/2023/style/list/?sort=code", data, follow=True)
    assert "已办理 2 个部门" in response.content.decode()
    assert response.redirect_chain == [("/2023/style/list/?sort=code", 302)]
    nothing = officer_client.post("/2023/style/list/", {"action": "keep"}, follow=True)
    assert "没有勾选任何一行" in nothing.content.decode()
    assert officer_client.post("/2023/style/list/", {"action": "delete", "ids": [1]}).status_code == 405


def test_empty_list_says_what_to_do_next(officer_client: Client) -> None:
    text = officer_client.get("/style/empty/").content.decode()
    assert "还没有部门" in text and "先导入机构" in text and 'href="/"' in text
