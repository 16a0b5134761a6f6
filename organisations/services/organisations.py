"""Organisations and their dated names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from core.services import Refused, record_security_event
from organisations.enums import Kind
from organisations.models import Organisation, OrganisationName, User
from organisations.rules import PARENT_KINDS
from organisations.services.authority import require_keeper

# What may be set besides kind, code and name.
DETAILS = ("short_name", "parent", "division", "function", "issuing_code", "phone", "is_active")


@transaction.atomic
def create_organisation(
    *, kind: str, code: str, name: str, by: User | None, valid_from: date | None = None, **details: Any
) -> Organisation:
    """Create an organisation and open its first name row at `valid_from` (today). Raises `Refused`."""
    require_keeper(by)
    organisation = Organisation(kind=kind, code=code.strip(), name=name.strip(), **_known(details))
    _save(organisation)
    OrganisationName.objects.create(
        organisation=organisation, name=organisation.name, valid_from=valid_from or timezone.localdate()
    )
    record_security_event("account", user=by, what=f"新增机构 {organisation.code} {organisation.name}")
    return organisation


@transaction.atomic
def update_organisation(*, organisation: Organisation, by: User | None, **details: Any) -> Organisation:
    """Change anything but kind, code and name."""
    require_keeper(by)
    locked = Organisation.objects.select_for_update(of=("self",)).get(pk=organisation.pk)
    for field, value in _known(details).items():
        setattr(locked, field, value)
    _save(locked)
    record_security_event("account", user=by, what=f"修改机构 {locked.code} {locked.name}")
    return locked


@transaction.atomic
def rename_organisation(
    *, organisation: Organisation, name: str, by: User | None, valid_from: date | None = None
) -> Organisation:
    """Close the present name the day before `valid_from` (today) and open the new one.

    The same first day as the present name corrects that name instead. Raises `Refused` for a day in the future or
    before the present name began.
    """
    require_keeper(by)
    name, valid_from = name.strip(), valid_from or timezone.localdate()
    locked = Organisation.objects.select_for_update(of=("self",)).get(pk=organisation.pk)
    if name == locked.name:
        return locked
    if valid_from > timezone.localdate():
        raise Refused("新名称的启用日期不能晚于今天。", code="date_in_future")
    present = locked.names.filter(valid_to__isnull=True).order_by("-valid_from").first()
    if present and valid_from < present.valid_from:
        raise Refused(f"新名称的启用日期不能早于现名称的启用日期（{present.valid_from}）。", code="date_too_early")
    old = locked.name
    if present and valid_from == present.valid_from:
        present.name = name
        present.save(update_fields=["name"])
    else:
        if present:
            present.valid_to = valid_from - timedelta(days=1)
            present.save(update_fields=["valid_to"])
        OrganisationName.objects.create(organisation=locked, name=name, valid_from=valid_from)
    locked.name = name
    _save(locked)
    record_security_event("account", user=by, what=f"机构 {locked.code} 更名：{old} → {name}，{valid_from} 起")
    return locked


def _known(details: dict[str, Any]) -> dict[str, Any]:
    unknown = set(details) - set(DETAILS)
    if unknown:
        raise TypeError(f"unknown details: {sorted(unknown)}")
    return details


def _save(organisation: Organisation) -> None:
    parent_kind = organisation.parent.kind if organisation.parent else None
    if parent_kind not in PARENT_KINDS[organisation.kind]:
        raise Refused(wrong_parent(organisation.kind), code="WRONG_PARENT")
    try:
        organisation.full_clean(exclude=["initials", "sort_key"])
    except ValidationError as error:
        raise Refused("；".join(error.messages), code="invalid") from error
    organisation.save()


def wrong_parent(kind: str) -> str:
    """The sentence that says which parents a kind may have."""
    allowed = PARENT_KINDS[kind]
    words = "或".join(Kind(k).label for k in sorted(k for k in allowed if k is not None))
    if not words:
        return f"{Kind(kind).label}没有上级机构，请留空。"
    return f"{Kind(kind).label}的上级机构须为{words}{'，也可留空' if None in allowed else ''}。"
