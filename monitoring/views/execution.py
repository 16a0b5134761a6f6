"""待执行: 预算科's list, confirmation by hand, and imported rows that a person must place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from budgets.models import LedgerEntry, ProjectYear
from core.lists import BulkAction, Empty, ListPage
from core.services import Refused
from monitoring import services
from monitoring.enums import LineState
from monitoring.forms import ConfirmForm
from monitoring.models import RecoveryLine
from monitoring.queries import lines as line_queries
from monitoring.queries import matching
from monitoring.tables import PendingTable, RecoveryLineFilter
from organisations.access import require
from organisations.enums import Role
from organisations.roles import COUNTY_WIDE

EXECUTORS = frozenset({Role.BUDGET_DIVISION})
REVIEWERS = frozenset({Role.BUDGET_DIVISION, Role.PERFORMANCE_SECTION})


_CONFIRM = (
    BulkAction(
        "execute",
        "确认执行",
        "将按上方填写的文号和日期确认 {n} 行已执行，并记入收回流水。",
        icon="check",
        kind="primary",
    ),
)


class PendingList(ListPage):
    title = "待执行收回"
    table = PendingTable
    filterset = RecoveryLineFilter
    template_name = "monitoring/pending.html"
    aggregates = {"decided": Sum("decided")}
    default_sort = ("project_year__department__sort_key", "project_year__project__code")
    empty = Empty("没有待执行的收回", "决定记录并交预算科后，清单列在这里。", "recovery_list", "收回清单")
    unit = "行"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require(request.user, COUNTY_WIDE)
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[RecoveryLine]:
        rows = RecoveryLine.objects.visible_to(self.request.user).filter(
            run__fiscal_year=self.kwargs["year"], state=LineState.PENDING
        )
        return line_queries.for_list(rows).select_related(
            "decision", "run__rule", "project_year__project", "project_year__department", "project_year__division"
        )

    def aggregate(self, rows: QuerySet[Any]) -> dict[str, Any]:
        return super().aggregate(RecoveryLine.objects.visible_to(self.request.user).filter(pk__in=rows.values("pk")))

    def get_bulk_actions(self) -> Sequence[Any]:
        return _CONFIRM if self.request.user.role_set & EXECUTORS else ()

    def extra_context(self) -> dict[str, Any]:
        year = self.kwargs["year"]
        return {
            "year": year,
            "unclear": matching.unclear_entries(year),
            "confirm_form": ConfirmForm(self.request.POST or None),
            "executor": bool(self.request.user.role_set & EXECUTORS),
            "reviewer": bool(self.request.user.role_set & REVIEWERS),
        }

    def bulk(self, action: str, rows: QuerySet[Any]) -> str:
        form = ConfirmForm(self.request.POST)
        if not form.is_valid():
            wrong = (f"{form.fields[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items())
            raise Refused("；".join(wrong), code="invalid")
        chosen = [(line, line.version) for line in rows]
        done = services.confirm_execution(lines=chosen, by=self.request.user, **form.cleaned_data)
        return f"已确认执行 {done} 行，收回流水已记入。"


@require_POST
def match(request: HttpRequest, year: int) -> HttpResponse:
    require(request.user, REVIEWERS)
    result = services.match_entries(fiscal_year=year, by=request.user)
    messages.success(
        request,
        f"按导入流水认定执行 {result.executed} 行，对应已执行 {result.linked} 行，"
        f"恢复待执行 {result.reopened} 行，待人工认定 {result.unclear} 笔。",
    )
    return redirect("recovery_pending", year=year)


@require_POST
def settle(request: HttpRequest, year: int, entry_pk: int) -> HttpResponse:
    """An unclear imported entry: it is a line's (`line`), or none of ours (`line` empty); a reason is due."""
    require(request.user, REVIEWERS)
    years = ProjectYear.objects.visible_to(request.user)
    entry = get_object_or_404(LedgerEntry.objects.visible_to(request.user).filter(project_year__in=years), pk=entry_pk)
    reason, chosen = request.POST.get("comment", ""), request.POST.get("line", "")
    try:
        if chosen.isdigit():
            rows = RecoveryLine.objects.visible_to(request.user).select_related("run", "project_year__project")
            line = get_object_or_404(rows, pk=int(chosen), run__fiscal_year=year)
            services.settle(line=line, entry=entry, by=request.user, version=line.version, comment=reason)
            messages.success(request, "已认定为该行的收回。")
        else:
            services.dismiss(entry=entry, reason=reason, by=request.user)
            messages.success(request, "已认定与收回无关。")
    except Refused as refused:
        messages.error(request, refused.reason)
    return redirect("recovery_pending", year=year)
