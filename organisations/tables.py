"""Columns and filters of the lists of organisations and users."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.utils import timezone

from core.lists import ChoiceColumn, CodeColumn, Column, DateColumn, LinkColumn, MarkColumn, MomentColumn, NumberColumn
from organisations.enums import Kind, Role
from organisations.models import Membership, Organisation, User


class OrganisationTable(tables.Table):
    code = CodeColumn("代码", order_by=["sort_key", "code"])
    name = LinkColumn("名称", route="organisation", keys={"pk": "pk"}, order_by=["initials", "name"])
    kind = ChoiceColumn("类型", choices=Kind)
    parent = Column("上级机构", accessor="parent__name", order_by=["parent__sort_key"])
    division = Column("归口科室", accessor="division__name", order_by=["division__sort_key"])
    units = NumberColumn("下属单位")
    phone = Column("联系电话", orderable=False)
    closed = MarkColumn("状态", mark="已停用", tone="grey", accessor="is_closed", orderable=False)


class PostsColumn(Column):
    """Today's memberships of a user: 机构 · 角色, deputies marked."""

    def text(self, value: list[Membership] | None) -> str:
        return (
            "；".join(
                f"{m.organisation} · {m.get_role_display()}{'（代理）' if m.deputy_for_id else ''}" for m in value or []
            )
            or "—"
        )

    def exported_value(self, value: list[Membership], row: Any) -> str:
        return self.text(value)


class UserTable(tables.Table):
    username = LinkColumn("用户名", route="user", keys={"pk": "pk"})
    full_name = Column("姓名")
    posts = PostsColumn("任职", accessor="shown", orderable=False)
    phone = Column("联系电话", orderable=False)
    last_login = MomentColumn("最近登录", nullable=True)
    password_changed_at = DateColumn("密码修改", nullable=True)
    closed = MarkColumn("状态", mark="已停用", tone="grey", accessor="is_closed", orderable=False)


def divisions(request: Any) -> QuerySet[Organisation]:
    """The choices of 归口科室; none while the schema is written, which asks without a request."""
    if request is None:
        return Organisation.objects.none()
    return Organisation.objects.visible_to(request.user).filter(kind=Kind.DIVISION)


class OrganisationFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(label="名称、代码、拼音首字母", method="search")
    kind = django_filters.ChoiceFilter(label="类型", choices=Kind.choices, empty_label="全部类型")
    division = django_filters.ModelChoiceFilter(
        label="归口科室",
        queryset=divisions,
        empty_label="全部科室",
    )

    class Meta:
        model = Organisation
        fields = ()

    def search(self, rows: QuerySet[Organisation], name: str, text: str) -> QuerySet[Organisation]:
        """Present and former names, the beginning of a code, pinyin initials."""
        former = Q(pk__in=Organisation.objects.filter(names__name__contains=text).values("pk"))
        return rows.filter(
            Q(name__contains=text) | Q(code__startswith=text) | Q(initials__startswith=text.lower()) | former
        )


class UserFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(label="用户名、姓名、电话、机构", method="search")
    role = django_filters.ChoiceFilter(label="角色", choices=Role.choices, empty_label="全部角色", method="holding")
    active = django_filters.ChoiceFilter(
        label="状态", choices=[("1", "在用"), ("0", "已停用")], empty_label="全部状态", method="switched"
    )

    class Meta:
        model = User
        fields = ()

    def search(self, rows: QuerySet[User], name: str, text: str) -> QuerySet[User]:
        there = Membership.objects.in_force(timezone.localdate()).filter(organisation__name__contains=text)
        return rows.filter(
            Q(username__startswith=text)
            | Q(full_name__contains=text)
            | Q(phone__startswith=text)
            | Q(pk__in=there.values("user"))
        )

    def holding(self, rows: QuerySet[User], name: str, role: str) -> QuerySet[User]:
        held = Membership.objects.in_force(timezone.localdate()).filter(role=role)
        return rows.filter(pk__in=held.values("user"))

    def switched(self, rows: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        return rows.filter(is_active=value == "1")
