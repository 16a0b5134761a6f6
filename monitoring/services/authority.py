"""Who may run recovery. `by=None` is the house itself (a command)."""

from __future__ import annotations

from typing import Any

from core.services import Refused
from organisations.enums import Role


def require_section(by: Any) -> None:
    """Rules, runs, decisions and notices are the performance section's."""
    if by is not None and Role.PERFORMANCE_SECTION not in by.role_set:
        raise Refused("资金收回由绩效科组织办理，您没有该权限。", code="forbidden")


def require_reviewer(by: Any) -> None:
    if by is not None and not by.role_set & {Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION}:
        raise Refused("该步骤由绩效科或预算科办理，您没有该权限。", code="forbidden")


def require_budget_division(by: Any) -> None:
    if by is not None and Role.BUDGET_DIVISION not in by.role_set:
        raise Refused("执行由预算科确认，您没有该权限。", code="forbidden")
