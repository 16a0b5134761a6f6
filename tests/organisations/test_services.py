"""Organisations, users, memberships and deputies: what is written and what is refused."""

from datetime import date, timedelta

import pytest
from django.utils import timezone
from rest_framework.authtoken.models import Token

from core.models import SecurityEvent
from core.services import Refused
from organisations import services
from organisations.enums import DivisionFunction, Kind, Role
from organisations.models import Membership, Organisation, User
from tests.factories import LONG_AGO, MembershipFactory, OrganisationFactory, UserFactory, user_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def section() -> User:
    return user_with(Role.PERFORMANCE_SECTION)


@pytest.fixture
def security() -> User:
    return user_with(Role.SECURITY_ADMIN)


# ---- organisations ----


def test_a_rename_closes_the_old_name_and_opens_the_new_one(section: User) -> None:
    town = OrganisationFactory(name="祔埠镇人民政府")
    services.rename_organisation(organisation=town, name="祯埠镇人民政府", valid_from=date(2022, 7, 1), by=section)
    town = Organisation.objects.get(pk=town.pk)
    assert town.name == "祯埠镇人民政府"
    assert list(town.names.values_list("name", "valid_from", "valid_to")) == [
        ("祔埠镇人民政府", LONG_AGO, date(2022, 6, 30)),
        ("祯埠镇人民政府", date(2022, 7, 1), None),
    ]
    assert town.name_on(date(2022, 6, 30)) == "祔埠镇人民政府"
    assert town.name_on(date(2022, 7, 1)) == "祯埠镇人民政府"
    assert town.name_on(date(2019, 1, 1)) == "祯埠镇人民政府"  # before any known name: the present one


def test_a_rename_on_the_first_day_of_a_name_corrects_it(section: User) -> None:
    town = OrganisationFactory(name="祔埠镇人民政府")
    services.rename_organisation(organisation=town, name="祯埠镇人民政府", valid_from=LONG_AGO, by=section)
    assert list(town.names.values_list("name", "valid_to")) == [("祯埠镇人民政府", None)]


@pytest.mark.parametrize("days", [1, -4000])
def test_a_rename_in_the_future_or_before_the_name_began_is_refused(section: User, days: int) -> None:
    town = OrganisationFactory()
    day = timezone.localdate() + timedelta(days=days)
    with pytest.raises(Refused):
        services.rename_organisation(organisation=town, name="新名称", valid_from=day, by=section)
    assert town.names.count() == 1


def test_a_new_organisation_has_its_first_name_row_and_a_log_line(section: User) -> None:
    made = services.create_organisation(kind=Kind.DEPARTMENT, code="333", name="县教育局", by=section)
    assert made.names.get().valid_from == timezone.localdate()
    assert made.initials == "xjyj"
    assert SecurityEvent.objects.get(kind="account").what == "新增机构 333 县教育局"


@pytest.mark.parametrize(
    ("kind", "parent", "details"),
    [
        (Kind.UNIT, None, {}),
        (Kind.UNIT, {"bureau": True}, {}),
        (Kind.UNIT, {"unit": True}, {}),
        (Kind.DIVISION, {}, {"function": DivisionFunction.BUSINESS}),
        (Kind.DEPARTMENT, {"unit": True}, {}),
        (Kind.BUREAU, {}, {}),
        (Kind.DIVISION, {"bureau": True}, {}),  # a division without function
    ],
)
def test_a_wrong_place_in_the_tree_is_refused(section: User, kind: str, parent: dict | None, details: dict) -> None:
    above = OrganisationFactory(**parent) if parent is not None else None
    before = Organisation.objects.count()
    with pytest.raises(Refused):
        services.create_organisation(kind=kind, code="X1", name="某机构", parent=above, by=section, **details)
    assert Organisation.objects.count() == before


def test_a_code_in_use_is_refused_in_chinese(section: User) -> None:
    OrganisationFactory(code="219")
    with pytest.raises(Refused, match="代码"):
        services.create_organisation(kind=Kind.DEPARTMENT, code="219", name="另一部门", by=section)


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.PERFORMANCE_SECTION, Role.SECURITY_ADMIN}))
def test_only_the_keepers_change_organisations_and_users(role: str) -> None:
    by = user_with(role)
    with pytest.raises(Refused):
        services.create_organisation(kind=Kind.DEPARTMENT, code="333", name="县教育局", by=by)
    with pytest.raises(Refused):
        services.create_user(username="new", full_name="新人", by=by)
    with pytest.raises(Refused):
        services.set_active(user=UserFactory(), active=False, by=by)
    assert not User.objects.filter(username="new").exists()


