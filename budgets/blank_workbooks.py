"""The workbooks to fill in, prefilled with what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from budgets.enums import SourceKind
from budgets.models import ProjectYear
from budgets.queries import with_figures
from budgets.workbook import FORMS, PROJECT_SHEET
from core.workbooks import write_template


def write(kind: str, target: Any, *, fiscal_year: int, user: Any = None, scope: str = "") -> int:
    """Write the template of a `SourceKind`; returns the prefilled rows. `user` None: the house itself.

    `scope` is the code of a department or unit: only its projects are prefilled.
    """
    form = FORMS[kind]
    rows = _project_rows(fiscal_year, user, scope) if kind == SourceKind.PROJECTS else iter(())
    prefilled = {PROJECT_SHEET: rows} if kind == SourceKind.PROJECTS else {}
    return write_template(form, prefilled, target, fiscal_year=fiscal_year, scope=scope or None)


def _project_rows(fiscal_year: int, user: Any, scope: str) -> Iterator[dict[str, Any]]:
    from django.db.models import Q, Sum

    rows: Any = ProjectYear.objects.all() if user is None else ProjectYear.objects.visible_to(user)
    rows = rows.of_year(fiscal_year)
    if scope:
        rows = rows.filter(Q(department__code=scope) | Q(unit__code=scope))
    parts = {name: Sum(f"totals__{name}") for name in ("supplements", "reductions", "transfers_in", "transfers_out")}
    rows = with_figures(rows).annotate(**parts).select_related("project", "unit", "department", "division")
    for row in rows.order_by("project__code").iterator(chunk_size=2000):
        yield {
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
            "initial": row.initial,
            "carried_over": row.carried_over,
            "supplements": row.supplements,
            "reductions": row.reductions,
            "transfers_in": row.transfers_in,
            "transfers_out": row.transfers_out,
            "is_key": row.is_key,
            "is_sampled": row.is_sampled,
            "marks": "、".join(row.marks),
            "start_year": row.project.start_year,
            "term": row.project.term,
        }
