"""Who may change what; `by=None` is the house itself (a command, the set-up page)."""

from __future__ import annotations

from collections.abc import Set

from core.services import Refused
from organisations.access import KEEPERS
from organisations.enums import Role
from organisations.models import User
from organisations.roles import ADMINISTRATORS, BY_DEPARTMENT


def require_keeper(by: User | None) -> None:
    """Organisations and users are kept by the performance section and the security administrator."""
    if by is not None and not by.role_set & KEEPERS:
        raise Refused("机构和用户由绩效科或安全管理员维护，您没有该权限。", code="forbidden")


def require_may_grant(by: User | None, roles: Set[str]) -> None:
    """The three administrators' roles are given by the security administrator alone."""
    require_keeper(by)
    if by is not None and roles & ADMINISTRATORS and Role.SECURITY_ADMIN not in by.role_set:
        raise Refused("系统、安全、审计管理员只能由安全管理员任免。", code="forbidden")


def may_reset(by: User, user: User) -> bool:
    """The performance section and the security administrator for all; a department's 审核岗 only within its branch.

    Somebody who also holds a role elsewhere is out of the branch: otherwise resetting a password would hand over
    the rights held there.
    """
    if by.role_set & KEEPERS:
        return True
    departments = by.ids_where(BY_DEPARTMENT)
    places = [
        (m.organisation_id, m.organisation.parent_id) for m in user.memberships.select_related("organisation").all()
    ]
    return bool(departments and places) and all(own in departments or above in departments for own, above in places)
