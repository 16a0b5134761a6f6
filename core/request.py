"""Which request (or job) this code is running for: shown on error pages, in logs, in history and in task headers."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class RequestContext:
    """`address` is the peer's IP as text, None outside a request."""

    request_id: str = ""
    address: str | None = None


_NONE = RequestContext()
_current: ContextVar[RequestContext] = ContextVar("request_context", default=_NONE)


def current() -> RequestContext:
    return _current.get()


def enter(context: RequestContext) -> None:
    _current.set(context)