# ---- memberships ----


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("kind", Kind.values)
def test_a_role_is_held_only_where_it_belongs(security: User, role: str, kind: str) -> None:
    allowed = {
        Kind.BUREAU: {Role.LEADER, Role.EXPERT, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN},
        Kind.DIVISION: {Role.DIVISION_OFFICER, Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION},
        Kind.DEPARTMENT: {Role.DEPARTMENT_REVIEWER, Role.UNIT_FILLER, Role.UNIT_REVIEWER},
        Kind.UNIT: {Role.UNIT_FILLER, Role.UNIT_REVIEWER},
        Kind.AGENCY: {Role.AGENCY},
    }[Kind(kind)]
    traits = {Kind.DEPARTMENT: {}, Kind.DIVISION: {"section": True}}
    organisation = OrganisationFactory(**traits.get(Kind(kind), {kind: True}))
    user = UserFactory()
    if role in allowed:
        services.grant_membership(user=user, organisation=organisation, role=role, by=security)
        assert user.role_set == {role}
    else:
        with pytest.raises(Refused, match="只能任职于"):
            services.grant_membership(user=user, organisation=organisation, role=role, by=security)
        assert not user.memberships.exists()


def test_one_person_may_fill_and_review(section: User) -> None:
    user, unit = UserFactory(), OrganisationFactory(unit=True)
    services.grant_membership(user=user, organisation=unit, role=Role.UNIT_FILLER, by=section)
    services.grant_membership(user=user, organisation=unit, role=Role.UNIT_REVIEWER, by=section)
    assert user.role_set == {Role.UNIT_FILLER, Role.UNIT_REVIEWER}


def test_the_same_membership_twice_at_once_is_refused(section: User) -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER)
    with pytest.raises(Refused, match="期间重叠"):
        services.grant_membership(
            user=user, organisation=user.memberships.get().organisation, role=Role.DEPARTMENT_REVIEWER, by=section
        )


def test_an_administrator_holds_nothing_else(security: User) -> None:
    bureau = OrganisationFactory(bureau=True)
    with pytest.raises(Refused, match="三员分立"):
        services.grant_membership(
            user=user_with(Role.SYSTEM_ADMIN), organisation=bureau, role=Role.AUDIT_ADMIN, by=security
        )
    with pytest.raises(Refused, match="三员分立"):
        services.grant_membership(
            user=user_with(Role.PERFORMANCE_SECTION), organisation=bureau, role=Role.SYSTEM_ADMIN, by=security
        )


def test_administrators_are_appointed_by_the_security_administrator_alone(section: User, security: User) -> None:
    bureau, user = OrganisationFactory(bureau=True), UserFactory()
    with pytest.raises(Refused, match="安全管理员"):
        services.grant_membership(user=user, organisation=bureau, role=Role.AUDIT_ADMIN, by=section)
    membership = services.grant_membership(user=user, organisation=bureau, role=Role.AUDIT_ADMIN, by=security)
    with pytest.raises(Refused, match="安全管理员"):
        services.end_membership(membership=membership, by=section)
    with pytest.raises(Refused, match="安全管理员"):
        services.set_active(user=user, active=False, by=section)


def test_an_ended_membership_gives_no_right_from_today_and_stays_on_record(section: User) -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER)
    services.end_membership(membership=user.memberships.get(), by=section)
    again = User.objects.get(pk=user.pk)
    assert again.role_set == frozenset()
    assert again.memberships.get().valid_to == timezone.localdate() - timedelta(days=1)


def test_a_membership_given_today_and_withdrawn_today_gives_no_right(section: User) -> None:
    user = UserFactory()
    given = services.grant_membership(
        user=user, organisation=OrganisationFactory(), role=Role.DEPARTMENT_REVIEWER, by=section
    )
    services.end_membership(membership=given, by=section)
    assert User.objects.get(pk=user.pk).role_set == frozenset()


# ---- users ----


