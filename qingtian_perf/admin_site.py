"""后台管理 of the three administrators. No login and no password pages of its own: those of the house count attempts,
time out and know the password rules.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class AdminSite(admin.AdminSite):
    site_header = "青田预算绩效 · 后台管理"
    site_title = "后台管理"
    index_title = "系统、安全、审计管理"
    empty_value_display = "—"
    enable_nav_sidebar = True

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The ordinary login page; somebody already logged in who is no administrator is told so there."""
        if request.user.is_authenticated:
            from django.core.exceptions import PermissionDenied

            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or "/admin/")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("password_change")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only the house's own models: accounts, tokens and attempts of other packages have no Chinese labels and
        would be a second door to the same rows.
        """
        models = model_or_iterable if isinstance(model_or_iterable, (list, tuple)) else [model_or_iterable]
        own = [m for m in models if not m.__module__.startswith(FOREIGN)]
        super().register(own, admin_class, **options)


FOREIGN = ("django.", "rest_framework.", "axes.", "pghistory.", "pgtrigger.")
