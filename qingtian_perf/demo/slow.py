"""Shapes the slow projects of 2023: how much was left unspent, what the unit said, what the review made of it.

Only here is a total given, to spread it over the budgets; everything the system later shows is worked out from rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from budgets.enums import ProjectCategory
from qingtian_perf.demo.projects import REPORTED, WAN, Project, scaled

YEAR = 2023
# 结果应用 in the county's report of 2023: 收回财政统筹, 万元.
_RECOVERED = 1197
_STEP = 100 * 100  # the rule rounds down to 100 yuan
# Departments with slow projects; those of the last group gave reasons for all of theirs.
_CONCERNED = (
    "203 216 211 212 213 214 209 210 206 208 202 201 220 215 218 205 204 207 217 256 252 253 259 304 306 305 301 "
    "338 313"
)
_ALL_JUSTIFIED = ("120", "222")
# Projects that are on their way at the end of September and look slow a month later: material for the second run.
_LATE = "202 204 205 207 212 213 215 219 223 230 251 257 302 303 307 309 316 324 330 335"


class Outcome(Enum):
    KEPT = "收回"
    REDUCED = "减少"
    DROPPED = "不收回"


@dataclass(frozen=True)
class Slow:
    """One slow project: amounts in fen. remaining = final + must_pay + some change that the rounding drops."""

    project: Project
    outcome: Outcome
    adjusted: int
    remaining: int
    final: int
    must_pay: int
    reason: str
    evidence: str
    decomposed: bool = True


_OBJECTIONS = (
    ("合同已签订，设备已到货待验收，年内须按合同支付尾款", "政府采购合同及到货签收单，存{unit}财务室"),
    ("工程已完工，结算审核已出具初稿，年内须支付进度款", "施工合同、工程形象进度表及监理意见，存{unit}项目档案"),
    ("服务期至年底，须按季支付第四季度服务费", "服务合同及前三季度考核表，存{unit}办公室"),
    ("补助对象已公示，名单经部门会议审定，年内须兑付到户", "公示名单及会议纪要，存{unit}业务科"),
    ("中标单位已进场施工，须支付预付款和农民工工资", "中标通知书、开工令及工资专户通知，存{unit}项目部"),
)
AGREEMENTS = (
    "项目前期进展缓慢，年内无法形成支出，同意收回。",
    "招标后有结余资金，同意收回财政统筹。",
    "政策调整，补助对象减少，同意收回结余。",
    "项目已完工结算，余额不再使用，同意收回。",
    "受用地审批影响项目推迟实施，同意收回，下年度另行申报。",
)


def plan_slow(projects: list[Project]) -> dict[str, Slow]:
    """Code of project → how it is shaped, for fiscal 2023."""
    chance = random.Random("slow projects of 2023")  # noqa: S311
    named = {row[1] for row in REPORTED}
    chosen: list[tuple[Project, Outcome]] = []
    for number, code in enumerate((*_CONCERNED.split(), *_ALL_JUSTIFIED)):
        able = [p for p in projects if p.department.code == code and _may_be_slow(p) and p.name not in named]
        if code in _ALL_JUSTIFIED:
            outcomes = [Outcome.DROPPED]
        elif number % 3 == 0:
            outcomes = [Outcome.KEPT, Outcome.REDUCED]
        elif number % 3 == 1:
            outcomes = [Outcome.KEPT, Outcome.DROPPED]
        else:
            outcomes = [Outcome.KEPT, Outcome.REDUCED, Outcome.DROPPED]
        chosen += zip(chance.sample(able, len(outcomes)), outcomes, strict=True)
    taken = [index for index, (_, outcome) in enumerate(chosen) if outcome is not Outcome.DROPPED]
    weights = [min(max(int(1000 * chance.lognormvariate(0, 0.65)), 350), 3600) for _ in taken]
    finals = dict(zip(taken, scaled(weights, _RECOVERED * WAN, _STEP), strict=True))
    return {
        project.code: _shape(chance, project, outcome, finals.get(index, 0))
        for index, (project, outcome) in enumerate(chosen)
    }


def plan_late(projects: list[Project], slow: dict[str, Slow]) -> set[str]:
    """Codes of projects that only the second look, at the end of October, finds slow."""
    chance = random.Random("late projects of 2023")  # noqa: S311
    able = [p for p in projects if _may_be_slow(p) and p.code not in slow and p.department.code in _LATE.split()]
    return {p.code for p in chance.sample([p for p in able if p.amounts[YEAR] >= 15 * WAN], 26)}


def _may_be_slow(project: Project) -> bool:
    return (
        YEAR in project.amounts
        and not project.marks
        and project.category in (ProjectCategory.OTHER_OPERATION, ProjectCategory.SPECIFIC)
    )


def _shape(chance: random.Random, project: Project, outcome: Outcome, final: int) -> Slow:
    must_pay, reason, evidence = 0, chance.choice(AGREEMENTS), ""
    if outcome is Outcome.REDUCED:
        must_pay = max(final * chance.randint(15, 60) // 100 // _STEP * _STEP, 2 * WAN)
    elif outcome is Outcome.DROPPED:
        must_pay = chance.randint(40, 600) * 1_000 * 100
    if must_pay:
        reason, evidence = chance.choice(_OBJECTIONS)
    remaining = final + must_pay + chance.randrange(_STEP) * (chance.random() < 0.8)
    spent = 0 if chance.random() < 0.15 else chance.randint(4, 46)
    adjusted = -(-remaining * 100 // (100 - spent) // 100_000) * 100_000
    if final:
        # Clearly slow: a small payment more or less does not lift it over the rule's half.
        adjusted = min(adjusted, 2 * (remaining - 2 * WAN) // 100_000 * 100_000)
    return Slow(
        project=project,
        outcome=outcome,
        adjusted=max(adjusted, remaining),
        remaining=remaining,
        final=final,
        must_pay=must_pay,
        reason=reason,
        evidence=evidence,
        decomposed=outcome is not Outcome.DROPPED or chance.random() < 0.7,
    )
