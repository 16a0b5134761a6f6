"""Columns and filters of the list of recovery lines."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet

from core.lists import CodeColumn, Column, DateColumn, LinkColumn, MoneyColumn, RateColumn, StateColumn
from core.templatetags.house import tag_html
from monitoring.enums import LineState, LineStatus, Verdict
from monitoring.models import RecoveryLine, RecoveryRun
from organisations.enums import Kind
from organisations.models import Organisation

TONES = {
    LineState.PROPOSED: "red",
    LineState.CONSULTING: "blue",
    LineState.REVIEWING: "blue",
    LineState.DECIDED: "amber",
    LineState.PENDING: "amber",
    LineState.EXECUTED: "green",
    LineState.DROPPED: "grey",
    LineState.NOTED: "grey",
}


class AllocationColumn(CodeColumn):
    def text(self, value: Any) -> str:
        return value or "未分解到指标"


class LineStateColumn(StateColumn):
    """The state; an objection and the reason for not being listed are said instead of the bare state."""

    def inner(self, value: Any, row: Any) -> str:
        if row is not None and row.state == LineState.CONSULTING and getattr(row, "objected", False):
            return tag_html("有异议", "amber")
        if row is not None and row.state == LineState.NOTED:
            label = LineStatus(row.status).label
            exempt = row.status == LineStatus.EXEMPT
            text = f"{label}：{row.exempt_text}" if exempt else label
            return tag_html(text, "green" if exempt else "grey")
        if row is not None and row.state == LineState.REVIEWING and row.verdict:
            return tag_html(f"会审：{Verdict(row.verdict).label}", "blue")
        return super().inner(value, row)


class RecoveryLineTable(tables.Table):
    department = Column(
        "部门", accessor="project_year__department__name", order_by="project_year__department__sort_key", width=22
    )
    project = LinkColumn(
        "项目",
        accessor="project_year__name",
        route="recovery_line",
        keys={"pk": "pk"},
        width=34,
        order_by="project_year__project__initials",
    )
    code = CodeColumn("项目代码", accessor="project_year__project__code", width=24, below="project")
    allocation = AllocationColumn("指标", nullable=True, below="project")
    adjusted = MoneyColumn("全年预算")
    paid = MoneyColumn("已支付")
    rate = RateColumn("执行率")
    must_pay = MoneyColumn("本年必须支付")
    recoverable = MoneyColumn("可收回")
    decided = MoneyColumn("决定收回", nullable=True, below="recoverable")
    state = LineStateColumn("状态", choices=LineState, tones=TONES)


class PendingTable(tables.Table):
    """What 预算科 needs to reduce the 指标; exported as the list that is handed over."""

    department = Column(
        "部门", accessor="project_year__department__name", order_by="project_year__department__sort_key", width=22
    )
    project = LinkColumn("项目", accessor="project_year__name", route="recovery_line", keys={"pk": "pk"}, width=34)
    code = CodeColumn("项目代码", accessor="project_year__project__code", width=24)
    allocation = AllocationColumn("执行指标", accessor="target_allocation", orderable=False, width=24)
    decided = MoneyColumn("决定收回")
    meeting = Column("决定", accessor="decision__meeting", width=24)
    decided_on = DateColumn("决定日期", accessor="decision__date")


def _departments(request: Any) -> QuerySet[Organisation]:
    if request is None:
        return Organisation.objects.none()
    return Organisation.objects.visible_to(request.user).filter(kind=Kind.DEPARTMENT)


def _runs(request: Any) -> QuerySet[RecoveryRun]:
    if request is None:
        return RecoveryRun.objects.none()
    found = RecoveryRun.objects.visible_to(request.user).computed().order_by("-pk")
    match = getattr(request, "resolver_match", None)
    year = match.kwargs.get("year") if match else None
    return found.filter(fiscal_year=year) if year else found


class RecoveryLineFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(label="项目", method="find", help_text="名称、代码、拼音首字母")
    state = django_filters.ChoiceFilter(label="状态", choices=LineState.choices)
    run = django_filters.ModelChoiceFilter(label="测算", queryset=_runs)
    department = django_filters.ModelChoiceFilter(
        label="部门", field_name="project_year__department", queryset=_departments
    )
    status = django_filters.ChoiceFilter(label="规则结论", choices=LineStatus.choices)

    class Meta:
        model = RecoveryLine
        fields: tuple[str, ...] = ()

    def find(self, rows: QuerySet[RecoveryLine], name: str, value: str) -> QuerySet[RecoveryLine]:
        text = value.strip()
        return rows.filter(
            Q(project_year__name__icontains=text)
            | Q(project_year__project__code__startswith=text)
            | Q(project_year__project__initials__startswith=text.lower())
        )
