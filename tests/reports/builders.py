"""A small county in the middle of its recovery, for the desk: known figures, made by the services themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from budgets.enums import SourceKind
from budgets.models import ImportBatch
from budgets.services import ProjectRow, upsert_projects
from monitoring.services import compute, draft_rule, give_opinion, publish_rule, request_opinions, start_run
from organisations.enums import Role
from organisations.models import Organisation, User
from tests.budgets.builders import payment, post, source
from tests.factories import OrganisationFactory, user_with

YEAR = 2023
AS_OF = date(YEAR, 9, 30)
DEADLINE = date(YEAR, 10, 13)


@dataclass
class County:
    """`departments` have two projects each: the first of 100 万元, the second of 50 万元.

    Paid by 30 September: department n of the first project n × 10 万元, in March; of the second nothing.
    """

    section: User
    reviewer: User  # of departments[0]
    departments: list[Organisation]


def county(departments: int = 3) -> County:
    OrganisationFactory(bureau=True)
    division = OrganisationFactory(kind="division", function="performance", code="JX", name="绩效管理科")
    section = user_with(Role.PERFORMANCE_SECTION, division, full_name="王芳")
    business = OrganisationFactory(kind="division", function="business", code="NY", name="农业科")
    found = []
    for n in range(departments):
        department = OrganisationFactory(code=f"4{n:02}", name=f"青田县第{n + 1}镇人民政府", division=business)
        OrganisationFactory(kind="unit", code=f"4{n:02}001", name=f"{department.name}本级", parent=department)
        found.append(department)
    rows, payments = [], []
    for n in range(departments):
        for kind, budget in (("A", "1000000"), ("B", "500000")):
            code = f"X{n:02}{kind}"
            rows.append(ProjectRow(code=code, name=f"项目{code}", unit=f"4{n:02}001", initial=Decimal(budget), place=n))
        if n:
            amount = str(min(n, 10) * 100_000)
            payments.append(payment(f"PZ{n}", f"X{n:02}A", amount, date(YEAR, 3, 15)))
    upsert_projects(rows=rows, source=source(SourceKind.PROJECTS), fiscal_year=YEAR, as_of=AS_OF, by=section)
    post(payments)
    ImportBatch.objects.update(as_of=AS_OF)
    return County(section, user_with(Role.DEPARTMENT_REVIEWER, found[0], full_name="李四"), found)


def ask_opinions(made: County, below: str = "0.15") -> None:
    """Compute the year's recovery, ask for opinions, and have the first department answer one line."""
    rule = draft_rule(fiscal_year=YEAR, as_of=AS_OF, by=made.section, rate_below=Decimal(below))
    run = start_run(rule=publish_rule(rule=rule, by=made.section), by=made.section)
    compute(run_id=run.pk)
    request_opinions(run=run, by=made.section, deadline=DEADLINE)
    line = run.lines.filter(project_year__department=made.departments[0]).order_by("pk").first()
    line.refresh_from_db()
    give_opinion(line=line, by=made.reviewer, version=line.version, stance="agree")
