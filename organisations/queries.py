"""Reads that assemble the pages of organisations and users."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from organisations.enums import Kind
from organisations.models import Membership, Organisation, User
from organisations.roles import ADMINISTRATORS, BUREAU_STAFF, BY_DEPARTMENT


def bureau_exists() -> bool:
    return Organisation.objects.filter(kind=Kind.BUREAU).exists()


def bureau() -> Organisation | None:
    return Organisation.objects.filter(kind=Kind.BUREAU).order_by("pk").first()


def minutes_locked(username: str, address: str | None) -> int:
    """Whole minutes until somebody locked out by wrong passwords may try again; at least 1."""
    attempts = AccessAttempt.objects.filter(username=username, ip_address=address)
    last, cool_off = attempts.order_by("-attempt_time").first(), get_cool_off()
    if last is None or cool_off is None:
        return 1
    return max(1, math.ceil((last.attempt_time + cool_off - timezone.now()).total_seconds() / 60))


def organisation_rows(user: User) -> QuerySet[Organisation]:
    """The organisations a user may see, each with parent, 归口科室 and its number of units."""
    return (
        Organisation.objects.visible_to(user)
        .select_related("parent", "division")
        .annotate(units=Count("members", filter=Q(members__kind=Kind.UNIT), distinct=True))
    )


def user_rows(user: User) -> QuerySet[User]:
    """The users a user may see, each with today's memberships in `shown`: three queries however many rows."""
    today = Membership.objects.in_force(timezone.localdate()).select_related("organisation", "deputy_for")
    return User.objects.visible_to(user).prefetch_related(Prefetch("memberships", queryset=today, to_attr="shown"))


@dataclass
class Branch:
    """One organisation in the tree, with those below it."""

    organisation: Organisation
    below: list[Branch] = field(default_factory=list)


def tree(user: User, *, under: Organisation) -> list[Branch]:
    """What hangs under an organisation, as far as the user may see it: its members, or what a division handles."""
    rows = Organisation.objects.visible_to(user).filter(is_active=True)
    if under.kind == Kind.DIVISION:
        rows = rows.filter(Q(division=under) | Q(parent__division=under))
    elif under.kind != Kind.BUREAU:
        rows = rows.filter(parent=under)
    else:
        rows = rows.exclude(pk=under.pk)
    branches = {row.pk: Branch(row) for row in rows.select_related("parent", "division")}
    tops: list[Branch] = []
    for branch in branches.values():
        above = branches.get(branch.organisation.parent_id or 0)
        (above.below if above else tops).append(branch)
    return tops


def sees_staff(user: User, organisation: Organisation) -> bool:
    """Who works where: the bureau and the administrators see it everywhere, others in their own branch."""
    if user.role_set & (BUREAU_STAFF | ADMINISTRATORS) or organisation.pk in user.organisation_ids:
        return True
    return organisation.parent_id is not None and organisation.parent_id in user.ids_where(BY_DEPARTMENT)


def staff(organisation: Organisation, day: date | None = None) -> QuerySet[Membership]:
    """Who holds which role there on `day` (today)."""
    return (
        organisation.memberships.in_force(day or timezone.localdate())
        .filter(user__is_active=True)
        .select_related("user", "deputy_for")
        .order_by("role", "user__username")
    )


def deputies_of(user: User) -> QuerySet[Membership]:
    """Who stands in for the user, today or later."""
    rows = Membership.objects.filter(deputy_for=user, valid_to__gte=timezone.localdate())
    return rows.select_related("user", "organisation").order_by("valid_from", "pk")


def membership_history(user: User) -> list[dict[str, Any]]:
    """All memberships of a user, past ones too, newest first, and whether each is in force today."""
    today = timezone.localdate()
    rows = user.memberships.select_related("organisation", "deputy_for").order_by("-valid_from", "role")
    return [{"row": m, "in_force": m.valid_from <= today and (m.valid_to is None or m.valid_to >= today)} for m in rows]
