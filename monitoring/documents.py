"""Fills the contexts of recovery's official documents from executed lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby

from monitoring.models import RecoveryLine, RecoveryRun
from notices.kinds import DepartmentSum, RecoveryNotice
from notices.services import Addressee
from organisations.enums import Kind
from organisations.models import Organisation

ISSUER = "青田县财政局"


def recovery_notice(
    run: RecoveryRun, lines: Sequence[RecoveryLine], *, on: date
) -> tuple[RecoveryNotice, list[Addressee]]:
    """The notice's context and each department's part. Amounts are those of the lines' ledger entries.

    `lines` are executed, with `entry`, `decision`, `project_year__department` and `project_year__project`.
    """
    ordered = sorted(lines, key=lambda one: (_place(one), one.project_year.project.code, one.target_allocation))
    addressees = []
    for _, group in groupby(ordered, key=_place):
        own = list(group)
        department = own[0].project_year.department
        name = department.name_on(on)
        addressees.append(Addressee(department, name, _part(own)))
    departments = [DepartmentSum(a.name, len(a.part["lines"]), a.part["amount"]) for a in addressees]
    decisions = sorted({(line.decision.date, line.decision.meeting) for line in ordered if line.decision})
    bureau = Organisation.objects.filter(kind=Kind.BUREAU).order_by("pk").first()
    context = RecoveryNotice(
        issuer=bureau.name if bureau else ISSUER,
        fiscal_year=run.fiscal_year,
        as_of=run.as_of.isoformat(),
        legal_basis=run.rule.legal_basis,
        meeting="、".join(dict.fromkeys(meeting for _, meeting in decisions)),
        decided_on=decisions[-1][0].isoformat(),
        lines=len(ordered),
        total=f"{sum((_amount(line) for line in ordered), Decimal(0)):.2f}",
        departments=tuple(departments),
    )
    return context, addressees


def _place(line: RecoveryLine) -> tuple[str, str]:
    department = line.project_year.department
    return department.sort_key, department.code


def _amount(line: RecoveryLine) -> Decimal:
    """What the ledger took, positive."""
    if line.entry is None:
        raise ValueError("only executed lines are told")
    return -line.entry.amount


def _part(lines: Sequence[RecoveryLine]) -> dict[str, object]:
    return {
        "amount": f"{sum((_amount(line) for line in lines), Decimal(0)):.2f}",
        "lines": [
            {
                "project_code": line.project_year.project.code,
                "project_name": line.project_year.name,
                "allocation": line.target_allocation,
                "document_number": line.document_number,
                "amount": f"{_amount(line):.2f}",
            }
            for line in lines
        ],
    }
