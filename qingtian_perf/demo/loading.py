"""Loads the demonstration year step by step; each step is done once, whole or not at all, so a killed load goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection

from budgets.models import LedgerEntry, Project, ProjectYear
from core.services import Refused
from organisations.enums import Kind
from organisations.models import Organisation, User
from qingtian_perf.demo import recovery
from qingtian_perf.demo.books import import_2022, import_to_cut_off
from qingtian_perf.demo.county import BUREAU_CODE
from qingtian_perf.demo.people import create_people
from qingtian_perf.demo.places import create_organisations
from qingtian_perf.demo.projects import FISCAL_YEARS

# The keys of the answer; where a load is refused, all but `created` and `errors` are unknown.
ANSWER = (
    "projects",
    "projects_by_year",
    "project_codes",
    "departments",
    "users",
    "entries",
    "created",
    "errors",
)
_LOCK = 0x71746465

# In the order in which the county would have done it.
_STEPS: tuple[tuple[str, Callable[[], int]], ...] = (
    ("机构", create_organisations),
    ("用户", create_people),
    ("2022 年度项目与流水", import_2022),
    ("2023 年度项目与流水（截至 9 月 30 日）", import_to_cut_off),
    ("收回规则与测算（截至 9 月 30 日）", recovery.run_first),
    ("征求意见", recovery.ask_for_opinions),
    ("单位、部门和科室意见", recovery.give_opinions),
    ("提交会审", recovery.submit_to_review),
    ("会审", recovery.review),
    ("决定收回", recovery.decide),
    ("预算科确认执行", recovery.execute_by_hand),
    ("2023 年度流水（截至 10 月 31 日）", recovery.import_october),
    ("按导入流水认定执行", recovery.match_imported),
    ("通知与告知单", recovery.send_notice),
    ("收回规则与测算（截至 10 月 31 日）", recovery.run_second),
    ("第二次征求意见（办理中）", recovery.leave_second_open),
    ("2023 年度流水（截至 12 月 31 日）", recovery.import_year_end),
)


def _refuse_other_databases() -> None:
    """Raise `Refused` unless this process works on the demonstration database."""
    name = getattr(settings, "DATABASE", "")
    if name != "demo":
        raise Refused(
            f"演示数据只能载入演示数据库（demo），当前数据库为 {name or '正式环境数据库'}，未写入任何内容。",
            code="not_demo",
        )


def _refuse_real_bureau() -> None:
    """Raise `Refused` where the database has rows of a real bureau: invented ones must never mix with them."""
    marked = Organisation.objects.filter(code=BUREAU_CODE).exists()
    if not marked and (Organisation.objects.exists() or User.objects.exists()):
        raise Refused("该数据库已有正式机构或用户，不能载入演示数据，未写入任何内容。", code="not_empty")


def load(say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Load what is not there yet; returns the counts of what there is and `created`. Raises `Refused`.

    `projects` counts 年度项目, as the project list and `compute_recovery` do.
    """
    _refuse_other_databases()
    created = 0
    with _alone():
        _refuse_real_bureau()
        for label, step in _STEPS:
            made = step()
            created += made
            say(f"{label}：新建 {made}")
    by_year = {year: ProjectYear.objects.of_year(year).count() for year in FISCAL_YEARS}
    return {
        "projects": sum(by_year.values()),
        "projects_by_year": {str(year): count for year, count in by_year.items()},
        "project_codes": Project.objects.count(),
        "departments": Organisation.objects.filter(kind=Kind.DEPARTMENT).count(),
        "users": User.objects.count(),
        "entries": LedgerEntry.objects.count(),
        "created": created,
        "errors": [],
    }


@contextmanager
def _alone() -> Iterator[None]:
    """One load at a time: a second one waits and finds everything done. A killed one gives the lock back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
