"""The security log."""

from __future__ import annotations

from typing import Any

from core.models import SecurityEvent
from core.request import current


def record_security_event(
    kind: str, *, user: Any = None, username: str = "", succeeded: bool = True, what: str = ""
) -> SecurityEvent:
    """Write one line of the security log; address and request id come from the request being served, if any."""
    context = current()
    return SecurityEvent.objects.create(
        kind=kind,
        user=user if getattr(user, "pk", None) else None,
        username=(username or getattr(user, "username", ""))[:150],
        address=context.address,
        request_id=context.request_id,
        succeeded=succeeded,
        what=what[:500],
    )
