"""Invents the projects of fiscal 2022 and 2023: names, codes, categories, marks, yearly amounts. Deterministic."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from budgets.enums import ProjectCategory
from qingtian_perf.demo.county import DEPARTMENTS, MOF_DIV_CODE, Department
from qingtian_perf.demo.fields import FIELDS, ROADS, TOWNSHIPS, VILLAGES

FISCAL_YEARS = (2022, 2023)
WAN = 10_000 * 100  # 万元 in fen: the generator counts in whole fen
# How many candidates per project that a department shall have in one year: some run in one of the two years only.
_POOL = 1.33
_LETTERS: dict[str, str] = {
    ProjectCategory.PERSONNEL: "R",
    ProjectCategory.PUBLIC_FUNDS: "Y",
    ProjectCategory.OTHER_OPERATION: "Y",
    ProjectCategory.SPECIFIC: "T",
}
_BUILDING = ("工程", "建设", "改造", "扩建", "整治", "治理", "公路")
_RUNNING = ("经费", "运行", "维护", "运维", "物业", "租赁", "服务", "保洁", "养护", "培训")
# Median amount of a project by field, 万元; others 45.
_MEDIANS = {"township": 17, "party": 16, "masses": 14, "works": 95, "road": 105, "water": 90, "industry": 85}

# The projects that the county's report names: department, name, years, 万元, marks.
REPORTED: tuple[tuple[str, str, tuple[int, ...], int, tuple[str, ...]], ...] = (
    ("203", "校园卫生专业技术服务", (2022, 2023), 428, ()),
    ("202", "规上企业加班追产补贴", (2022, 2023), 655, ()),
    ("304", "温溪镇汛桥公共停车场新建工程", (2023,), 320, ("债券",)),
    ("203", "温溪一中新建工程", (2023,), 2600, ("债券",)),
    ("214", "未来乡村共同富裕新型基础设施及配套建设补短板工程（一期）", (2023,), 3150, ("债券",)),
)
# The departments whose self-evaluations of 2022 were sampled in 2023.
SAMPLED_DEPARTMENTS = ("220", "113", "114", "201", "210", "216", "217", "231", "214", "313", "338")
# Areas of the key evaluations by the bureau: education, the elderly, environment, science, public culture.
_KEY_AREAS = (("203", 1), ("206", 2), ("210", 1), ("204", 1), ("215", 2))


@dataclass
class Project:
    """A project for life; `amounts` has its 全年预算 in fen for each fiscal year it runs in."""

    code: str
    name: str
    unit: str
    department: Department
    category: str
    marks: tuple[str, ...]
    start_year: int
    term: int
    function_code: str
    amounts: dict[int, int]
    key_years: set[int] = field(default_factory=set)
    sampled: bool = False


def scaled(values: Sequence[int], total: int, step: int) -> list[int]:
    """`values` in proportion, in multiples of `step`, adding up to `total` (a multiple of `step`) exactly."""
    whole = sum(values)
    found = [max(step, value * total // whole // step * step) for value in values]
    found[found.index(max(found))] += total - sum(found)
    return found


def invent_projects() -> list[Project]:
    """All projects of both years in order of department, with the year's selections of the report marked."""
    projects = [project for department in DEPARTMENTS for project in _of_department(department)]
    _select(projects)
    return projects


