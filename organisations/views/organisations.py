"""机构: list, detail, new name."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.lists import Empty, ListPage
from core.services import Refused
from organisations import services
from organisations.access import KEEPERS, require
from organisations.forms import RenameForm
from organisations.models import Organisation, User
from organisations.queries import organisation_rows, sees_staff, staff, tree
from organisations.tables import OrganisationFilter, OrganisationTable


class OrganisationList(ListPage):
    title = "机构"
    table = OrganisationTable
    filterset = OrganisationFilter
    default_sort = ("sort_key", "code")
    template_name = "organisations/organisation_list.html"
    empty = Empty("还没有机构", "用工作簿导入科室、主管部门、预算单位和第三方机构。", "organisation_import", "导入机构")
    unit = "个"

    def get_queryset(self) -> QuerySet[Organisation]:
        return organisation_rows(self.request.user)

    def extra_context(self) -> dict[str, Any]:
        return {"keeper": bool(self.request.user.role_set & KEEPERS)}


@require_GET
def organisation(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(organisation_rows(request.user), pk=pk)
    return render(request, "organisations/organisation.html", _context(request, found, RenameForm()))


@require_POST
def organisation_rename(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(organisation_rows(request.user), pk=pk)
    require(request.user, KEEPERS)
    form = RenameForm(request.POST)
    if form.is_valid():
        try:
            services.rename_organisation(organisation=found, by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.reason)
        else:
            messages.success(request, f"已更名为“{form.cleaned_data['name']}”；旧表单仍打印当时的名称。")
            return redirect("organisation", pk=pk)
    return render(request, "organisations/organisation.html", _context(request, found, form))


def _context(request: HttpRequest, found: Organisation, form: RenameForm) -> dict[str, Any]:
    people = list(staff(found)) if sees_staff(request.user, found) else []
    shown = User.objects.visible_to(request.user).filter(pk__in={m.user_id for m in people})
    return {
        "organisation": found,
        "branches": tree(request.user, under=found),
        "names": found.names.order_by("-valid_from"),
        "staff": people,
        "sees_staff": sees_staff(request.user, found),
        "linked": set(shown.values_list("pk", flat=True)),
        "form": form,
        "keeper": bool(request.user.role_set & KEEPERS),
    }
