"""Rows for tests, with traits for what they stand for. Passwords of users are `PASSWORD`."""

from __future__ import annotations

from datetime import date
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from organisations.enums import DivisionFunction, Kind, Role
from organisations.models import Membership, Organisation, OrganisationName, User

PASSWORD = "Qingtian-2023"
LONG_AGO = date(2020, 1, 1)


class OrganisationFactory(DjangoModelFactory):
    """A department; traits: bureau, section (a 业务科室; function=…), unit (parent=…), agency."""

    class Meta:
        model = Organisation
        skip_postgeneration_save = True

    kind = Kind.DEPARTMENT
    code = factory.Sequence(lambda n: f"{201 + n}")
    name = factory.Sequence(lambda n: f"第{n}主管部门")

    class Params:
        bureau = factory.Trait(
            kind=Kind.BUREAU, code=factory.Sequence(lambda n: f"CZJ{n}"), name="青田县财政局", issuing_code="青财绩效"
        )
        section = factory.Trait(
            kind=Kind.DIVISION,
            code=factory.Sequence(lambda n: f"KS{n:02}"),
            name=factory.Sequence(lambda n: f"业务{n}科"),
            function=DivisionFunction.BUSINESS,
        )
        unit = factory.Trait(
            kind=Kind.UNIT,
            code=factory.Sequence(lambda n: f"9{n:03}001"),
            name=factory.Sequence(lambda n: f"第{n}预算单位"),
            parent=factory.SubFactory("tests.factories.OrganisationFactory"),
        )
        agency = factory.Trait(
            kind=Kind.AGENCY,
            code=factory.Sequence(lambda n: f"JG{n:02}"),
            name=factory.Sequence(lambda n: f"第{n}会计师事务所"),
        )

    @classmethod
    def _generate(cls, strategy: str, params: dict[str, Any]) -> Organisation:
        # `division` is also the field 归口科室, so the trait is called section; `division=True` means the trait.
        if params.get("division") is True:
            params = {**params, "section": True}
            del params["division"]
        return super()._generate(strategy, params)

    @factory.post_generation
    def named(self: Organisation, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted is not False:
            OrganisationName.objects.create(organisation=self, name=self.name, valid_from=LONG_AGO)


class UserFactory(DjangoModelFactory):
    """A user without any role; see `user_with` for one with a role."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    full_name = factory.Sequence(lambda n: f"张三{n}")
    password = factory.django.Password(PASSWORD)
    password_changed_at = factory.LazyFunction(timezone.now)

    class Params:
        expired = factory.Trait(must_change_password=True)
        inactive = factory.Trait(is_active=False)


class MembershipFactory(DjangoModelFactory):
    """A membership in force; traits: over (ended), deputy (deputy_for=…)."""

    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    role = Role.DEPARTMENT_REVIEWER
    valid_from = LONG_AGO

    class Params:
        over = factory.Trait(valid_to=date(2020, 12, 31))
        deputy = factory.Trait(
            deputy_for=factory.SubFactory(UserFactory), valid_to=factory.LazyFunction(timezone.localdate)
        )


# Role → the trait and extras of the organisation at which it is held by default.
HOME: dict[str, dict[str, Any]] = {
    Role.UNIT_FILLER: {"unit": True},
    Role.UNIT_REVIEWER: {"unit": True},
    Role.DEPARTMENT_REVIEWER: {},
    Role.DIVISION_OFFICER: {"section": True},
    Role.PERFORMANCE_SECTION: {"section": True, "function": DivisionFunction.PERFORMANCE},
    Role.BUDGET_DIVISION: {"section": True, "function": DivisionFunction.BUDGET},
    Role.AGENCY: {"agency": True},
}


def user_with(role: str, organisation: Organisation | None = None, **fields: Any) -> User:
    """A user who holds `role` at `organisation` (by default a fresh one of the fitting kind)."""
    home = organisation or OrganisationFactory(**HOME.get(role, {"bureau": True}))
    return MembershipFactory(user=UserFactory(**fields), organisation=home, role=role).user
