"""Organisations: one's own branch; users: the keepers, and a department's 审核岗 for its branch."""

from typing import Any

from django.db.models import Model
from django.utils import timezone

from organisations.access import KEEPERS
from organisations.enums import Role
from organisations.models import Membership, Organisation, OrganisationName, User
from organisations.roles import ADMINISTRATORS, BUREAU_STAFF
from tests.architecture.access import Listing, Route, World, any_of, everybody, holds, inside
from tests.factories import MembershipFactory, UserFactory

STAFF = ("甲甲甲的职员", "jiajia")


def department(world: World) -> dict[str, Any]:
    return {"pk": world.department.pk}


def clerk(world: World) -> User:
    user = User.objects.filter(username=STAFF[1]).first()
    return (
        user
        or MembershipFactory(
            user=UserFactory(username=STAFF[1], full_name=STAFF[0]), organisation=world.unit, role=Role.UNIT_FILLER
        ).user
    )


def person(world: World) -> dict[str, Any]:
    return {"pk": clerk(world).pk}


def membership(world: World) -> dict[str, Any]:
    found = clerk(world)
    return {"pk": found.pk, "membership_pk": found.memberships.get().pk}


def deputy(world: World) -> dict[str, Any]:
    row = MembershipFactory(
        user=clerk(world),
        organisation=world.department,
        role=Role.DEPARTMENT_REVIEWER,
        deputy_for=world.user(Role.DEPARTMENT_REVIEWER),
        valid_to=timezone.localdate(),
    )
    return {"pk": row.pk}


def names(world: World) -> list[str]:
    return list(STAFF)


def new_name(world: World) -> dict[str, Any]:
    return {"name": "甲甲甲新名称", "valid_from": "2023-01-01"}


def new_role(world: World) -> dict[str, Any]:
    return {"organisation": world.unit.pk, "role": Role.UNIT_REVIEWER, "valid_from": "2023-01-01"}


keepers = holds(*KEEPERS)
# Who sees the department's row: the bureau, the administrators, the department and its unit.
around = any_of(
    holds(*BUREAU_STAFF, *ADMINISTRATORS), inside(Role.DEPARTMENT_REVIEWER, Role.UNIT_FILLER, Role.UNIT_REVIEWER)
)
user_readers = any_of(keepers, inside(Role.DEPARTMENT_REVIEWER))

ROUTES = {
    "login": Route(anonymous="open"),
    "login_again": Route(post=True, anonymous="open", statuses={403}),
    "logout": Route(post=True, anonymous="open"),
    "password_change": Route(),
    "setup": Route(anonymous="open", statuses={404}),
    "organisation_list": Route(listing=Listing(Organisation, "name")),
    "organisation": Route(allowed=around, kwargs=department),
    # A department's own people see the row, but renaming it is the keepers' page.
    "organisation_rename": Route(allowed=keepers, kwargs=department, data=new_name, post=True, refused={403, 404}),
    "organisation_import": Route(allowed=keepers, refused={403}),
    "user_list": Route(
        allowed=any_of(keepers, holds(Role.DEPARTMENT_REVIEWER)), refused={403}, listing=Listing(User, "username")
    ),
    "user": Route(allowed=user_readers, kwargs=person, secrets=names),
    "user_reset": Route(allowed=user_readers, kwargs=person, secrets=names, post=True),
    "user_switch": Route(allowed=user_readers, kwargs=person, secrets=names, post=True),
    "membership_grant": Route(
        allowed=keepers, kwargs=person, secrets=names, data=new_role, post=True, refused={403, 404}
    ),
    "membership_end": Route(allowed=user_readers, kwargs=membership, secrets=names, post=True),
    "user_import": Route(allowed=keepers, refused={403}),
    "deputy_list": Route(
        allowed=everybody,
        kwargs=lambda world: deputy(world) and {},
        listing=Listing(Membership, "user__full_name", export=False, only={"deputy_for__isnull": False}),
    ),
    "deputy_end": Route(allowed=any_of(keepers, inside(Role.DEPARTMENT_REVIEWER)), kwargs=deputy, post=True),
}


def admin_row(model: type[Model], world: World) -> Any:
    clerk_of_unit = world.user(Role.UNIT_FILLER)
    rows: dict[type[Model], Any] = {
        Organisation: world.department,
        OrganisationName: world.department.names.get(),
        User: clerk_of_unit,
        Membership: clerk_of_unit.memberships.get(),
    }
    return rows[model]
