"""Every route of the URL configuration × every role, inside and outside, and nobody at all.

The expectations stand in `tests/architecture/access/`. GETs run in a read-only transaction: a GET never writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.architecture.access import Listing, Person, Route, World, expectations

# The mark also tells pytest-django that the module's own world needs the test database.
pytestmark = pytest.mark.django_db
EXPECTED = expectations()


def routes() -> Iterator[tuple[str, str]]:
    """(name with namespace, pattern) of every route there is; "" for a pattern without a name."""

    def walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[tuple[str, str]]:
        for entry in patterns:
            path = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
                yield from walk(entry.url_patterns, path, inner)
            elif isinstance(entry, URLPattern):
                yield (f"{namespace}{entry.name}" if entry.name else "", path)

    yield from walk(get_resolver().url_patterns, "", "")


def test_every_route_has_an_expectation_and_every_expectation_a_route() -> None:
    found = {name for name, _ in routes() if name}
    assert found - EXPECTED.keys() == set(), "routes without an expectation in tests/architecture/access/"
    assert EXPECTED.keys() - found == set(), "expectations without a route"
    bare = {path for name, path in routes() if not name}
    allowed = {
        path for path in bare if path == "admin/(?P<url>.*)$" or re.fullmatch(r"admin/\w+/\w+/<path:object_id>/", path)
    }
    assert bare - allowed == set(), "routes without a name"


@pytest.fixture(scope="module")
def county(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[World, dict[int, str]]]:
    """One world and one session for each of its people; what a test adds is taken back after it."""
    with django_db_blocker.unblock(), taken_back():
        assert "test" in connection.settings_dict["NAME"]
        world = World()
        yield world, {person.user.pk: _session(person) for person in world.people}


def _session(person: Person) -> str:
    client = Client()
    client.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
    return str(client.session.session_key)


@pytest.fixture
def world(county: tuple[World, dict[int, str]]) -> Iterator[World]:
    world, sessions = county
    world.sessions = sessions
    with taken_back():
        yield world


def client_for(world: World, person: Person | None) -> Client:
    client = Client()
    if person is not None:
        client.cookies["sessionid"] = world.sessions[person.user.pk]
    return client


@contextmanager
def read_only() -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield
        transaction.set_rollback(True)


@contextmanager
def taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(client: Client, route: Route, address: str, data: Any, method: str = "") -> HttpResponseBase:
    if route.post and method != "get":
        with taken_back():
            return whole(client.post(address, data))
    with read_only():
        return whole(client.get(address))


def whole(response: HttpResponseBase) -> HttpResponseBase:
    """Read a streamed answer within the transaction it belongs to."""
    if response.streaming:
        response.body = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    else:
        response.body = response.content  # type: ignore[attr-defined]
    return response


def words(world: World, route: Route) -> list[str]:
    ours = [world.department, world.unit]
    return [*route.secrets(world), *(o.name for o in ours), *(o.code for o in ours)]


def leaks(response: Any, secrets: list[str], address: str) -> list[str]:
    text = response.body.decode("utf-8", "replace").replace(address, "")
    return [word for word in secrets if word in text]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_route_answers_those_who_may_and_tells_the_others_nothing(name: str, world: World) -> None:
    route = EXPECTED[name]
    address = reverse(name, kwargs=dict(route.kwargs(world)))
    secrets, data, wrong = words(world, route), dict(route.data(world)), []
    for person in world.people:
        response = ask(client_for(world, person), route, address, data)
        answered = 200 <= response.status_code < 400 or response.status_code in route.statuses
        if route.allowed(person):
            if not answered:
                wrong.append(f"{person}: {response.status_code}, should get an answer")
            elif route.listing and not route.post:
                wrong += [f"{person}: {problem}" for problem in check_listing(response, route.listing, person)]
        elif response.status_code not in route.refused:
            wrong.append(f"{person}: {response.status_code}, should get {sorted(route.refused)}")
        elif found := leaks(response, secrets, address):
            # What a person may see anyway (the own department's name in the top bar) is no leak.
            own = {o for m in person.user.active_memberships for o in (m.organisation.name, m.organisation.code)}
            wrong += [f"{person}: the refusal tells {word}" for word in found if not any(word in text for text in own)]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_route_is_closed_to_nobody_in_particular(name: str, world: World) -> None:
    route = EXPECTED[name]
    address = reverse(name, kwargs=dict(route.kwargs(world)))
    response = ask(client_for(world, None), route, address, dict(route.data(world)))
    if route.anonymous == "open":
        assert response.status_code < 400 or response.status_code in route.statuses
    elif route.anonymous == "401":
        assert response.status_code == 401
    else:
        assert response.status_code in (302, 405)
        if response.status_code == 302:
            assert response["Location"].startswith((reverse("login"), reverse("admin:login")))
    assert leaks(response, words(world, route), address) == []


@pytest.mark.parametrize("name", sorted(name for name, route in EXPECTED.items() if route.post))
def test_what_writes_refuses_get(name: str, world: World) -> None:
    route = EXPECTED[name]
    address = reverse(name, kwargs=dict(route.kwargs(world)))
    person = next((p for p in world.people if route.allowed(p)), world.people[0])
    assert ask(client_for(world, person), route, address, {}, method="get").status_code == 405


@pytest.mark.parametrize("name", sorted(name for name, r in EXPECTED.items() if r.listing and r.listing.export))
def test_an_export_equals_what_the_person_may_see(name: str, world: World) -> None:
    from openpyxl import load_workbook

    route = EXPECTED[name]
    assert route.listing is not None
    address = reverse(name, kwargs=dict(route.kwargs(world)))
    for person in world.people:
        with taken_back():
            response = whole(client_for(world, person).post(address, {"export": "xlsx"}))
        if not route.allowed(person):
            assert response.status_code in route.refused
            continue
        seen, _ = shown(route.listing, person)
        if not seen:
            continue
        page = load_workbook(BytesIO(response.body)).active  # type: ignore[attr-defined]
        cells = {str(value) for row in page.iter_rows(min_row=2, values_only=True) for value in row if value}
        assert seen <= cells, str(person)
        visible = route.listing.model._default_manager.visible_to(person.user).filter(**route.listing.only)
        rows = [row for row in page.iter_rows(min_row=2, values_only=True) if not str(row[0] or "").startswith("合计")]
        assert len(rows) == visible.count(), str(person)


def shown(listing: Listing, person: Person) -> tuple[set[str], set[str]]:
    """What of all rows the person should see, and what not."""
    manager = listing.model._default_manager
    visible = manager.visible_to(person.user).filter(**listing.only).values_list(listing.shown, flat=True)
    every = manager.filter(**listing.only).values_list(listing.shown, flat=True)
    return set(map(str, visible)), set(map(str, every)) - set(map(str, visible))


def check_listing(response: Any, listing: Listing, person: Person) -> list[str]:
    text = response.body.decode()
    visible, hidden = shown(listing, person)
    missing = [word for word in visible if word not in text]
    told = [word for word in hidden if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]
    return [f"does not show {word}" for word in missing] + [f"shows {word}" for word in told]
