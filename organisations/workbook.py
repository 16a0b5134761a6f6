"""The two workbooks, declared: 机构 and 用户 (one row per membership)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from core.workbooks import BOOLEAN, CHOICE, CODE, DATE, Column, Form, Sheet
from organisations.enums import DivisionFunction, Kind, Role
from organisations.models import Membership, Organisation, User

ORGANISATION_SHEET = "机构"
USER_SHEET = "用户"

ORGANISATIONS = Form(
    "QT-ORGANISATIONS",
    1,
    "机构表",
    [
        Sheet(
            ORGANISATION_SHEET,
            [
                Column("code", "代码", CODE, required=True, max_length=38, aliases=["机构代码", "单位代码"]),
                Column("name", "名称", required=True, max_length=150, aliases=["机构名称", "单位名称"]),
                Column("kind", "类型", CHOICE, required=True, choices=Kind.choices, aliases=["机构类型"]),
                Column("parent", "上级代码", CODE, help="预算单位填其主管部门的代码", aliases=["主管部门代码"]),
                Column("division", "归口科室", help="填科室代码或名称", max_length=150, aliases=["归口业务科室"]),
                Column("function", "职能", CHOICE, choices=DivisionFunction.choices, help="仅科室填写"),
                Column("short_name", "简称", max_length=60),
                Column("issuing_code", "机关代字", max_length=20, help="仅财政局填写，如 青财绩效"),
                Column("phone", "电话", max_length=40, aliases=["联系电话"]),
                Column("valid_from", "启用日期", DATE, help="现名称自哪天起用；更名时填新名称的启用日期"),
                Column("is_active", "在用", BOOLEAN, help="撤并的机构填“否”；不填为“是”"),
            ],
            key=["code"],
            total_row="forbidden",
        )
    ],
    instructions=[
        "一行一个机构，按代码识别：代码已存在的更新，不存在的新增；表中没有的机构不受影响。",
        "已有代码的名称与系统不同即为更名，旧名称自启用日期前一日停用，旧表单仍打印当时的名称。",
        "有任何一处错误，整表不导入。",
    ],
)

USERS = Form(
    "QT-USERS",
    1,
    "用户表",
    [
        Sheet(
            USER_SHEET,
            [
                Column("username", "用户名", CODE, required=True, max_length=60, aliases=["登录名", "账号"]),
                Column("full_name", "姓名", required=True, max_length=60),
                Column("phone", "电话", max_length=40, aliases=["联系电话"]),
                Column("email", "邮箱", CODE, max_length=254, aliases=["电子邮箱"]),
                Column("organisation", "机构代码", CODE, max_length=38, aliases=["单位代码"]),
                Column("role", "角色", CHOICE, choices=Role.choices, aliases=["岗位"]),
                Column("valid_from", "起始", DATE, aliases=["起始日期"], help="不填为导入当日"),
                Column("valid_to", "截止", DATE, aliases=["截止日期"], help="不填为长期"),
            ],
            key=["username", "organisation", "role"],
            total_row="forbidden",
        )
    ],
    instructions=[
        "一行一个任职；一人多个角色填多行，姓名、电话、邮箱须一致。机构代码和角色同时填写，或都不填。",
        "用户名已存在的更新，不存在的新增并生成临时密码（只显示一次）；表中没有的用户和任职不受影响。",
        "有任何一处错误，整表不导入。",
    ],
)


def organisation_rows(organisations: QuerySet[Organisation]) -> Iterator[dict[str, Any]]:
    """The present organisations as the template shows them, parents before members."""
    rows = organisations.select_related("parent", "division").prefetch_related("names")
    for row in rows.order_by("sort_key", "code"):
        names = [n.valid_from for n in row.names.all() if n.valid_to is None]
        yield {
            "code": row.code,
            "name": row.name,
            "kind": row.kind,
            "parent": row.parent.code if row.parent else None,
            "division": row.division.code if row.division else None,
            "function": row.function,
            "short_name": row.short_name,
            "issuing_code": row.issuing_code,
            "phone": row.phone,
            "valid_from": max(names, default=None),
            "is_active": row.is_active,
        }


def user_rows(users: QuerySet[User]) -> Iterator[dict[str, Any]]:
    """Active users, one row per membership in one's own right; a user without any has one row."""
    own = Membership.objects.filter(deputy_for__isnull=True, user__in=users).select_related("organisation")
    by_user: dict[int, dict[tuple[int, str], Membership]] = {}
    for membership in own.order_by("valid_from"):
        # The same role held again later: the latest period stands for it.
        by_user.setdefault(membership.user_id, {})[membership.organisation_id, membership.role] = membership
    for user in users.filter(is_active=True).order_by("username"):
        person = {"username": user.username, "full_name": user.full_name, "phone": user.phone, "email": user.email}
        memberships = by_user.get(user.pk, {}).values()
        for m in memberships:
            yield person | {
                "organisation": m.organisation.code,
                "role": m.role,
                "valid_from": m.valid_from,
                "valid_to": m.valid_to,
            }
        if not memberships:
            yield person
