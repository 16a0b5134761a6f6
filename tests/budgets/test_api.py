"""REST: national names, the caller's own rows, cursor pages, read-only."""

from datetime import date

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from organisations.enums import Role
from tests.budgets.builders import YEAR, county, payment, post, projects
from tests.factories import user_with

pytestmark = pytest.mark.django_db


def api(user) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
    return client


@pytest.fixture
def places():
    return county()


def test_project_years_carry_national_names_and_figures(places, django_assert_num_queries):
    projects(3)
    post(
        [
            payment("V1", "P00001", "40000.00", date(YEAR, 3, 1)),
            payment("R1", "P00001", "20000.00", date(YEAR, 9, 1), kind="recovery"),
        ]
    )
    client = api(user_with(Role.PERFORMANCE_SECTION))
    url = f"/api/v1/project-years/?fiscal_year={YEAR}&pro_code=P00001"
    client.get(url)
    with django_assert_num_queries(3):
        (row,) = client.get(url).json()["results"]
    assert (row["pro_code"], row["agency_code"], row["dept_code"]) == ("P00001", "301001", "301")
    assert row["manage_mof_dep_code"] == "KS1"
    assert (row["adjusted"], row["recovered"], row["paid"]) == ("80000.00", "-20000.00", "40000.00")
    assert (row["rate"], row["rate_before"]) == ("0.5000", "0.4000")


def test_a_project_without_budget_has_no_rate(places):
    projects(1, initial=None)
    (row,) = api(user_with(Role.PERFORMANCE_SECTION)).get("/api/v1/project-years/").json()["results"]
    assert (row["adjusted"], row["rate"]) == ("0.00", None)


def test_everybody_gets_only_what_the_pages_show(places):
    projects(1)
    projects(1, prefix="Q", unit="302001")
    post([payment("V1", "P00001", "1.00"), payment("V2", "Q00001", "2.00")])
    client = api(user_with(Role.UNIT_FILLER, places["unit1"]))
    assert [row["pro_code"] for row in client.get("/api/v1/projects/").json()["results"]] == ["P00001"]
    assert [row["pro_code"] for row in client.get("/api/v1/project-years/").json()["results"]] == ["P00001"]
    entries = client.get("/api/v1/ledger-entries/?busi_type=payment").json()["results"]
    assert [(row["pro_code"], row["amount"]) for row in entries] == [("P00001", "1.00")]


def test_pages_follow_a_cursor_and_nothing_can_be_written(places):
    projects(3)
    client = api(user_with(Role.PERFORMANCE_SECTION))
    first = client.get("/api/v1/ledger-entries/?page_size=2").json()
    assert len(first["results"]) == 2
    assert len(client.get(first["next"]).json()["results"]) == 1
    refused = client.post("/api/v1/ledger-entries/", {})
    assert refused.status_code == 405
    assert set(refused.json()) == {"code", "message", "fields"}
