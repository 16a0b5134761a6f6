"""Single rows of recovery for tests of access and pages, without the steps that lead to them."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from typing import Any

from budgets.models import LedgerEntry, Project, ProjectYear, Source
from monitoring.enums import LineState, LineStatus
from monitoring.models import Opinion, RecoveryDecision, RecoveryLine, RecoveryRule, RecoveryRun
from organisations.models import Organisation

YEAR = 2023
SEPTEMBER = date(YEAR, 9, 30)
_numbers = itertools.count(1)


def rule_of(user: Any) -> RecoveryRule:
    from monitoring import services

    found = RecoveryRule.objects.published().filter(fiscal_year=YEAR).first()
    if found is None:
        draft = services.draft_rule(fiscal_year=YEAR, as_of=SEPTEMBER, by=user, rate_below=Decimal("0.5"))
        found = services.publish_rule(rule=draft, by=user)
    return found


def run_of(user: Any) -> RecoveryRun:
    from django.utils import timezone

    found = RecoveryRun.objects.filter(fiscal_year=YEAR).first()
    return found or RecoveryRun.objects.create(
        rule=rule_of(user),
        fiscal_year=YEAR,
        as_of=SEPTEMBER,
        started_by=user,
        computed_at=timezone.now(),
        lines_found=1,
    )


def project_year_of(unit: Organisation, *, name: str = "") -> ProjectYear:
    number = next(_numbers)
    project = Project.objects.create(code=f"L{number:06}", name=name or f"收回项目{number}")
    project.units.add(unit)
    return ProjectYear.objects.create(
        project=project,
        fiscal_year=YEAR,
        name=project.name,
        unit=unit,
        department=unit.department,
        division=unit.department.division,
        category="3",
        kind="new",
    )


def entry_of(unit: Organisation) -> LedgerEntry:
    source, _ = Source.objects.get_or_create(name="凭证", defaults={"kind": "vouchers"})
    return LedgerEntry.objects.create(
        project_year=project_year_of(unit),
        source=source,
        source_key=f"k{next(_numbers)}",
        kind="reduction",
        amount=Decimal(-1),
        date=SEPTEMBER,
    )


def line_of(unit: Organisation, state: str, *, by: Any, name: str = "", **fields: Any) -> RecoveryLine:
    run = run_of(by)
    if state in (LineState.DECIDED, LineState.PENDING):
        decision = RecoveryDecision.objects.create(
            run=run, meeting="局长办公会", date=date(YEAR, 10, 20), signatory="局长", recorded_by=by
        )
        amounts = {"decision": decision, "decided": Decimal(800_000), "verdict": "keep", "reviewed": Decimal(800_000)}
        fields = amounts | fields
    return RecoveryLine.objects.create(
        run=run,
        project_year=project_year_of(unit, name=name),
        allocation="Z1",
        state=state,
        adjusted=Decimal(1_000_000),
        paid=Decimal(200_000),
        must_pay=Decimal(0),
        rate=Decimal("0.2"),
        elapsed=Decimal("0.75"),
        reason="rate",
        status=LineStatus.RECOVERABLE,
        recoverable=Decimal(800_000),
        **fields,
    )


def opinion_on(line: RecoveryLine, *, by: Any) -> Opinion:
    return Opinion.objects.create(
        line=line,
        party="unit",
        organisation=line.project_year.unit,
        stance="agree",
        accepted=line.recoverable,
        given_by=by,
    )
