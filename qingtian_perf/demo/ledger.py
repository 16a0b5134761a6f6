"""Invents the ledgers: budget lines with their 指标, and vouchers that follow one of several curves. Deterministic."""

from __future__ import annotations

import calendar
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from budgets.enums import EntryKind, FundLevel
from qingtian_perf.demo.projects import WAN, Project
from qingtian_perf.demo.slow import Outcome, Slow

_SYNTHETIC = "演示数据"
_STEP = 100 * 100
_EXEMPT_FUND = "国有资本经营预算"
_ECONOMIC = {"工程": "31005", "公路": "31005", "购置": "31003", "补助": "30399", "补贴": "30399", "维修": "30213"}
_DOCUMENTS = {
    "CZ05": "行",
    "CZ06": "教",
    "CZ07": "建",
    "CZ08": "农",
    "CZ09": "社",
    "CZ10": "企",
    "CZ11": "资",
    "CZ12": "乡",
}


class Entry(NamedTuple):
    """A line of money in fen, signed by its effect."""

    key: str
    project_code: str
    kind: str
    amount: int
    date: date
    line: Line
    summary: str
    economic_code: str = ""


@dataclass
class Line:
    """One 指标 line of a project-year; `start` is the month from which it can be spent.

    A `lagging` line is a small rest that nobody hurries to spend: below the amount from which a recovery is worth it.
    """

    allocation: str
    vintage: int
    fund_source: str
    fund_level: str
    function_code: str
    budget: list[tuple[str, int, date]] = field(default_factory=list)
    start: int = 1
    lagging: bool = False

    @property
    def adjusted(self) -> int:
        return sum(amount for _, amount, _ in self.budget)


@dataclass
class Curve:
    """Share of the line that is spent by the end of September, of October and of December, in ten-thousandths."""

    september: int
    october: int
    december: int


def budget_lines(project: Project, year: int, slow: Slow | None = None) -> list[Line]:
    """The 指标 lines of a project in one year; together they make up its 全年预算."""
    chance = random.Random(f"budget {year} {project.code}")  # noqa: S311
    amount = slow.adjusted if slow else project.amounts[year]
    own = _line(chance, project, year)
    draw = chance.random()
    first = date(year, 1, 1)
    if slow and not slow.decomposed:
        own.allocation = ""
    if slow and own.fund_source == _EXEMPT_FUND:
        own.fund_source = "一般公共预算"
    if slow or draw < 0.58 or amount < 5 * WAN:
        own.budget = [(EntryKind.INITIAL, amount, first)]
        return [own]
    if draw < 0.62:
        own.allocation = ""
        own.budget = [(EntryKind.INITIAL, amount, first)]
        return [own]
    part = amount * chance.randint(12, 38) // 100 // _STEP * _STEP
    own.budget = [(EntryKind.INITIAL, amount - part, first)]
    if draw < 0.75 and project.start_year < year:
        lagging = draw < 0.645
        part = chance.randint(40, 150) * _STEP if lagging else part
        own.budget = [(EntryKind.INITIAL, amount - part, first)]
        carried = _other(own, f"{own.allocation}（结转）", vintage=year - 1)
        carried.lagging = lagging
        carried.budget = [(EntryKind.CARRIED_OVER, part, first)]
        return [own, carried]
    if draw < 0.85:
        day = _day(chance, year, chance.randint(3, 7))
        letter = _DOCUMENTS[project.department.division]
        added = _other(own, f"青财{letter}〔{year}〕{chance.randint(30, 190)}号", start=day.month + 1)
        added.budget = [(EntryKind.SUPPLEMENT, part, day)]
        return [own, added]
    if draw < 0.93:
        letter = _DOCUMENTS[project.department.division]
        higher = _other(own, f"浙财{letter}〔{year - 1}〕{chance.randint(40, 99)}号", level=FundLevel.HIGHER)
        higher.budget = [(EntryKind.INITIAL, part, first)]
        return [own, higher]
    # Cut or raised within one line during the year.
    day = _day(chance, year, chance.randint(5, 8))
    if draw < 0.97:
        own.budget = [(EntryKind.INITIAL, amount + part, first), (EntryKind.REDUCTION, -part, day)]
    else:
        own.budget = [(EntryKind.INITIAL, amount - part, first), (EntryKind.TRANSFER_IN, part, day)]
    return [own]


def _line(chance: random.Random, project: Project, year: int) -> Line:
    draw = chance.random()
    fund = "一般公共预算" if draw < 0.86 else "政府性基金预算" if draw < 0.96 else _EXEMPT_FUND
    number = int(project.department.division[2:])
    allocation = f"青财预〔{year}〕{number}号"
    level = FundLevel.HIGHER if chance.random() < 0.06 else FundLevel.OWN
    return Line(allocation, year, fund, level, project.function_code)