def _of_department(department: Department) -> Iterator[Project]:
    chance = random.Random(f"projects {department.code}")  # noqa: S311
    function_code, patterns = FIELDS[department.field]
    reported = [row for row in REPORTED if row[0] == department.code]
    names: dict[str, tuple[str, tuple[str, ...]]] = {row[1]: (department.code, row[4]) for row in reported}
    wanted = round(department.size * _POOL)
    choices = patterns.split()
    while len(names) < wanted:
        for _ in range(20):
            name, unit, marks = _name(chance, chance.choice(choices), department)
            if name not in names:
                break
        else:
            name += "（二期）" if name.endswith(_BUILDING) else f"（{chance.choice(TOWNSHIPS.split())}片）"
        names.setdefault(name, (unit, marks))
    fixed = {row[1]: (row[2], row[3] * WAN) for row in reported}
    for number, (name, (unit, marks)) in enumerate(names.items(), start=1):
        years = fixed[name][0] if name in fixed else _years(chance)
        category = ProjectCategory.SPECIFIC if name in fixed else _category(chance, name)
        start = min(years) if chance.random() < 0.7 or min(years) == 2023 else chance.choice((2019, 2020, 2021))
        first = fixed[name][1] if name in fixed else _amount(chance, department)
        amounts = {years[0]: first}
        for year in years[1:]:
            amounts[year] = max(first * chance.randint(82, 122) // 100 // 100_000 * 100_000, 2 * WAN)
        tail = f"{unit.ljust(6, '0') if len(unit) == 6 else unit + '001'}{number:06}"
        yield Project(
            code=f"{MOF_DIV_CODE[:6]}{start % 100:02}{_LETTERS[category]}{tail}",
            name=name,
            unit=unit,
            department=department,
            category=category,
            marks=_marks(chance, name, marks),
            start_year=start,
            term=max(years) - start + chance.choice((1, 1, 2, 3)),
            function_code=function_code,
            amounts=amounts,
        )


def _name(chance: random.Random, pattern: str, department: Department) -> tuple[str, str, tuple[str, ...]]:
    """(name, code of the unit that runs it, marks)."""
    pattern, *marks = pattern.split("#")
    unit = department.code
    if "{u}" in pattern and department.units:
        unit, unit_name = chance.choice(department.units)
    else:
        unit_name = department.name.removeprefix("青田县")
        if department.units and chance.random() < 0.15:
            unit = chance.choice(department.units)[0]
    name = pattern.format(
        u=unit_name,
        t=chance.choice(TOWNSHIPS.split()),
        v=chance.choice(VILLAGES.split()),
        r=chance.choice(ROADS.split()),
    )
    if department.field == "township":
        place = department.name.removeprefix("青田县").removesuffix("人民政府").removesuffix("办事处")
        name = f"{place}{name}"
    return name, unit, tuple(marks)


def _years(chance: random.Random) -> tuple[int, ...]:
    draw = chance.random()
    return (2022, 2023) if draw < 0.62 else (2022,) if draw < 0.81 else (2023,)


def _category(chance: random.Random, name: str) -> str:
    if "编外" in name or "报酬" in name or "专职消防员" in name or "辅警" in name:
        return ProjectCategory.PERSONNEL
    if "公用经费" in name:
        return ProjectCategory.PUBLIC_FUNDS
    if any(word in name for word in _RUNNING) and chance.random() < 0.6:
        return ProjectCategory.OTHER_OPERATION
    return ProjectCategory.SPECIFIC


def _marks(chance: random.Random, name: str, marks: tuple[str, ...]) -> tuple[str, ...]:
    draw = chance.random()
    if marks:
        return marks
    if any(word in name for word in _BUILDING) and draw < 0.05:
        return ("债券",)
    if ("补助" in name or "补贴" in name) and draw < 0.15:
        return ("年终结算",)
    if ("购置" in name or "采购" in name) and draw < 0.2:
        return ("分期政府采购",)
    return ()


def _amount(chance: random.Random, department: Department) -> int:
    """A 全年预算 in fen, a whole number of thousand yuan between 2 and 4500 万元."""
    median = _MEDIANS.get(department.field, 45)
    drawn = median * chance.lognormvariate(0, 1.1)
    return max(2 * WAN, min(int(drawn * WAN), 4500 * WAN)) // 100_000 * 100_000


def _select(projects: list[Project]) -> None:
    """Mark what the report says was chosen in 2023 and give the chosen the sums it names."""
    chance = random.Random("selections of 2023")  # noqa: S311
    named = {row[1] for row in REPORTED}
    free = [p for p in projects if 2022 in p.amounts and p.name not in named and not p.marks]
    # 财政重点绩效评价: 9 projects, 2.91 亿元, two of them named.
    bureau: list[Project] = []
    for code, count in _KEY_AREAS:
        bureau += chance.sample([p for p in free if p.department.code == code], count)
    told = [p for p in projects if p.name in named and 2022 in p.amounts]
    _give(bureau, 29_100 * WAN - sum(p.amounts[2022] for p in told))
    # 绩效抽评: 217 projects of 11 departments, 3.58 亿元.
    chosen = {id(p) for p in bureau}
    frame = [
        p
        for p in projects
        if 2022 in p.amounts
        and p.department.code in SAMPLED_DEPARTMENTS
        and id(p) not in chosen
        and p.category in (ProjectCategory.OTHER_OPERATION, ProjectCategory.SPECIFIC)
        and p.name not in named
    ]
    sampled = chance.sample(frame, 217)
    _give(sampled, 35_800 * WAN)
    for p in sampled:
        p.sampled = True
    # 单位重点绩效评价: 75 projects, 5 亿元.
    chosen |= {id(p) for p in sampled}
    own = chance.sample([p for p in free if id(p) not in chosen and p.amounts[2022] >= 20 * WAN], 75)
    _give(own, 50_000 * WAN)
    for p in [*bureau, *told, *own]:
        p.key_years.add(2022)
    # 重点监控: 38 projects of 2023.
    for p in chance.sample([p for p in projects if p.amounts.get(2023, 0) >= 100 * WAN], 38):
        p.key_years.add(2023)


def _give(projects: list[Project], total: int) -> None:
    """Set the amounts of 2022 so that they add up to `total` fen; those of 2023 move along."""
    for project, amount in zip(projects, scaled([p.amounts[2022] for p in projects], total, 100_000), strict=True):
        if 2023 in project.amounts:
            project.amounts[2023] = project.amounts[2023] * amount // project.amounts[2022] // 100_000 * 100_000
        project.amounts[2022] = amount
