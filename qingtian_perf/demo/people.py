"""The demonstration accounts: one for each role to show, and a 填报岗 and a 审核岗 for every department and unit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction

from core.services import record_security_event
from organisations.enums import DivisionFunction, Role
from organisations.models import Membership, Organisation, User
from qingtian_perf.demo.county import AGENCIES, BUREAU_CODE, DEPARTMENTS, DIVISIONS
from qingtian_perf.demo.places import FOUNDED

# Documented in the README and printed in the terminal; it opens nothing but invented rows.
PASSWORD = "Qingtian-Demo-2023"  # noqa: S105
# A shared password that everybody may read gains nothing by ageing; the real rule is 90 days.
NEVER_AGES = datetime(2099, 12, 31, tzinfo=UTC)

_SURNAMES = "陈林叶徐周吴王张李刘季夏詹郭孙朱邹留杨蒋金项厉裘洪程潘胡郑黄"
_GIVEN = (
    "建国 晓燕 志强 丽华 海波 伟平 秀英 国庆 雪芬 永明 素珍 立新 慧敏 文斌 春兰 旭东 美玲 景文 爱武 青云 少华 小芳 "
    "一鸣 若曦 浩然 佳怡 思远 梦洁 宇航 子涵 建平 红梅 培军 锦绣 光耀 月娥 仁杰 静怡 振华 彩虹"
)


@dataclass(frozen=True)
class Person:
    """One account and the roles it holds: (role, organisation code)."""

    username: str
    roles: tuple[tuple[str, str], ...]


def _bureau() -> Iterator[Person]:
    for division in DIVISIONS:
        if division.function == DivisionFunction.PERFORMANCE:
            # Its two people may each do any step.
            yield Person(division.login, ((Role.PERFORMANCE_SECTION, division.code),))
            yield Person(f"{division.login}2", ((Role.PERFORMANCE_SECTION, division.code),))
        elif division.function == DivisionFunction.BUDGET:
            yield Person(division.login, ((Role.BUDGET_DIVISION, division.code),))
        else:
            yield Person(division.login, ((Role.DIVISION_OFFICER, division.code),))
    yield Person("juzhang", ((Role.LEADER, BUREAU_CODE),))
    yield Person("zhuanjia", ((Role.EXPERT, BUREAU_CODE),))
    yield Person("jigou", ((Role.AGENCY, AGENCIES[0][0]),))
    yield Person("jigou2", ((Role.AGENCY, AGENCIES[1][0]),))
    yield Person("xitong", ((Role.SYSTEM_ADMIN, BUREAU_CODE),))
    yield Person("anquan", ((Role.SECURITY_ADMIN, BUREAU_CODE),))
    yield Person("shenji", ((Role.AUDIT_ADMIN, BUREAU_CODE),))


def filler(code: str) -> str:
    """User name of the 填报岗 at the department or unit with this code."""
    return f"tianbao{code}"


def reviewer(code: str) -> str:
    """User name of the 审核岗 at the department or unit with this code."""
    return f"shenhe{code}"


def people() -> Iterator[Person]:
    """Every demonstration account."""
    yield from _bureau()
    for department in DEPARTMENTS:
        code = department.code
        yield Person(filler(code), ((Role.UNIT_FILLER, code),))
        yield Person(reviewer(code), ((Role.UNIT_REVIEWER, code), (Role.DEPARTMENT_REVIEWER, code)))
        for unit, _ in department.units:
            yield Person(filler(unit), ((Role.UNIT_FILLER, unit),))
            yield Person(reviewer(unit), ((Role.UNIT_REVIEWER, unit),))


@transaction.atomic
def create_people() -> int:
    """Create all accounts; returns how many (0 where they exist).

    The one place that does not go through `organisations.services`: those hash each password for itself and ask for
    a new one at the first login, which for hundreds of accounts with one shared password takes minutes.
    """
    wanted = list(people())
    if User.objects.filter(username=wanted[0].username).exists():
        return 0
    given = _GIVEN.split()
    invent, password = random.Random(20230101), make_password(PASSWORD)  # noqa: S311 - names, not secrets
    users = User.objects.bulk_create(
        User(
            username=person.username,
            full_name=invent.choice(_SURNAMES) + invent.choice(given),
            password=password,
            password_changed_at=NEVER_AGES,
        )
        for person in wanted
    )
    places = dict(Organisation.objects.values_list("code", "pk"))
    Membership.objects.bulk_create(
        Membership(user=user, organisation_id=places[code], role=role, valid_from=FOUNDED)
        for user, person in zip(users, wanted, strict=True)
        for role, code in person.roles
    )
    record_security_event("account", what=f"载入演示账号 {len(users)} 个")
    return len(users)


def accounts() -> list[tuple[str, str, str, str]]:
    """The accounts to show in the terminal and the README: (role, user name, password, what to try)."""
    shown = (
        ("绩效科", "jixiao", "导入数据、推算收回、会审、印发通知"),
        ("绩效科（第二人）", "jixiao2", "与上一账号可互办各环节，系统提示不拦截"),
        ("预算科", "yusuan", "会审、执行收回"),
        ("归口科室（教科文科）", "jiaokewen", "对归口项目提出收回意见"),
        ("局领导", "juzhang", "查看全县项目与收回情况"),
        ("部门审核岗（文化和广电旅游体育局）", reviewer("215"), "回复征求意见、申报本年必须支付、查看告知单"),
        ("单位填报岗（文化和广电旅游体育局）", filler("215"), "查看本单位项目与拟收回情况"),
        ("单位审核岗（青田县博物馆）", reviewer("215004"), "回复征求意见（已逾期一项）"),
        ("专家", "zhuanjia", "仅见受邀事项"),
        ("第三方机构", "jigou", "仅见受托事项"),
        ("系统管理员", "xitong", "后台作业与运行情况"),
        ("安全管理员", "anquan", "机构、用户与任职"),
        ("审计管理员", "shenji", "安全日志"),
    )
    return [(label, username, PASSWORD, hint) for label, username, hint in shown]
