"""The workbooks to fill in, prefilled with what is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from budgets.enums import SourceKind
from budgets.models import LedgerEntry, ProjectYear
from budgets.workbook import FORMS, PROJECT_SHEET
from core.workbooks import write_template


def write(kind: str, target: Any, *, fiscal_year: int, user: Any = None, scope: str = "") -> int:
    """Write the template of a `SourceKind`; returns the prefilled rows. `user` None: the house itself.

    `scope` is the code of a department or unit: only its projects are prefilled. Budget columns hold what such
    workbooks have brought, so that one imported back changes nothing; a budget that came with the ledger is not theirs
    to state a second time.
    """
    form = FORMS[kind]
    rows = _project_rows(fiscal_year, user, scope) if kind == SourceKind.PROJECTS else iter(())
    prefilled = {PROJECT_SHEET: rows} if kind == SourceKind.PROJECTS else {}
    return write_template(form, prefilled, target, fiscal_year=fiscal_year, scope=scope or None)


def _stated(fiscal_year: int) -> dict[str, dict[str, Decimal]]:
    """Project code → budget column → yuan, as the project workbooks without a 来源方案 have stated them so far."""
    own = LedgerEntry.objects.filter(source__name=SourceKind.PROJECTS.label, project_year__fiscal_year=fiscal_year)
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for key, amount in own.order_by().values_list("source_key").annotate(Sum("amount")):
        code, column = key.partition(":")[2].rsplit(":", 1)
        found[code][column] = amount
    return found


def _project_rows(fiscal_year: int, user: Any, scope: str) -> Iterator[dict[str, Any]]:
    rows = ProjectYear.objects.all() if user is None else ProjectYear.objects.visible_to(user)
    rows = rows.of_year(fiscal_year)
    if scope:
        rows = rows.filter(Q(department__code=scope) | Q(unit__code=scope))
    rows = rows.select_related("project", "unit", "department", "division")
    stated = _stated(fiscal_year)
    for row in rows.order_by("project__code").iterator(chunk_size=2000):
        yield {
            **stated.get(row.project.code, {}),
            "fiscal_year": row.fiscal_year,
            "code": row.project.code,
            "name": row.name,
            "department": row.department.code,
            "department_name": row.department.name,
            "unit": row.unit.code,
            "unit_name": row.unit.name,
            "division": row.division.code if row.division else None,
            "division_name": row.division.name if row.division else None,
            "category": row.category,
            "kind": row.kind,
            "fund_source": row.fund_source,
            "fund_level": row.fund_level,
            "is_key": row.is_key,
            "is_sampled": row.is_sampled,
            "marks": "、".join(row.marks),
            "start_year": row.project.start_year,
            "term": row.project.term,
        }
