"""Creates the organisations of the demonstration county through the same services as the bureau's own pages."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from organisations.enums import Kind
from organisations.models import Organisation
from organisations.services import create_organisation, rename_organisation
from qingtian_perf.demo.county import (
    AGENCIES,
    BUREAU_CODE,
    BUREAU_NAME,
    DEPARTMENTS,
    DIVISIONS,
    ISSUING_CODE,
    MOF_DIV_CODE,
    RENAMED,
)

# Before every date the demonstration year mentions.
FOUNDED = date(2019, 1, 1)


@transaction.atomic
def create_organisations() -> int:
    """Create bureau, divisions, departments, units and agencies; returns how many (0 where they exist)."""
    if Organisation.objects.filter(code=BUREAU_CODE).exists():
        return 0
    bureau = create_organisation(
        kind=Kind.BUREAU,
        code=BUREAU_CODE,
        name=BUREAU_NAME,
        short_name=f"演示数据（{MOF_DIV_CODE}），非真实单位数据",
        issuing_code=ISSUING_CODE,
        valid_from=FOUNDED,
        by=None,
    )
    divisions = {
        division.code: create_organisation(
            kind=Kind.DIVISION,
            code=division.code,
            name=division.name,
            parent=bureau,
            function=division.function,
            valid_from=FOUNDED,
            by=None,
        )
        for division in DIVISIONS
    }
    for department in DEPARTMENTS:
        renamed = department.code == RENAMED.code
        created = create_organisation(
            kind=Kind.DEPARTMENT,
            code=department.code,
            name=RENAMED.earlier if renamed else department.name,
            division=divisions[department.division],
            valid_from=FOUNDED,
            by=None,
        )
        if renamed:
            rename_organisation(
                organisation=created, name=department.name, valid_from=date.fromisoformat(RENAMED.since), by=None
            )
        for code, name in department.units:
            create_organisation(kind=Kind.UNIT, code=code, name=name, parent=created, valid_from=FOUNDED, by=None)
    for code, name in AGENCIES:
        create_organisation(kind=Kind.AGENCY, code=code, name=name, valid_from=FOUNDED, by=None)
    units = sum(len(department.units) for department in DEPARTMENTS)
    return 1 + len(DIVISIONS) + len(DEPARTMENTS) + units + len(AGENCIES)
