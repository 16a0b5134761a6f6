"""Rows for the benches: a county of 101 departments and as many projects as asked for, through the services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from budgets.enums import SourceKind
from budgets.models import ProjectYear, Source
from budgets.services import EntryRow, ProjectRow, post_entries, upsert_projects
from organisations.enums import DivisionFunction, Kind, Role
from organisations.models import Membership, Organisation, User

YEAR = 2023
DEPARTMENTS = 101
PASSWORD = "Bench-2023-county"


def found() -> User:
    """Bureau, divisions, departments; returns the user of the performance section. Does nothing twice."""
    bureau, _ = Organisation.objects.get_or_create(
        code="CZJ", defaults={"kind": Kind.BUREAU, "name": "青田县财政局", "issuing_code": "青财绩效"}
    )
    section, _ = Organisation.objects.get_or_create(
        code="JXK",
        defaults={
            "kind": Kind.DIVISION,
            "name": "绩效科",
            "parent": bureau,
            "function": DivisionFunction.PERFORMANCE,
        },
    )
    division, _ = Organisation.objects.get_or_create(
        code="NYK",
        defaults={"kind": Kind.DIVISION, "name": "农业科", "parent": bureau, "function": DivisionFunction.BUSINESS},
    )
    for number in range(DEPARTMENTS):
        Organisation.objects.get_or_create(
            code=f"{201 + number}",
            defaults={"kind": Kind.DEPARTMENT, "name": f"青田县第{number + 1}局", "division": division},
        )
    user = User.objects.filter(username="bench").first()
    if user is None:
        user = User.objects.create_user("bench", PASSWORD, full_name="经办")
        Membership.objects.create(
            user=user, organisation=section, role=Role.PERFORMANCE_SECTION, valid_from=date(2020, 1, 1)
        )
    return user


def code(number: int) -> str:
    return f"331121233{number:012d}"


def project_rows(count: int) -> Iterator[ProjectRow]:
    for number in range(count):
        yield ProjectRow(
            code=code(number),
            name=f"第{number}号农村公路养护工程",
            unit=f"{201 + number % DEPARTMENTS}",
            initial=Decimal(100_000 + number % 997 * 1_000),
            fund_source="一般公共预算",
            fund_level="own",
        )


def payment_rows(count: int) -> Iterator[EntryRow]:
    for number in range(count):
        budget = Decimal(100_000 + number % 997 * 1_000)
        for nth, month in enumerate((3, 8)):
            yield EntryRow(
                source_key=f"{number}-{nth}",
                project_code=code(number),
                kind="payment",
                amount=(budget * (number % 45 + 5) / 100).quantize(Decimal("0.01")),
                date=date(YEAR, month, 10),
                fund_source="一般公共预算",
            )


def fill(count: int, *, by: User) -> None:
    """`count` projects of fiscal year 2023 with two payments each; fewer that are there already are kept."""
    if ProjectYear.objects.filter(fiscal_year=YEAR).count() >= count:
        return
    projects, _ = Source.objects.get_or_create(name="项目库", defaults={"kind": SourceKind.PROJECTS})
    vouchers, _ = Source.objects.get_or_create(name="国库支付", defaults={"kind": SourceKind.VOUCHERS})
    upsert_projects(rows=project_rows(count), source=projects, fiscal_year=YEAR, as_of=date(YEAR, 1, 31), by=by)
    post_entries(rows=payment_rows(count), source=vouchers, fiscal_year=YEAR, by=by)


def recover(*, by: User) -> None:
    """One run of the year's rule over what is there."""
    from core.jobs import run_now
    from monitoring.models import RecoveryRule
    from monitoring.services import draft_rule, publish_rule, start_run

    rule = RecoveryRule.objects.published().filter(fiscal_year=YEAR).first()
    if rule is None:
        draft = draft_rule(fiscal_year=YEAR, as_of=date(YEAR, 9, 30), by=by, rate_below=Decimal("0.50"))
        rule = publish_rule(rule=draft, by=by)
    run_now(start_run(rule=rule, by=by).job)


def notify(*, by: User) -> None:
    """One notice to all departments, as a draft."""
    from notices.kinds import RecoveryNotice
    from notices.services import draft
    from notices.services.drafting import Addressee

    departments = Organisation.objects.filter(kind=Kind.DEPARTMENT)
    draft(
        context=RecoveryNotice.example(),
        fiscal_year=YEAR,
        addressees=[Addressee(one, one.name, {"lines": []}) for one in departments],
        source_key="bench",
        by=by,
    )
