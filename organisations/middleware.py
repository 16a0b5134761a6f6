"""Automatic exit after idle time, and the forced change of an expired password."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect

from organisations import sessions

# What somebody with an expired password can still reach.
OPEN_ROUTES = frozenset({"password_change", "logout", "login", "login_again", "live", "ready"})


class IdleTimeoutMiddleware:
    """Treats an idle session as nobody's. It is not deleted by a GET; only the password opens it again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session and request.user.is_authenticated:
            seen = sessions.last_request(request)
            if seen is not None and time.time() - seen > sessions.idle_seconds(request.user):
                return self._expired(request)
        response = self.get_response(request)
        alive = SESSION_KEY in request.session and request.session.session_key
        if alive and response.status_code < 500 and not sessions.is_background(request):
            sessions.remember_request(request, response)
        return response

    def _expired(self, request: HttpRequest) -> HttpResponse:
        request.session_expired_user = request.user  # type: ignore[attr-defined]
        request.user = AnonymousUser()
        if is_script(request) and not request.path.startswith("/login/"):
            return JsonResponse({"code": "session_expired", "message": "登录已超时，请再次输入密码。"}, status=401)
        return self.get_response(request)


class PasswordGateMiddleware:
    """Until an expired or temporary password is changed, every page leads to the password page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        if not request.user.is_authenticated or (match and match.view_name in OPEN_ROUTES):
            return None
        if not request.user.password_expired:
            return None
        if is_script(request):
            message = "密码已到期或由他人设置，请先修改密码。"
            return JsonResponse({"code": "password_expired", "message": message, "fields": {}}, status=403)
        return redirect("password_change")


def is_script(request: HttpRequest) -> bool:
    """Asked by a script (htmx, fetch, the REST door), which cannot follow a redirect to a login page."""
    return (
        bool(request.headers.get("HX-Request"))
        or sessions.is_background(request)
        or request.path.startswith("/api/")
        or request.headers.get("Accept", "").startswith("application/json")
    )
