"""How long a login lasts without anybody working: the last real request stands in a signed cookie.

A cookie and not a row, because a GET writes nothing. It is bound to the session's key, so it cannot be carried over;
without it the time of the login, kept in the session, counts.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.core import signing
from django.http import HttpRequest, HttpResponse

from organisations.roles import ADMINISTRATORS

COOKIE = "last_request"
LOGGED_IN_AT = "logged_in_at"


def idle_seconds(user: Any) -> int:
    """Seconds without work after which the password is asked again: shorter for administrators."""
    administrator = bool(user.role_set & ADMINISTRATORS)
    return int(settings.IDLE_SECONDS_ADMINISTRATOR if administrator else settings.IDLE_SECONDS)


def enter(request: HttpRequest, user: Any) -> None:
    """Log in: the session's key changes (Django keeps it where the same user comes again), the clock starts."""
    request.session.cycle_key()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session[LOGGED_IN_AT] = int(time.time())


def is_background(request: HttpRequest) -> bool:
    """Polling and autosave: sent by the page, not by somebody working, so they do not prolong the login."""
    return request.headers.get("X-Background") == "1" or request.path.endswith(("/progress/", "/autosave/"))


def last_request(request: HttpRequest) -> int | None:
    """Unix time of the last real request of this session; None where nothing is known (a fresh session)."""
    times = [request.session.get(LOGGED_IN_AT)]
    with contextlib.suppress(signing.BadSignature, ValueError):
        times.append(int(_signer(request).unsign(request.COOKIES.get(COOKIE, ""))))
    return max((at for at in times if at is not None), default=None)


def remember_request(request: HttpRequest, response: HttpResponse) -> None:
    response.set_cookie(
        COOKIE,
        _signer(request).sign(str(int(time.time()))),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _signer(request: HttpRequest) -> signing.Signer:
    return signing.Signer(salt=f"organisations.sessions:{request.session.session_key}")
