"""Deputies (代理): somebody's own roles, held by another for a period."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from core.services import Refused, record_security_event
from organisations.enums import Role
from organisations.models import Membership, User
from organisations.rules import overlap
from organisations.services.accounts import MIXED, _forget_cached, close, mixes


@transaction.atomic
def appoint_deputy(
    *,
    principal: User,
    deputy: User,
    valid_from: date,
    valid_to: date,
    by: User,
    roles: Collection[str] | None = None,
) -> list[Membership]:
    """Let `deputy` hold the principal's own roles (all, or those in `roles`) from `valid_from` to `valid_to`.

    Only roles held in one's own right through the whole period can be passed on: a deputy appoints no deputy.
    By the principal, or by the performance section.
    """
    _may_appoint(principal, by)
    if principal.pk == deputy.pk:
        raise Refused("代理人不能是本人。", code="oneself")
    if not deputy.is_active:
        raise Refused("代理人的账号已停用。", code="inactive")
    if valid_to < valid_from or valid_to < timezone.localdate():
        raise Refused("代理的截止日期不能早于起始日期或今天。", code="PERIOD")
    User.objects.select_for_update().get(pk=deputy.pk)
    own = [
        m
        for m in principal.memberships.filter(deputy_for__isnull=True).select_related("organisation")
        if m.valid_from <= valid_from and (m.valid_to is None or m.valid_to >= valid_to)
    ]
    missing = set(roles or ()) - {m.role for m in own}
    if missing or not own:
        labels = "、".join(Role(r).label for r in sorted(missing)) or "任何角色"
        raise Refused(f"本人在该期间并未一直担任{labels}，不能委托代理。", code="not_held")
    existing = list(deputy.memberships.all())
    made: list[Membership] = []
    for held in own:
        if roles is not None and held.role not in roles:
            continue
        at_once = [m for m in existing if overlap(valid_from, valid_to, m.valid_from, m.valid_to)]
        if any(mixes(held.role, m.role) for m in at_once):
            raise Refused(MIXED, code="ADMINISTRATOR_MIXED")
        if any(m.role == held.role and m.organisation_id == held.organisation_id for m in at_once):
            continue  # already holds it
        made.append(
            Membership.objects.create(
                user=deputy,
                organisation=held.organisation,
                role=held.role,
                valid_from=valid_from,
                valid_to=valid_to,
                deputy_for=principal,
            )
        )
    if not made:
        raise Refused("代理人在该期间已有这些角色，无需代理。", code="already_held")
    _forget_cached(deputy)
    record_security_event(
        "account",
        user=by,
        what=f"{deputy.username} 代理 {principal.username}，{valid_from} 至 {valid_to}：{'、'.join(map(str, made))}",
    )
    return made


@transaction.atomic
def end_deputy(*, membership: Membership, by: User) -> Membership:
    """Withdraw a deputy's row: no right from today on."""
    if membership.deputy_for is None:
        raise Refused("该任职不是代理。", code="not_deputy")
    _may_appoint(membership.deputy_for, by)
    locked = Membership.objects.select_for_update(of=("self",)).get(pk=membership.pk)
    close(locked, timezone.localdate() - timedelta(days=1))
    _forget_cached(locked.user)
    record_security_event("account", user=by, what=f"撤销 {locked.user.username} 的代理：{locked}")
    return locked


def _may_appoint(principal: User, by: User) -> None:
    if by.pk != principal.pk and Role.PERFORMANCE_SECTION not in by.role_set:
        raise Refused("代理由本人或绩效科指定。", code="forbidden")
