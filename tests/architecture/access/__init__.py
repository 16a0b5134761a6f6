"""What every route should answer to whom. One module here for each app: `ROUTES = {route name: Route(...)}`.

How to add an app: write `tests/architecture/access/<app>.py` with a `ROUTES` dict. A route without an entry (and an
entry without a route) fails the walk. An example:

    def own_project(world):                        # the object belongs to world.department / .unit / .division
        return {"year": 2023, "pk": ProjectFactory(unit=world.unit, name="甲部门的路").pk}

    ROUTES = {
        "project": Route(allowed=branch, kwargs=own_project, secrets=lambda world: ["甲部门的路"]),
        "project_list": Route(listing=Listing(ProjectYear, "project__name")),
        "import_list": Route(allowed=holds(Role.PERFORMANCE_SECTION), refused={403}),
    }

A module whose models stand in the admin also answers `admin_row(model, world)`: a row of that model.

Every role exists twice in the world: *inside* (at the department, unit, division or agency the object belongs to) and
*outside* (at others of the same kind). The bureau's county-wide roles are inside in both cases.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from organisations.enums import DivisionFunction, Role
from organisations.models import Organisation, User
from organisations.roles import COUNTY_WIDE
from tests.factories import OrganisationFactory, user_with


@dataclass(frozen=True)
class Person:
    role: str
    inside: bool
    user: User

    def __str__(self) -> str:
        return f"{Role(self.role).label}（{'本' if self.inside else '他'}）"


class World:
    """A county with two of everything: ours, which owns the objects, and theirs."""

    sessions: Mapping[int, str]  # user id → session key, set by the walk

    def __init__(self) -> None:
        self.bureau = OrganisationFactory(bureau=True, code="331121000")
        functions = {"parent": self.bureau, "section": True}
        self.performance = OrganisationFactory(function=DivisionFunction.PERFORMANCE, **functions)
        self.budget = OrganisationFactory(function=DivisionFunction.BUDGET, **functions)
        self.division, self.other_division = (OrganisationFactory(**functions) for _ in range(2))
        self.department = OrganisationFactory(code="AJX219", name="甲甲甲主管部门", division=self.division)
        self.other_department = OrganisationFactory(code="BYB319", name="乙乙乙主管部门", division=self.other_division)
        self.unit = OrganisationFactory(unit=True, code="AJX219001", name="甲甲甲学校", parent=self.department)
        self.other_unit = OrganisationFactory(
            unit=True, code="BYB319001", name="乙乙乙学校", parent=self.other_department
        )
        self.agency, self.other_agency = (OrganisationFactory(agency=True) for _ in range(2))
        self.people = [
            Person(role, inside, user_with(role, self._home(role, inside)))
            for role in Role.values
            for inside in (True, False)
        ]

    def _home(self, role: str, inside: bool) -> Organisation:
        special = {Role.PERFORMANCE_SECTION: self.performance, Role.BUDGET_DIVISION: self.budget}
        if role in special:
            return special[Role(role)]
        ours_theirs = {
            Role.UNIT_FILLER: (self.unit, self.other_unit),
            Role.UNIT_REVIEWER: (self.unit, self.other_unit),
            Role.DEPARTMENT_REVIEWER: (self.department, self.other_department),
            Role.DIVISION_OFFICER: (self.division, self.other_division),
            Role.AGENCY: (self.agency, self.other_agency),
        }.get(Role(role), (self.bureau, self.bureau))
        return ours_theirs[0 if inside else 1]

    def user(self, role: str, *, inside: bool = True) -> User:
        return next(p.user for p in self.people if p.role == role and p.inside == inside)


Rule = Callable[[Person], bool]


def everybody(person: Person) -> bool:
    return True


def nobody(person: Person) -> bool:
    return False


def holds(*roles: str) -> Rule:
    """Whoever holds one of the roles, wherever."""
    return lambda person: person.role in roles


def inside(*roles: str) -> Rule:
    """Whoever holds one of the roles where the object belongs."""
    return lambda person: person.inside and person.role in roles


def any_of(*rules: Rule) -> Rule:
    return lambda person: any(rule(person) for rule in rules)


# The usual rule of a unit's row: the county-wide roles, its division, its department, itself.
branch = any_of(
    holds(*COUNTY_WIDE),
    inside(Role.DIVISION_OFFICER, Role.DEPARTMENT_REVIEWER, Role.UNIT_FILLER, Role.UNIT_REVIEWER),
)


@dataclass(frozen=True)
class Listing:
    """The page shows `shown` of every row of `model` visible to the person and of no other; so does its export.

    `only` narrows to the rows that the page is about.
    """

    model: type[Model]
    shown: str
    export: bool = True
    only: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """What a route should answer.

    allowed    who gets an answer (2xx or 3xx)
    kwargs     builds the object, which belongs to ours, and names it
    post       the route writes: asked by POST with `data`, and GET must be refused with 405
    refused    what the others get: 404 for an object, 403 for a page that belongs to roles
    anonymous  "login" (sent there), "open", or "401"
    secrets    words that no refusal may contain; our department's and unit's names and codes always count
    """

    allowed: Rule = everybody
    kwargs: Callable[[World], Mapping[str, Any]] = lambda world: {}
    post: bool = False
    data: Callable[[World], Mapping[str, Any]] = lambda world: {}
    refused: frozenset[int] | set[int] = field(default_factory=lambda: {404})
    anonymous: str = "login"
    secrets: Callable[[World], Iterable[str]] = lambda world: ()
    listing: Listing | None = None
    statuses: frozenset[int] | set[int] = frozenset()  # further answers that count as an answer (a 503 of readiness)


def expectations() -> dict[str, Route]:
    """All modules' ROUTES together; the same name twice is an error."""
    found: dict[str, Route] = {}
    for module in pkgutil.iter_modules(__path__):
        routes = importlib.import_module(f"{__name__}.{module.name}").ROUTES
        twice = found.keys() & routes.keys()
        assert not twice, f"{module.name}: {sorted(twice)} stand elsewhere already"
        found |= routes
    return found


__all__ = ["Listing", "Person", "Route", "World", "any_of", "branch", "everybody", "holds", "inside", "nobody"]
