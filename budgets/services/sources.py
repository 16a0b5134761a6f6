"""来源方案: which heading of a foreign file stands for which column, mapped once on screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from budgets.models import IMPORTERS, Source
from budgets.workbook import FORMS, names_account
from core.services import Refused, record_security_event


@transaction.atomic
def save_mapping(*, name: str, kind: str, mapping: Mapping[str, str], by: Any) -> Source:
    """Create the source or change its mapping (column key → heading; "" leaves a column out).

    Raises `Refused` for an unknown column, one heading for two columns, a heading that names an account number,
    or a required column without a heading.
    """
    if not by.role_set & IMPORTERS:
        raise Refused("只有绩效科和预算科可以维护来源方案。", code="role")
    name = name.strip()
    if not name:
        raise Refused("请填写来源名称。", code="name_missing")
    columns = {column.key: column for column in FORMS[kind].sheets[0].columns}
    chosen = {key: heading.strip() for key, heading in mapping.items() if heading.strip()}
    if unknown := set(chosen) - set(columns):
        raise Refused(f"没有这些列：{'、'.join(sorted(unknown))}。", code="unknown_column")
    for heading in chosen.values():
        if names_account(heading):
            raise Refused(f"“{heading}”是账号列，不得导入。", code="account")
    twice = {heading for heading in chosen.values() if list(chosen.values()).count(heading) > 1}
    if twice:
        raise Refused(f"同一表头不能对应两列：{'、'.join(sorted(twice))}。", code="heading_twice")
    missing = [column.label for key, column in columns.items() if column.required and key not in chosen]
    if missing:
        raise Refused(f"以下必需的列没有对应的表头：{'、'.join(missing)}。", code="column_missing")
    source, created = Source.objects.select_for_update().get_or_create(name=name[:60], defaults={"kind": kind})
    if not created and source.kind != kind:
        raise Refused(f"来源方案“{name}”已用于“{source.get_kind_display()}”，请换一个名称。", code="name_taken")
    source.mapping = {key: chosen.get(key, "") for key in columns}
    source.save()
    record_security_event("settings", user=by, what=f"保存来源方案 {source.name}")
    return source
