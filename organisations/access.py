"""The gate of pages that belong to certain roles; row access is each model's `visible_to`."""

from __future__ import annotations

import logging
from collections.abc import Set
from typing import Any

from django.core.exceptions import PermissionDenied

from organisations.enums import Role

log = logging.getLogger("security")

# Who keeps the list of organisations and users.
KEEPERS: frozenset[str] = frozenset({Role.PERFORMANCE_SECTION, Role.SECURITY_ADMIN})


def require(user: Any, roles: Set[str]) -> None:
    """Let through a user who holds one of `roles` today; otherwise 403, told to the log (a GET writes no row)."""
    if not user.role_set & roles:
        log.warning("refused: user %s lacks %s", user.pk, ",".join(sorted(roles)))
        raise PermissionDenied
