"""REST: tokens and sessions, the same scoping as the pages, names of the data elements, cursor pages, error bodies."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

from organisations import services
from organisations.enums import Role
from organisations.models import Organisation, User
from tests.factories import OrganisationFactory, user_with

pytestmark = pytest.mark.django_db
LIST = "/api/v1/organisations/"


def with_token(user: User) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Token {Token.objects.create(user=user).key}"}


def test_names_are_those_of_the_national_data_elements() -> None:
    OrganisationFactory(bureau=True, code="331121000")
    division = OrganisationFactory(section=True, code="CZ06")
    department = OrganisationFactory(code="219", name="县教育局", division=division)
    unit = OrganisationFactory(unit=True, code="219001", name="县第一中学", parent=department)
    answer = Client().get(f"{LIST}{unit.pk}/", **with_token(user_with(Role.PERFORMANCE_SECTION)))
    assert answer.json() == {
        "id": unit.pk,
        "mof_div_code": "331121000",
        "agency_code": "219001",
        "agency_name": "县第一中学",
        "short_name": "",
        "kind": "unit",
        "function": "",
        "dept_code": "219",
        "dept_name": "县教育局",
        "manage_mof_dep_code": None,
        "phone": "",
        "is_enabled": True,
    }


def test_pages_follow_a_cursor_and_hold_every_visible_row_once(django_assert_num_queries) -> None:
    OrganisationFactory.create_batch(7)
    token = with_token(user_with(Role.PERFORMANCE_SECTION))
    url, seen = f"{LIST}?page_size=3", []
    while url:
        with django_assert_num_queries(4):
            page = Client().get(url, **token).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert seen == list(Organisation.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.parametrize("role", Role.values)
def test_the_list_equals_visible_to(role: str) -> None:
    OrganisationFactory(bureau=True)
    OrganisationFactory(unit=True)
    user = user_with(role)
    rows = Client().get(LIST, **with_token(user)).json()["results"]
    assert {row["id"] for row in rows} == set(Organisation.objects.visible_to(user).values_list("pk", flat=True))


def test_a_strangers_organisation_is_404_with_the_houses_error_body() -> None:
    stranger = OrganisationFactory(name="别的局", code="777")
    answer = Client().get(f"{LIST}{stranger.pk}/", **with_token(user_with(Role.UNIT_FILLER)))
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message", "fields"}
    assert "别的局" not in answer.content.decode() and "777" not in answer.content.decode()


def test_filters_are_those_of_the_page() -> None:
    found = OrganisationFactory(name="县教育局")
    OrganisationFactory(name="县水利局")
    token = with_token(user_with(Role.PERFORMANCE_SECTION))
    rows = Client().get(LIST, {"q": "教育", "kind": "department"}, **token).json()["results"]
    assert [row["id"] for row in rows] == [found.pk]
    wrong = Client().get(LIST, {"kind": "nonsense"}, **token)
    assert wrong.status_code == 400
    assert wrong.json()["code"] == "invalid" and "kind" in wrong.json()["fields"]


def test_the_door_is_read_only_and_closed_to_nobody_and_the_switched_off() -> None:
    user = user_with(Role.PERFORMANCE_SECTION)
    token = with_token(user)
    assert Client().get(LIST).status_code == 401
    assert Client().get("/api/v1/schema/").status_code == 401
    assert Client().post(LIST, {"agency_code": "1"}, **token).status_code == 405
    assert Client().get(LIST, **token).status_code == 200
    services.set_active(user=user, active=False, by=user_with(Role.PERFORMANCE_SECTION))
    assert Client().get(LIST, **token).status_code == 401


def test_the_schema_is_openapi_31_and_knows_the_door() -> None:
    answer = Client().get("/api/v1/schema/?format=json", **with_token(user_with(Role.PERFORMANCE_SECTION)))
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    assert {"/api/v1/organisations/", "/api/v1/organisations/{id}/"} <= set(schema["paths"])
    parameters = {p["name"] for p in schema["paths"]["/api/v1/organisations/"]["get"]["parameters"]}
    assert {"cursor", "kind", "division", "q"} <= parameters
