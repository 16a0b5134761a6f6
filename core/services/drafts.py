"""Autosave: what a person is typing into a form, right or wrong, as text. No history event, no version step.

One row for each user and form. A form that was handed in leaves its row behind without fields: `base_version` then
says from which version on typing may be kept, so an autosave still under way cannot bring the old text back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.models import Draft
from core.services.moving import Refused

# A control's text; several for check boxes and lists of choices.
Fields = dict[str, str | list[str]]

# The form's name and the numbers of its object: opinion:15, self_evaluation:2023:15.
FORM_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}(:[0-9]{1,18}){1,3}")
MAX_NAMES = 5_000
MAX_NAME = 100
MAX_CHARACTERS = 500_000
# Far more forms than one person has open in a year; a script gone wrong stops here.
MAX_DRAFTS = 500
MAX_VERSION = 2**31 - 1


@dataclass(frozen=True)
class OpenForm:
    """A form as one person has it open: its key, the object's version, and what was kept of earlier typing.

    `base_version` is the version that the kept text was typed against; both it and `saved_at` are None without one.
    """

    form: str
    version: int
    fields: Fields = field(default_factory=dict)
    base_version: int | None = None
    saved_at: datetime | None = None

    @property
    def is_stale(self) -> bool:
        """The object went on after the text was typed."""
        return self.base_version is not None and self.base_version < self.version


def load(*, by: Any, form: str, version: int) -> OpenForm:
    """The form with the person's own kept text, for an object that stands at `version`. One query."""
    row = Draft.objects.filter(user=by, form=form).first()
    if row is None or not row.fields:
        return OpenForm(form, version)
    return OpenForm(form, version, row.fields, row.base_version, row.saved_at)


@transaction.atomic
def save(*, by: Any, form: str, base_version: int, fields: Mapping[str, Any]) -> datetime:
    """Keep `fields`, typed against `base_version`, in place of what was kept before; returns when.

    Raises `Refused`: `form` for a malformed key, `fields` for something else than texts, `too_large`, `too_many`,
    and `stale` where newer typing is kept or the form has been handed in meanwhile.
    """
    if not FORM_KEY.fullmatch(form):
        raise Refused("没有这样的表单，草稿未保存。", code="form")
    if not 0 <= base_version <= MAX_VERSION:
        raise Refused("表单版本不正确，草稿未保存。", code="version")
    kept = _texts(fields)
    row, created = Draft.objects.select_for_update().get_or_create(
        user=by, form=form, defaults={"base_version": base_version, "fields": kept}
    )
    if created:
        if Draft.objects.filter(user=by).exclude(fields={}).count() > MAX_DRAFTS:
            raise Refused(f"未提交的草稿已有 {MAX_DRAFTS} 份，请先提交后再填写新的表单。", code="too_many")
        return row.saved_at
    if base_version < row.base_version:
        raise Refused("该表单已在别处提交或更新，请重新打开本页；您填写的内容仍在页面上。", code="stale")
    row.base_version, row.fields = base_version, kept
    row.save(update_fields=["base_version", "fields", "saved_at"])
    return row.saved_at


def discard(*, by: Any, form: str, version: int) -> None:
    """Forget the typing: the form was handed in, and the object went on to `version`. Called in the same transaction.

    The row stays, without fields: an autosave sent a moment before may arrive after this.
    """
    Draft.objects.filter(user=by, form=form).update(base_version=version, fields={}, saved_at=timezone.now())


def _texts(fields: Mapping[str, Any]) -> Fields:
    """Only names with a text or a list of texts, within the limits, without what PostgreSQL cannot store."""
    if not isinstance(fields, Mapping) or not all(_is_text(value) for value in fields.values()):
        raise Refused("草稿内容不正确，未保存。", code="fields")
    if len(fields) > MAX_NAMES or any(len(name) > MAX_NAME for name in fields):
        raise Refused("表单栏目过多，草稿未保存。", code="too_large")
    kept: Fields = {
        _storable(name): [_storable(one) for one in value] if isinstance(value, list) else _storable(value)
        for name, value in fields.items()
    }
    size = sum(sum(map(len, value)) if isinstance(value, list) else len(value) for value in kept.values())
    if size > MAX_CHARACTERS or any(len(value) > MAX_NAMES for value in kept.values() if isinstance(value, list)):
        raise Refused(f"填写内容超过 {MAX_CHARACTERS // 10_000} 万字，草稿未保存，请精简。", code="too_large")
    return kept


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
