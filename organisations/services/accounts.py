"""Users and their memberships."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from rest_framework.authtoken.models import Token

from core.services import Refused, record_security_event
from organisations.enums import Kind, Role
from organisations.models import Membership, Organisation, User
from organisations.passwords import hash_temporary, temporary_password
from organisations.roles import ADMINISTRATORS, HELD_AT
from organisations.rules import overlap
from organisations.services.authority import require_keeper, require_may_grant


@transaction.atomic
def create_user(
    *, username: str, full_name: str, by: User | None, phone: str = "", email: str = "", password: str | None = None
) -> tuple[User, str]:
    """Create a user; returns it with the password to tell them. Without `password` a temporary one is made.

    A given password is checked against the rules; either way it must be changed at the first login.
    """
    require_keeper(by)
    user = User(username=username.strip(), full_name=full_name.strip(), phone=phone.strip(), email=email.strip())
    told = password or temporary_password()
    try:
        if password is not None:
            validate_password(password, user)
            user.set_password(password)
        else:
            user.password = hash_temporary(told)
        user.full_clean()
    except ValidationError as error:
        raise Refused("；".join(error.messages), code="invalid") from error
    user.password_changed_at = timezone.now()
    user.must_change_password = True
    user.save()
    record_security_event("account", user=by, what=f"新增用户 {user.username} {user.full_name}")
    return user, told


@transaction.atomic
def update_user(*, user: User, by: User | None, **details: Any) -> User:
    """Change name, phone or e-mail."""
    require_keeper(by)
    unknown = set(details) - {"full_name", "phone", "email"}
    if unknown:
        raise TypeError(f"unknown details: {sorted(unknown)}")
    locked = User.objects.select_for_update().get(pk=user.pk)
    for field, value in details.items():
        setattr(locked, field, value)
    try:
        locked.full_clean(exclude=["password"])
    except ValidationError as error:
        raise Refused("；".join(error.messages), code="invalid") from error
    locked.save(update_fields=list(details))
    record_security_event("account", user=by, what=f"修改用户 {locked.username} {locked.full_name}")
    return locked


@transaction.atomic
def set_active(*, user: User, active: bool, by: User | None) -> User:
    """Switch an account on or off. Switched off, its sessions and tokens end at once."""
    require_keeper(by)
    if by is not None and by.pk == user.pk and not active:
        raise Refused("不能停用自己的账号。", code="oneself")
    locked = User.objects.select_for_update().get(pk=user.pk)
    roles = frozenset(locked.memberships.in_force(timezone.localdate()).values_list("role", flat=True))
    require_may_grant(by, roles)
    locked.is_active = active
    locked.save(update_fields=["is_active"])
    if not active:
        Token.objects.filter(user=locked).delete()
    record_security_event(
        "account", user=by, what=f"{'启用' if active else '停用'}用户 {locked.username} {locked.full_name}"
    )
    return locked


@transaction.atomic
def grant_membership(
    *,
    user: User,
    organisation: Organisation,
    role: str,
    by: User | None,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> Membership:
    """Give `role` at `organisation` from `valid_from` (today). Raises `Refused` where the role cannot be held."""
    require_may_grant(by, {role})
    valid_from = valid_from or timezone.localdate()
    refusal = not_holdable(role, organisation.kind)
    if refusal:
        raise Refused(refusal, code="ROLE_NOT_HELD_HERE")
    if valid_to is not None and valid_to < valid_from:
        raise Refused("截止日期不能早于起始日期。", code="PERIOD")
    User.objects.select_for_update().get(pk=user.pk)  # one grant at a time for each user
    for other in user.memberships.all():
        if not overlap(valid_from, valid_to, other.valid_from, other.valid_to):
            continue
        if other.role == role and other.organisation_id == organisation.pk and other.deputy_for_id is None:
            raise Refused(f"该用户在“{organisation}”已有“{Role(role).label}”，期间重叠。", code="MEMBERSHIP_TWICE")
        if mixes(role, other.role):
            raise Refused(MIXED, code="ADMINISTRATOR_MIXED")
    membership = Membership.objects.create(
        user=user, organisation=organisation, role=role, valid_from=valid_from, valid_to=valid_to
    )
    _forget_cached(user)
    record_security_event("account", user=by, what=f"授予 {user.username}：{membership}，{valid_from} 起")
    return membership


@transaction.atomic
def end_membership(*, membership: Membership, by: User | None, last_day: date | None = None) -> Membership:
    """End a membership with `last_day` (yesterday: no right from today on), and its deputies' rows with it.

    A row that would end before it begins never took effect and ends on its first day.
    """
    require_may_grant(by, {membership.role})
    last_day = last_day or timezone.localdate() - timedelta(days=1)
    locked = Membership.objects.select_for_update(of=("self",)).get(pk=membership.pk)
    close(locked, last_day)
    standing_in = Membership.objects.filter(
        deputy_for=locked.user_id, organisation=locked.organisation_id, role=locked.role, valid_to__gt=last_day
    )
    for deputy in standing_in.select_for_update(of=("self",)):
        close(deputy, last_day)
    _forget_cached(locked.user)
    record_security_event("account", user=by, what=f"终止 {locked.user.username}：{locked}，至 {locked.valid_to}")
    return locked


def close(membership: Membership, last_day: date) -> None:
    """Shorten a period; the row stays as a record."""
    if membership.valid_to is not None and membership.valid_to <= last_day:
        return
    if last_day < membership.valid_from:
        # Begun today or later and withdrawn: it must give no right, so its one day lies before today.
        membership.valid_from = last_day
    membership.valid_to = last_day
    membership.save(update_fields=["valid_from", "valid_to"])


MIXED = "三员分立：系统、安全、审计管理员不得由同一人兼任，也不得兼任业务岗位。"


def mixes(role: str, other: str) -> bool:
    """Whether one person must not hold both: an administrator holds nothing else (GB/T 22239-2019 8.1.5)."""
    return role != other and bool({role, other} & ADMINISTRATORS)


def not_holdable(role: str, kind: str) -> str:
    """Why `role` cannot be held at an organisation of this kind; empty where it can."""
    if kind in HELD_AT[role]:
        return ""
    places = "、".join(Kind(k).label for k in sorted(HELD_AT[role]))
    return f"“{Role(role).label}”只能任职于{places}，不能任职于{Kind(kind).label}。"


def _forget_cached(user: User) -> None:
    for name in ("active_memberships", "role_set", "organisation_ids", "_permissions"):
        user.__dict__.pop(name, None)
