"""The desk: what waits for me, how far the year is. Heavy panels come after the page, so that it opens at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.lists import Column, Empty, ListPage
from core.templatetags.house import day_text, rate_text, wan_text, yuan_text
from organisations.access import require
from organisations.roles import BUREAU_STAFF, DEPARTMENT_STAFF
from reports import charts, queries
from reports import history as past
from reports.tables import HistoryFilter, HistoryTable
from reports.waiting import Waiting, waiting

YEARS = range(2000, 2100)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The bare address opens the desk of the work year last used, else of the present or latest one."""
    years = queries.known_years()
    remembered = request.COOKIES.get("work_year", "")
    known = remembered.isascii() and remembered.isdigit() and int(remembered) in years
    return redirect("desk_of_year", year=int(remembered) if known else queries.default_year(years))


@require_GET
def desk(request: HttpRequest, year: int) -> HttpResponse:
    _check(year)
    user: Any = request.user
    business = bool(user.role_set & (BUREAU_STAFF | DEPARTMENT_STAFF))
    money = queries.year_money(user, year) if business else None
    context = {
        "year": year,
        "waiting": _lines(waiting(user, year), year),
        "money": money,
        "stats": _stats(money, queries.recovery_money(user, year), year) if money and money.projects else [],
        "is_clerk": _is_clerk(user),
        "import_url": _address("import_list", year),
    }
    return render(request, "reports/desk.html", context)


@require_GET
@never_cache
def panels(request: HttpRequest, year: int) -> HttpResponse:
    """The tables of the desk, asked for by htmx as soon as the page stands."""
    _check(year)
    user: Any = request.user
    clerk = _is_clerk(user)
    context = {
        "silent": [] if clerk else queries.silent_departments(user, year),
        "departments": [] if clerk else queries.slowest_departments(user, year),
        "projects": _projects(queries.slowest_projects(user, year), year) if clerk else [],
        "is_clerk": clerk,
    }
    return render(request, "reports/desk_panels.html", context)


@require_GET
@never_cache
def desk_charts(request: HttpRequest, year: int) -> HttpResponse:
    """The charts of the desk, likewise."""
    _check(year)
    user: Any = request.user
    context = {
        "months": charts.monthly(queries.monthly_paid(user, year), queries.year_money(user, year)),
        "bands": charts.rate_bands(queries.rate_bands(user, year)),
    }
    return render(request, "reports/desk_charts.html", context)


@require_GET
@never_cache
def counts(request: HttpRequest, year: int) -> JsonResponse:
    """Numbers beside the navigation: entry → {"count", "urgent"}; "messages" is the bell's."""
    _check(year)
    today = timezone.localdate()
    answer: dict[str, dict[str, Any]] = {}
    found = waiting(request.user, year)
    for item in found:
        at = answer.setdefault(item.entry, {"count": 0, "urgent": False})
        at["count"] += item.count
        at["urgent"] = at["urgent"] or item.tone(today) == "red"
    if found:
        answer["desk"] = {"count": len(found), "urgent": any(item.tone(today) == "red" for item in found)}
    if "notices" in answer:
        answer["messages"] = answer["notices"]
    return JsonResponse(answer)


class History(ListPage):
    """历史: what one's organisation has done and received in the work year. The rows come from several tables."""

    title, table, filterset, unit = "历史", HistoryTable, HistoryFilter, "条"
    empty = Empty(
        "本年度还没有办理记录", "提出的意见、办理的事项和收到的公文会列在这里。", "desk_of_year", "看看有什么待办"
    )

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        require(request.user, BUREAU_STAFF | DEPARTMENT_STAFF)
        _check(kwargs["year"])
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        return past.nothing()

    @cached_property
    def filtered(self) -> Any:
        form = self.filters.form
        if form.is_bound and not form.is_valid():
            return ()
        rows = past.keys(self.request.user, self.kwargs["year"], form.cleaned_data if form.is_bound else {})
        return past.backwards(rows) if self.sort == "at" else rows

    @cached_property
    def paginator(self) -> Paginator:
        return Paginator(self.filtered, self.per_page)

    @cached_property
    def sums(self) -> dict[str, Any]:
        return {"rows": self.paginator.count}

    def page_of_rows(self) -> tuple[Page, list[Any]]:
        page = self.paginator.get_page(self.request.GET.get("page"))
        return page, past.deeds(page.object_list if self.sums["rows"] else (), self.kwargs["year"])

    def _export_rows(self, columns: dict[str, Column]) -> Iterator[list[Any]]:
        getters = [(column.getter(name), column.exported_value) for name, column in columns.items()]
        with transaction.atomic():
            for row in past.every_deed(self.filtered, self.kwargs["year"]):
                yield [value(get(row), row) for get, value in getters]


def _is_clerk(user: Any) -> bool:
    return bool(user.role_set & DEPARTMENT_STAFF) and not user.role_set & BUREAU_STAFF


def _lines(found: list[Waiting], year: int) -> list[dict[str, Any]]:
    today = timezone.localdate()
    return [
        {
            "kind": item.kind,
            "tone": item.tone(today),
            "text": item.text,
            "url": _address(item.route, year, item.key),
            "due": item.due_text(today),
            "late": item.is_late(today),
        }
        for item in found
    ]


def _projects(rows: Any, year: int) -> list[dict[str, Any]]:
    return [{"row": row, "url": _address("project", year, row.pk)} for row in rows]


def _stats(money: queries.YearMoney, recovery: queries.RecoveryMoney, year: int) -> list[dict[str, Any]]:
    as_of = f"截至 {day_text(money.as_of)}" if money.as_of else "尚未导入支付数据"
    rate_note = f"序时进度 {rate_text(money.elapsed, 1)}" if money.elapsed is not None else ""
    projects_url = _address("project_list", year)
    lines_url = _address("recovery_list", year)
    return [
        {"name": "项目", "value": f"{money.projects:,}", "unit": "个", "note": f"{year} 预算年度", "url": projects_url},
        _amount("全年预算", money.adjusted, f"年初 {wan_text(money.initial)}"),
        _amount("已支付", money.paid, as_of),
        {"name": "执行率", "value": rate_text(money.rate), "note": rate_note, "fraction": money.rate},
        _amount("拟收回", recovery.proposed_amount, f"{recovery.proposed} 项", lines_url),
        _amount("待执行", recovery.awaiting_amount, f"{recovery.awaiting} 项", lines_url),
        _amount("已执行收回", recovery.executed_amount, f"{recovery.executed} 项", lines_url),
    ]


def _amount(name: str, yuan: Any, note: str, url: str = "") -> dict[str, Any]:
    exact = f"{yuan_text(yuan)} 元"
    return {"name": name, "value": wan_text(yuan), "unit": "万元", "exact": exact, "note": note, "url": url}


def _address(route: str, year: int, key: int | None = None) -> str:
    own = {"pk": key} if key is not None else {}
    for kwargs in ({"year": year, **own}, own):
        try:
            return reverse(route, kwargs=kwargs)
        except NoReverseMatch:
            continue
    return ""


def _check(year: int) -> None:
    if year not in YEARS:
        raise Http404