def _other(
    line: Line, allocation: str, *, vintage: int | None = None, level: str | None = None, start: int = 1
) -> Line:
    return Line(
        allocation, vintage or line.vintage, line.fund_source, level or line.fund_level, line.function_code, start=start
    )


def budget_entries(project: Project, lines: list[Line]) -> Iterator[Entry]:
    """One entry for each change of the budget."""
    number = 0
    for line in lines:
        for kind, amount, day in line.budget:
            number += 1
            key = f"{line.vintage}-{project.code}-{number:02}"
            label = f"{_SYNTHETIC}：{EntryKind(kind).label}"
            yield Entry(key, project.code, kind, amount, day, line, label)


def curve(project: Project, year: int, *, late: bool = False) -> Curve:
    """How fast a project spends. Outside the slow ones nobody is below half at the end of September by chance."""
    chance = random.Random(f"curve {year} {project.code}")  # noqa: S311
    if late:
        september = chance.randint(5050, 5500)
        october = min(september + chance.randint(80, 420), 5940)
        return Curve(september, october, october)  # held back until the second decision
    if project.marks and chance.random() < 0.45:
        september = chance.randint(1500, 4800)
        return Curve(september, september + chance.randint(100, 1500), chance.randint(7800, 10_000))
    september = chance.randint(5300, 8400)
    october = max(september + chance.randint(150, 1300), 6150)
    whole = chance.random() < 0.45
    return Curve(september, october, 10_000 if whole else max(chance.randint(8300, 10_000), october))


def vouchers(project: Project, year: int, lines: list[Line], spend: Curve, slow: Slow | None = None) -> Iterator[Entry]:
    """The year's payments of a project, with a refund here and there; never more than the line's budget."""
    chance = random.Random(f"vouchers {year} {project.code}")  # noqa: S311
    economic = next((code for word, code in _ECONOMIC.items() if word in project.name), "30227")
    number = 0
    for line in lines:
        if slow:
            september = line.adjusted - slow.remaining
            after = slow.must_pay if slow.outcome is not Outcome.DROPPED else slow.remaining
            october, december = september + after * 2 // 3 // _STEP * _STEP, september + after
        elif line.lagging:
            september = october = line.adjusted * 45 // 100
            december = line.adjusted
        else:
            september, october, december = (
                line.adjusted * share // 10_000 for share in (spend.september, spend.october, spend.december)
            )
        for month, amount in _by_month(chance, line.start, september, october, december):
            for part, day in _parts(chance, year, month, amount):
                number += 1
                key = f"GK{year}{project.code[8:]}{number:03}-1"
                summary = f"{_SYNTHETIC}：支付{project.name}"[:200]
                yield Entry(key, project.code, EntryKind.PAYMENT, part, day, line, summary, economic)
        if not slow and september > 4 * WAN and chance.random() < 0.04:
            # Paid twice by mistake and given back: nothing remains of it.
            month, back = chance.randint(line.start, 8), chance.randint(20, 190) * 100 * 100
            number += 1
            key = f"GK{year}{project.code[8:]}{number:03}-1"
            day = _day(chance, year, month, 2, 12)
            yield Entry(key, project.code, EntryKind.PAYMENT, back, day, line, f"{_SYNTHETIC}：重复支付", economic)
            key, day = key.replace("GK", "TK"), _day(chance, year, month, 14, 28)
            yield Entry(key, project.code, EntryKind.REFUND, -back, day, line, f"{_SYNTHETIC}：支付退回", economic)


def _by_month(
    chance: random.Random, start: int, september: int, october: int, december: int
) -> Iterator[tuple[int, int]]:
    """(month, amount) with the given sums at the end of September, October and December."""
    months = list(range(min(start, 9), 10))
    style = chance.random()
    if style < 0.25:
        months = [m for m in months if m % 3 == 0]
    elif style < 0.5:
        months = sorted(chance.sample(months, min(len(months), chance.randint(2, 4))))
    weights = [chance.randint(30, 100) for _ in months]
    left = september
    for month, weight in zip(months[:-1], weights, strict=False):
        amount = september * weight // sum(weights)
        left -= amount
        if amount:
            yield month, amount
    if left:
        yield months[-1], left
    if october > september:
        yield 10, october - september
    if december > october:
        november = (december - october) * chance.randint(25, 70) // 100 // _STEP * _STEP
        if november:
            yield 11, november
        yield 12, december - october - november


def _parts(chance: random.Random, year: int, month: int, amount: int) -> Iterator[tuple[int, date]]:
    if amount > 30 * WAN and chance.random() < 0.5:
        first = amount * chance.randint(20, 80) // 100
        yield first, _day(chance, year, month, 1, 14)
        amount -= first
    yield amount, _day(chance, year, month, 3)


def _day(chance: random.Random, year: int, month: int, earliest: int = 1, latest: int = 31) -> date:
    last = calendar.monthrange(year, month)[1]
    return date(year, month, chance.randint(earliest, min(latest, last)))
