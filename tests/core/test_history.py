"""Old versions with user and request for every door, bulk SQL included; append-only tables in the database itself."""

from __future__ import annotations

import pghistory
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from core.history import changes
from core.models import SecurityEvent
from organisations.enums import Role
from organisations.models import Organisation, User
from tests.factories import OrganisationFactory, user_with

pytestmark = pytest.mark.django_db


def test_a_change_by_a_page_tells_user_and_request() -> None:
    section = user_with(Role.PERFORMANCE_SECTION)
    town = OrganisationFactory(name="祔埠镇人民政府")
    client = Client()
    client.force_login(section, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post(
        reverse("organisation_rename", args=[town.pk]),
        {"name": "祯埠镇人民政府", "valid_from": "2023-01-01"},
        HTTP_X_REQUEST_ID="request-0001",
        REMOTE_ADDR="10.1.1.9",
    )
    assert response.status_code == 302
    found = {row["field"]: row for row in changes(Organisation.objects.get(pk=town.pk))}
    name = found["名称"]
    assert (name["old"], name["new"]) == ("祔埠镇人民政府", "祯埠镇人民政府")
    assert (name["user_id"], name["request"]) == (section.pk, "request-0001")
    events = pghistory.core.event_models(tracks_model=Organisation)[0]
    assert events.objects.get(pgh_obj_id=town.pk).pgh_context["address"] == "10.1.1.9"


def test_one_bulk_statement_keeps_every_old_version_with_its_context() -> None:
    towns = OrganisationFactory.create_batch(3, phone="1")
    with pghistory.context(user=7, request_id="bulk-1"), connection.cursor() as cursor:
        cursor.execute("UPDATE organisations_organisation SET phone = '2' WHERE phone = '1'")
    for town in towns:
        (row,) = changes(Organisation.objects.get(pk=town.pk))
        assert (row["field"], row["old"], row["new"]) == ("联系电话", "1", "2")
        assert (row["user_id"], row["request"]) == (7, "bulk-1")


def test_a_queryset_update_is_caught_too_and_versions_stay_in_order() -> None:
    town = OrganisationFactory(phone="1")
    for phone in ("2", "3"):
        Organisation.objects.filter(pk=town.pk).update(phone=phone)
    rows = changes(Organisation.objects.get(pk=town.pk))
    assert [(row["old"], row["new"]) for row in rows] == [("2", "3"), ("1", "2")]


def test_an_update_that_changes_nothing_keeps_no_version() -> None:
    town = OrganisationFactory(phone="1")
    Organisation.objects.filter(pk=town.pk).update(phone="1")
    assert changes(town) == []


def test_passwords_are_not_kept_in_the_history() -> None:
    user = user_with(Role.UNIT_FILLER)
    events = pghistory.core.event_models(tracks_model=User)[0]
    assert "password" not in {field.name for field in events._meta.get_fields()}
    user.set_password("Neues-Wort-2024")
    user.save()
    assert changes(user) == []


def test_history_itself_cannot_be_rewritten() -> None:
    town = OrganisationFactory(phone="1")
    Organisation.objects.filter(pk=town.pk).update(phone="2")
    events = pghistory.core.event_models(tracks_model=Organisation)[0]
    assert events.objects.filter(pgh_obj_id=town.pk).count() == 1
    for statement in (
        f"UPDATE {events._meta.db_table} SET phone = 'x'",
        f"DELETE FROM {events._meta.db_table}",
    ):
        refuse(statement)
    assert events.objects.get(pgh_obj_id=town.pk).phone == "1"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_securityevent SET username = 'nobody'",
        "DELETE FROM core_securityevent",
        "TRUNCATE core_securityevent",
        "TRUNCATE core_securityevent CASCADE",
    ],
)
def test_the_security_log_refuses_to_be_rewritten_in_the_database(statement: str) -> None:
    SecurityEvent.objects.create(kind="login", username="zhangsan")
    with connection.cursor() as cursor:  # otherwise the insert's own deferred key check would refuse TRUNCATE
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    refuse(statement)
    assert SecurityEvent.objects.get().username == "zhangsan"


def refuse(statement: str) -> None:
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
