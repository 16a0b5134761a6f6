"""用户: list, detail, password, switch, memberships, deputies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.lists import Empty, ListPage
from core.services import Refused
from organisations import services
from organisations.access import KEEPERS, require
from organisations.enums import Role
from organisations.forms import DeputyForm, MembershipForm
from organisations.models import Membership, User
from organisations.queries import deputies_of, membership_history, user_rows
from organisations.services.authority import may_reset
from organisations.tables import UserFilter, UserTable

# Who opens the list: the keepers, and a department's 审核岗 for its own branch.
READERS = KEEPERS | {Role.DEPARTMENT_REVIEWER}


class UserList(ListPage):
    title = "用户"
    table = UserTable
    filterset = UserFilter
    default_sort = ("username",)
    template_name = "organisations/user_list.html"
    empty = Empty("还没有用户", "用工作簿导入用户及其任职。", "user_import", "导入用户")
    unit = "人"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require(request.user, READERS)
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[User]:
        return user_rows(self.request.user)

    def extra_context(self) -> dict[str, Any]:
        return {"keeper": bool(self.request.user.role_set & KEEPERS)}


@require_GET
def user(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(user_rows(request.user), pk=pk))


@never_cache
@require_POST
def user_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the temporary password in this answer and nowhere again."""
    found = get_object_or_404(user_rows(request.user), pk=pk)
    try:
        told = services.reset_password(user=found, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
        return redirect("user", pk=pk)
    return render(request, "organisations/password_told.html", {"told": [(found.username, found.full_name, told)]})


@require_POST
def user_switch(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(user_rows(request.user), pk=pk)
    active = request.POST.get("active") == "1"
    return _do(
        request,
        pk,
        lambda: services.set_active(user=found, active=active, by=request.user),
        f"已{'启用' if active else '停用'} {found}。",
    )


@require_POST
def membership_grant(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(user_rows(request.user), pk=pk)
    require(request.user, KEEPERS)
    form = MembershipForm(request.POST, by=request.user)
    if form.is_valid():
        try:
            services.grant_membership(user=found, by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.reason)
        else:
            messages.success(request, "已授予。")
            return redirect("user", pk=pk)
    return _page(request, found, form)


@require_POST
def membership_end(request: HttpRequest, pk: int, membership_pk: int) -> HttpResponse:
    found = get_object_or_404(user_rows(request.user), pk=pk)
    row = get_object_or_404(found.memberships.all(), pk=membership_pk)
    return _do(
        request, pk, lambda: services.end_membership(membership=row, by=request.user), f"已终止{row}，即日起无权限。"
    )


def _page(request: HttpRequest, found: User, form: MembershipForm | None = None) -> HttpResponse:
    by = request.user
    keeper = bool(by.role_set & KEEPERS)
    context = {
        "person": found,
        "history": membership_history(found),
        "deputies": deputies_of(found),
        "keeper": keeper,
        "may_reset": by.pk != found.pk and may_reset(by, found),
        "form": form or (MembershipForm(by=by) if keeper else None),
    }
    return render(request, "organisations/user.html", context)


def _do(request: HttpRequest, pk: int, write: Callable[[], Any], done: str) -> HttpResponse:
    try:
        write()
    except Refused as refused:
        messages.error(request, refused.reason)
    else:
        messages.success(request, done)
    return redirect("user", pk=pk)


# ---- deputies ----


@require_http_methods(["GET", "POST"])
def deputy_list(request: HttpRequest) -> HttpResponse:
    """My deputies, and whom I stand in for; the performance section sees and appoints all."""
    form = DeputyForm(request.POST or None, by=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.appoint_deputy(by=request.user, **form.values())
        except Refused as refused:
            form.add_error(None, refused.reason)
        else:
            messages.success(request, f"已委托 {made[0].user} 代理，自 {made[0].valid_from} 至 {made[0].valid_to}。")
            return redirect("deputy_list")
    rows = Membership.objects.visible_to(request.user).deputies().order_by("-valid_to", "pk")
    context = {"form": form, "rows": rows.select_related("user", "organisation", "deputy_for")[:200]}
    return render(request, "organisations/deputy_list.html", context | {"today": timezone.localdate()})


@require_POST
def deputy_end(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Membership.objects.visible_to(request.user).deputies(), pk=pk)
    try:
        services.end_deputy(membership=row, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
    else:
        messages.success(request, "已撤销代理，即日起无权限。")
    return redirect("deputy_list")
