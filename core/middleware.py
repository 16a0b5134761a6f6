"""Request id, history context."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from pghistory.middleware import HistoryMiddleware as PgHistoryMiddleware

from core.request import RequestContext, current, enter

_ACCEPTABLE_ID = re.compile(r"^[0-9a-zA-Z-]{8,36}$")


class RequestIdMiddleware:
    """Gives every request an id, or keeps the one that our own proxy sent, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _ACCEPTABLE_ID.match(sent) else uuid.uuid4().hex[:16]
        request.request_id = request_id  # type: ignore[attr-defined]
        enter(RequestContext(request_id=request_id, address=peer_address(request)))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


def peer_address(request: HttpRequest) -> str | None:
    """The client's address; a forwarded one counts only as far as `TRUSTED_PROXIES` of our own stand before us."""
    hops = getattr(settings, "TRUSTED_PROXIES", 0)
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return forwarded[-hops]
    return request.META.get("REMOTE_ADDR") or None


class RequestIdFilter(logging.Filter):
    """Puts the request id on every log line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current().request_id or "-"
        return True


class NotReadinessFilter(logging.Filter):
    """A probe that is told 503 while the system starts is no mail to the administrators."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != 503


class HistoryMiddleware(PgHistoryMiddleware):
    """Who changed it, in which request, from where: stored beside every old version of a row."""

    def get_context(self, request: Any) -> dict[str, Any]:
        context = current()
        return {
            "user": request.user.pk if getattr(request, "user", None) is not None else None,
            "request_id": context.request_id,
            "address": context.address,
            "url": request.path,
        }
