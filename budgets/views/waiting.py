"""待认领 and 消失流水: rows that wait for a person."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from budgets import queries
from budgets.filters import HeldFilter, VanishedFilter
from budgets.forms import ClaimForm, SettleForm
from budgets.models import IMPORTERS, HeldEntry, ProjectYear, VanishedEntry
from budgets.services import claim
from budgets.services.vanished import settle_vanished
from budgets.tables import HeldTable, VanishedTable
from core.lists import Empty, ListPage
from core.services import Refused
from organisations.access import require
from organisations.roles import COUNTY_WIDE


class BureauList(ListPage):
    """A list of the bureau's own desks."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require(request.user, COUNTY_WIDE)
        return super().dispatch(request, *args, **kwargs)

    def fiscal_year(self) -> int | None:
        return None


class HeldList(BureauList):
    title = "待认领流水"
    table = HeldTable
    filterset = HeldFilter
    aggregates = {"amount": Sum("amount")}
    default_sort = ("claimed_entry_id",)
    empty = Empty("没有待认领的流水", "导入时勾选“未知项目转入待认领”，项目代码未知的行会列在这里。")
    unit = "笔"

    def get_queryset(self) -> QuerySet[HeldEntry]:
        return HeldEntry.objects.visible_to(self.request.user).select_related("source", "claimed_entry__project_year")


class VanishedList(BureauList):
    title = "消失流水"
    table = VanishedTable
    filterset = VanishedFilter
    aggregates = {"amount": Sum("entry__amount")}
    default_sort = ("state",)
    empty = Empty("没有消失的流水", "年初至今的文件再次导入时，上次有而这次没有的行会列在这里，由人决定冲销或保留。")
    unit = "笔"

    def get_queryset(self) -> QuerySet[VanishedEntry]:
        rows = VanishedEntry.objects.visible_to(self.request.user)
        return rows.select_related("entry__project_year__project", "entry__source", "batch")


def _held(request: HttpRequest, pk: int) -> HeldEntry:
    require(request.user, COUNTY_WIDE)
    rows = HeldEntry.objects.visible_to(request.user).select_related("source", "batch", "claimed_entry__project_year")
    return get_object_or_404(rows, pk=pk)


def _held_page(request: HttpRequest, year: int, held: HeldEntry, form: ClaimForm, status: int = 200) -> HttpResponse:
    rows = ProjectYear.objects.visible_to(request.user).of_year(held.fiscal_year).select_related("project", "unit")
    near = rows.filter(queries.found_by(held.project_name or held.project_code)).order_by("pk")[:10]
    context = {
        "year": year,
        "held": held,
        "form": form,
        "near": list(near),
        "may_claim": bool(request.user.role_set & IMPORTERS),
    }
    return render(request, "budgets/held.html", context, status=status)


@require_GET
def held(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    return _held_page(request, year, _held(request, pk), ClaimForm())


@require_POST
def held_claim(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _held(request, pk)
    require(request.user, IMPORTERS)
    form = ClaimForm(request.POST)
    if form.is_valid():
        code = form.cleaned_data["project_code"].strip()
        rows = ProjectYear.objects.visible_to(request.user).of_year(found.fiscal_year)
        target = rows.filter(project__code=code).first()
        try:
            if target is None:
                raise Refused(f"{found.fiscal_year} 年度没有项目代码“{code}”。")
            claim(held=found, project_year=target, by=request.user)
        except Refused as refused:
            form.add_error("project_code", refused.reason)
        else:
            messages.success(request, f"已认领到“{target.name}”，流水已记入该项目。")
            return redirect("held_list", year=year)
    return _held_page(request, year, found, form, status=422)


def _vanished(request: HttpRequest, pk: int) -> VanishedEntry:
    require(request.user, COUNTY_WIDE)
    rows = VanishedEntry.objects.visible_to(request.user)
    rows = rows.select_related("entry__project_year__project", "entry__source", "batch__source", "decided_by")
    return get_object_or_404(rows, pk=pk)


def _vanished_context(request: HttpRequest, year: int, found: VanishedEntry, form: SettleForm) -> dict[str, Any]:
    return {"year": year, "vanished": found, "form": form, "may_settle": bool(request.user.role_set & IMPORTERS)}


@require_GET
def vanished(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    context = _vanished_context(request, year, _vanished(request, pk), SettleForm())
    return render(request, "budgets/vanished.html", context)


@require_POST
def vanished_settle(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _vanished(request, pk)
    require(request.user, IMPORTERS)
    form = SettleForm(request.POST)
    if form.is_valid():
        reverse = form.cleaned_data["decision"] == "reverse"
        try:
            settle_vanished(vanished=found, reverse=reverse, reason=form.cleaned_data["reason"], by=request.user)
        except Refused as refused:
            form.add_error(None, refused.reason)
        else:
            messages.success(request, "已冲销，合计已更新。" if reverse else "已保留，流水不变。")
            return redirect("vanished_list", year=year)
    return render(request, "budgets/vanished.html", _vanished_context(request, year, found, form), status=422)
