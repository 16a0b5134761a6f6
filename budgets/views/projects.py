"""项目列表, 项目详情, 搜索."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from budgets import charts, queries
from budgets.filters import ALL_YEARS, ProjectFilter
from budgets.models import IMPORTERS, LedgerEntry, ProjectYear
from budgets.tables import ProjectTable
from core.lists import Empty, ListPage
from core.templatetags.house import rate_text, wan, wan_text
from organisations.roles import BUREAU_STAFF

ENTRIES_PER_PAGE = 50


class ProjectList(ListPage):
    table = ProjectTable
    filterset = ProjectFilter
    template_name = "budgets/project_list.html"
    aggregates = dict.fromkeys(("initial", "carried_over", "adjustment", "recovered", "adjusted", "paid", "rate"))
    empty = Empty("还没有项目", "导入项目及预算表后，项目会列在这里。", "import_list", "导入项目")
    unit = "个"

    @property
    def title(self) -> str:  # type: ignore[override]
        return "项目与预算" if self.request.user.role_set & BUREAU_STAFF else "我的项目"

    def get_queryset(self) -> QuerySet[ProjectYear]:
        return ProjectYear.objects.visible_to(self.request.user)

    def with_columns(self, rows: QuerySet[ProjectYear]) -> QuerySet[ProjectYear]:
        return queries.with_figures(rows).select_related("project", "unit", "department", "division")

    def aggregate(self, rows: QuerySet[ProjectYear]) -> dict[str, Any]:
        return queries.sums_of(rows)

    def fiscal_year(self) -> int | None:
        chosen = self.filters.form["fiscal_year"].value() if self.filters is not None else None
        return int(chosen) if chosen and str(chosen).isdigit() else None

    def extra_context(self) -> dict[str, Any]:
        fiscal_year = self.fiscal_year()
        user = self.request.user
        return {
            "year": self.kwargs["year"],
            "importer": bool(user.role_set & IMPORTERS),
            "as_of": queries.as_of_label(fiscal_year) if fiscal_year else "",
            "held": queries.held_of(fiscal_year) if fiscal_year and user.sees_county else None,
        }


@require_GET
def project(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    rows = ProjectYear.objects.visible_to(request.user).select_related("project", "unit", "department", "division")
    found = get_object_or_404(rows, pk=pk)
    years = list(ProjectYear.objects.visible_to(request.user).filter(project=found.project_id).order_by("-fiscal_year"))
    figures = queries.figures_of(one.pk for one in years)
    own = figures[found.pk]
    lines = queries.lines_of(found)
    labels = queries.as_of_labels(found.fiscal_year)
    as_of = max((label.as_of for label in labels if label.pays), default=None)
    entries = LedgerEntry.objects.visible_to(request.user).filter(project_year=found)
    page = Paginator(entries.select_related("source").order_by("-date", "-pk"), ENTRIES_PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "year": year,
        "project": found,
        "figures": own,
        "stats": _stats(own),
        "years": [(one, figures[one.pk]) for one in years],
        "lines": lines,
        "page": page,
        "users": list(found.project.units.order_by("sort_key")),
        "commitments": list(found.commitments.order_by("allocation")),
        "findings": list(found.findings.order_by("-pk")),
        "records": list(found.record.order_by("-pk")),
        "as_of": "；".join(str(label) for label in labels),
        "curve": charts.execution(queries.execution_curve(lines, own.adjusted, as_of)),
    }
    return render(request, "budgets/project.html", context)


def _stats(figures: queries.Figures) -> list[dict[str, Any]]:
    """The strip above the detail; where funds were recovered, amount and rate before it stand beside the rate."""
    before = ""
    if figures.was_recovered:
        before = f"收回前预算 {wan_text(figures.adjusted_before)} 万元，执行率 {rate_text(figures.rate_before)}"
    return [
        {"name": "年初预算", "value": wan(figures.initial), "unit": "万元"},
        {"name": "上年结转", "value": wan(figures.carried_over), "unit": "万元"},
        {"name": "调整数", "value": wan(figures.adjustment), "unit": "万元"},
        {"name": "收回", "value": wan(figures.recovered), "unit": "万元"},
        {"name": "全年预算", "value": wan(figures.adjusted), "unit": "万元"},
        {"name": "支出", "value": wan(figures.paid), "unit": "万元"},
        {"name": "执行率", "value": rate_text(figures.rate), "fraction": figures.rate, "note": before},
    ]


@require_GET
def search(request: HttpRequest, year: int) -> HttpResponse:
    """The top bar: a full code opens the project, anything else the list filtered by it, all years."""
    text = request.GET.get("q", "").strip()[:60]
    found = queries.exact_project(text, ProjectYear.objects.visible_to(request.user), year) if text else None
    if found is not None:
        return redirect("project", year=year, pk=found.pk)
    address = reverse("project_list", kwargs={"year": year})
    return redirect(f"{address}?{urlencode({'q': text, 'fiscal_year': ALL_YEARS})}")
