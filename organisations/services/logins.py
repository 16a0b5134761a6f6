"""Logins and passwords, each told to the security log."""

from __future__ import annotations

from axes.utils import reset as reset_axes
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from rest_framework.authtoken.models import Token

from core.services import Refused, record_security_event
from organisations.models import PasswordHistory, User
from organisations.passwords import temporary_password
from organisations.services.authority import may_reset


def record_login(*, user: User | None = None, username: str = "", succeeded: bool = True, what: str = "") -> None:
    record_security_event(
        "login" if succeeded else "login_failed", user=user, username=username, succeeded=succeeded, what=what
    )


def record_locked(*, username: str) -> None:
    record_security_event("locked", username=username, succeeded=False, what="连续输错密码，登录暂时锁定")


def record_logout(*, user: User) -> None:
    record_security_event("logout", user=user)


@transaction.atomic
def change_password(*, user: User, password: str, by: User) -> User:
    """One's own new password, checked against the rules. Every other session of the user ends. Raises `Refused`."""
    if by.pk != user.pk:
        raise Refused("只能修改本人的密码。", code="forbidden")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refused("；".join(error.messages), code="invalid") from error
    _set(user, password, must_change=False)
    record_security_event("password", user=by, what="本人修改密码")
    return user


@transaction.atomic
def reset_password(*, user: User, by: User | None) -> str:
    """A temporary password, told once and changed at the next login. Sessions, tokens and locks of the user end.

    By the performance section or the security administrator for all, by a department's 审核岗 within its branch.
    """
    if by is not None and not may_reset(by, user):
        raise Refused("您只能重置本部门及所属单位用户的密码。", code="forbidden")
    if by is not None and by.pk == user.pk:
        raise Refused("本人的密码请在“修改密码”页面修改。", code="oneself")
    told = temporary_password()
    _set(user, told, must_change=True)
    Token.objects.filter(user=user).delete()
    reset_axes(username=user.username)
    record_security_event("password", user=by, what=f"重置 {user.username} {user.full_name} 的密码")
    return told


def _set(user: User, password: str, *, must_change: bool) -> None:
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.password:
        PasswordHistory.objects.create(user=locked, password=locked.password)
    locked.set_password(password)
    locked.password_changed_at = timezone.now()
    locked.must_change_password = must_change
    locked.save(update_fields=["password", "password_changed_at", "must_change_password"])
    # The caller's object too: its session hash is made from the new password.
    user.password, user.password_changed_at = locked.password, locked.password_changed_at
    user.must_change_password = must_change
