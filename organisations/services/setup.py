"""The set-up of an empty bureau, opened once by a key that only the terminal shows."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from core.services import Refused, record_security_event
from organisations.enums import DivisionFunction, Kind, Role
from organisations.models import Organisation, SetupKey
from organisations.queries import bureau_exists
from organisations.services.accounts import create_user, grant_membership
from organisations.services.organisations import create_organisation

# The accounts a bureau begins with, in the order of the form.
FIRST_ROLES = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.PERFORMANCE_SECTION)


@dataclass(frozen=True)
class FirstAccount:
    """One account of the new bureau and its temporary password, shown once."""

    role: str
    username: str
    full_name: str
    password: str

    @property
    def role_label(self) -> str:
        return Role(self.role).label


@transaction.atomic
def setup_key() -> str | None:
    """A new one-time key in clear; earlier ones become void. None where the bureau is set up already."""
    if bureau_exists():
        return None
    key = "-".join(secrets.token_hex(4) for _ in range(4))
    SetupKey.objects.filter(used_at__isnull=True).delete()
    SetupKey.objects.create(key=make_password(key))
    return key


@transaction.atomic
def open_bureau(
    *, key: str, name: str, code: str, issuing_code: str, people: Mapping[str, tuple[str, str]]
) -> list[FirstAccount]:
    """Create the bureau, its performance section and the first accounts; `people` maps role → (user name, name).

    Raises `Refused` for a wrong or used key, or where a bureau exists.
    """
    row = SetupKey.objects.select_for_update().filter(used_at__isnull=True).order_by("-pk").first()
    if row is None or bureau_exists() or not check_password(key.strip(), row.key):
        raise Refused("密钥不正确或已使用。请查看启动系统的终端窗口中最近一次显示的密钥。", code="wrong_key")
    if len({username.strip() for username, _ in people.values()}) != len(FIRST_ROLES):
        raise Refused("四个账号的用户名不能相同：三员须分立。", code="invalid")
    bureau = create_organisation(kind=Kind.BUREAU, code=code, name=name, issuing_code=issuing_code, by=None)
    section = create_organisation(
        kind=Kind.DIVISION,
        code=f"{bureau.code}-JX",
        name="绩效科",
        parent=bureau,
        function=DivisionFunction.PERFORMANCE,
        by=None,
    )
    accounts = [
        _account(role, *people[role], at=section if role == Role.PERFORMANCE_SECTION else bureau)
        for role in FIRST_ROLES
    ]
    row.used_at = timezone.now()
    row.save(update_fields=["used_at"])
    record_security_event("settings", what=f"初始化 {bureau.name}")
    return accounts


def _account(role: str, username: str, full_name: str, *, at: Organisation) -> FirstAccount:
    user, password = create_user(username=username, full_name=full_name, by=None)
    grant_membership(user=user, organisation=at, role=role, by=None)
    return FirstAccount(role, user.username, user.full_name, password)
