"""Organisations, projects and rows that the tests of this app share."""

from datetime import date
from decimal import Decimal
from typing import Any

from budgets.enums import SourceKind
from budgets.models import ProjectYear, Source
from budgets.services import EntryRow, ProjectRow, post_entries, upsert_projects
from organisations.models import Organisation
from tests.factories import OrganisationFactory

YEAR = 2023
AS_OF = date(YEAR, 9, 30)


def county() -> dict[str, Organisation]:
    """Two divisions, two departments, a unit under each."""
    found: dict[str, Organisation] = {}
    for n in (1, 2):
        division = OrganisationFactory(section=True, code=f"KS{n}", name=f"业务{n}科")
        department = OrganisationFactory(code=f"30{n}", name=f"青田县第{n}局")
        department.division = division
        department.save()
        unit = OrganisationFactory(unit=True, code=f"30{n}001", name=f"青田县第{n}局本级", parent=department)
        found |= {f"division{n}": division, f"department{n}": department, f"unit{n}": unit}
    return found


def source(kind: str = SourceKind.VOUCHERS, name: str = "") -> Source:
    return Source.objects.get_or_create(name=name or SourceKind(kind).label, defaults={"kind": kind})[0]


def project_rows(count: int, *, unit: str = "301001", prefix: str = "P", **values: Any) -> list[ProjectRow]:
    defaults = {"initial": Decimal("100000.00")} | values
    return [
        ProjectRow(code=f"{prefix}{n:05}", name=f"项目{prefix}{n}", unit=unit, place=n, **defaults)
        for n in range(1, count + 1)
    ]


def projects(count: int = 1, *, year: int = YEAR, **values: Any) -> list[ProjectYear]:
    """`count` projects of unit 301001 with 年初预算 100000 yuan each; `county()` must exist."""
    rows = project_rows(count, **values)
    upsert_projects(rows=rows, source=source(SourceKind.PROJECTS), fiscal_year=year, as_of=date(year, 9, 30), by=None)
    years = ProjectYear.objects.filter(fiscal_year=year, project__code__in=[row.code for row in rows])
    return list(years.select_related("project").order_by("project__code"))


def payment(key: str, code: str, amount: str, day: date = AS_OF, **values: Any) -> EntryRow:
    return EntryRow(
        source_key=key,
        project_code=code,
        kind=values.pop("kind", "payment"),
        amount=Decimal(amount),
        date=day,
        **values,
    )


def post(rows: list[EntryRow], *, kind: str = SourceKind.VOUCHERS, year: int = YEAR, **options: Any) -> Any:
    options.setdefault("source", source(kind))
    return post_entries(rows=rows, fiscal_year=year, by=options.pop("by", None), **options)