def test_a_new_user_must_change_the_temporary_password(section: User) -> None:
    user, told = services.create_user(username="lisi", full_name="李四", by=section)
    assert user.check_password(told)
    assert user.password_expired


def test_a_weak_given_password_is_refused(section: User) -> None:
    with pytest.raises(Refused):
        services.create_user(username="lisi", full_name="李四", by=section, password="12345678901")
    assert not User.objects.filter(username="lisi").exists()


def test_a_deactivated_user_loses_tokens_and_roles(section: User) -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER)
    Token.objects.create(user=user)
    services.set_active(user=user, active=False, by=section)
    again = User.objects.get(pk=user.pk)
    assert not again.is_active and again.role_set == frozenset()
    assert not Token.objects.filter(user=user).exists()


def test_nobody_deactivates_oneself(section: User) -> None:
    with pytest.raises(Refused):
        services.set_active(user=section, active=False, by=section)


# ---- deputies ----


def deputise(principal: User, **changes: object) -> list[Membership]:
    today = timezone.localdate()
    fields: dict = {"principal": principal, "deputy": UserFactory(), "valid_from": today, "valid_to": today}
    fields |= {"by": principal} | changes
    return services.appoint_deputy(**fields)


def test_a_deputy_holds_the_principals_roles_in_the_period_only() -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER)
    today = timezone.localdate()
    deputy = UserFactory()
    (row,) = deputise(principal, deputy=deputy, valid_from=today, valid_to=today + timedelta(days=3))
    assert User.objects.get(pk=deputy.pk).role_set == {Role.DEPARTMENT_REVIEWER}
    assert deputy.memberships.in_force(today + timedelta(days=3)).get() == row
    assert not deputy.memberships.in_force(today + timedelta(days=4)).exists()
    assert not deputy.memberships.in_force(today - timedelta(days=1)).exists()


def test_a_deputy_may_be_appointed_by_the_performance_section_but_by_nobody_else(section: User) -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER)
    assert deputise(principal, by=section)
    for stranger in (user_with(Role.DEPARTMENT_REVIEWER), user_with(Role.SECURITY_ADMIN)):
        with pytest.raises(Refused, match="本人或绩效科"):
            deputise(principal, by=stranger)


def test_only_roles_held_in_ones_own_right_through_the_period_are_passed_on() -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER)
    today = timezone.localdate()
    with pytest.raises(Refused, match="单位审核岗"):
        deputise(principal, roles={Role.UNIT_REVIEWER})
    principal.memberships.update(valid_to=today + timedelta(days=1))
    with pytest.raises(Refused):
        deputise(principal, valid_to=today + timedelta(days=2))
    deputy = UserFactory()
    deputise(principal, deputy=deputy)
    with pytest.raises(Refused):  # a deputy appoints no deputy
        deputise(User.objects.get(pk=deputy.pk))


@pytest.mark.parametrize("case", ["oneself", "inactive", "backwards", "past"])
def test_impossible_deputies_are_refused(case: str) -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER)
    today = timezone.localdate()
    changes: dict = {
        "oneself": {"deputy": principal},
        "inactive": {"deputy": UserFactory(inactive=True)},
        "backwards": {"valid_from": today + timedelta(days=2), "valid_to": today + timedelta(days=1)},
        "past": {"valid_from": today - timedelta(days=9), "valid_to": today - timedelta(days=1)},
    }[case]
    with pytest.raises(Refused):
        deputise(principal, **changes)
    assert not Membership.objects.filter(deputy_for=principal).exists()


def test_the_deputys_right_ends_with_the_principals(section: User) -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER)
    deputy = UserFactory()
    deputise(principal, deputy=deputy, valid_to=timezone.localdate() + timedelta(days=9))
    services.end_membership(membership=principal.memberships.get(), by=section)
    assert User.objects.get(pk=deputy.pk).role_set == frozenset()


def test_a_deputy_is_withdrawn_by_the_principal() -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER)
    deputy = UserFactory()
    (row,) = deputise(principal, deputy=deputy)
    with pytest.raises(Refused):
        services.end_deputy(membership=row, by=deputy)
    services.end_deputy(membership=row, by=principal)
    assert User.objects.get(pk=deputy.pk).role_set == frozenset()


def test_an_ended_membership_of_long_ago_gives_no_right() -> None:
    assert MembershipFactory(over=True).user.role_set == frozenset()
