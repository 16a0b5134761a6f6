"""What is invented, before any database: names, codes, sums of the report, the shape of the ledgers."""

import re
import subprocess
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from budgets.enums import EntryKind
from qingtian_perf.demo import books as bookkeeping
from qingtian_perf.demo.county import DEPARTMENTS, DIVISIONS
from qingtian_perf.demo.ledger import budget_entries, budget_lines, curve, vouchers
from qingtian_perf.demo.people import people
from qingtian_perf.demo.projects import REPORTED, SAMPLED_DEPARTMENTS, WAN, invent_projects, scaled
from qingtian_perf.demo.slow import Outcome, plan_late, plan_slow

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECTS = bookkeeping.books().projects


def test_101_departments_with_codes_of_three_digits_and_units_of_six() -> None:
    assert len(DEPARTMENTS) == 101
    assert all(re.fullmatch(r"\d{3}", d.code) for d in DEPARTMENTS)
    assert all(re.fullmatch(rf"{d.code}\d{{3}}", code) for d in DEPARTMENTS for code, _ in d.units)
    assert {d.division for d in DEPARTMENTS} <= {division.code for division in DIVISIONS}


@pytest.mark.parametrize(
    "name",
    [
        "青田县市场监督管理局",
        "中共青田县委党校",
        "青田县总工会",
        "青田县发展和改革局",
        "丽水市生态环境局青田分局",
        "青田县卫生健康局",
        "青田县退役军人事务局",
        "青田县邮政管理局",
        "青田县农业农村局",
        "青田县祯埠镇人民政府",
        "青田县黄垟乡人民政府",
        "青田县教育局",
    ],
)
def test_departments_of_the_report_stand_under_their_names(name: str) -> None:
    assert name in {d.name for d in DEPARTMENTS}


def test_every_department_and_unit_has_a_filler_and_a_reviewer() -> None:
    names = [person.username for person in people()]
    places = [d.code for d in DEPARTMENTS] + [code for d in DEPARTMENTS for code, _ in d.units]
    assert len(names) == len(set(names))
    assert {f"tianbao{code}" for code in places} | {f"shenhe{code}" for code in places} <= set(names)


def test_about_1800_projects_in_each_year_with_codes_of_21_characters() -> None:
    for year in (2022, 2023):
        assert 1750 <= sum(year in p.amounts for p in PROJECTS) <= 1850
    assert all(re.fullmatch(r"331121\d{2}[RYT]\d{12}", p.code) for p in PROJECTS)
    assert len({p.code for p in PROJECTS}) == len(PROJECTS)
    assert len({(p.department.code, p.name) for p in PROJECTS}) == len(PROJECTS)


def test_projects_of_the_report_are_there() -> None:
    found = {(p.department.code, p.name, tuple(sorted(p.amounts))) for p in PROJECTS}
    assert {(code, name, years) for code, name, years, _, _ in REPORTED} <= found


def test_selections_add_up_to_the_sums_of_the_report() -> None:
    sampled = [p for p in PROJECTS if p.sampled]
    assert len(sampled) == 217
    assert {p.department.code for p in sampled} == set(SAMPLED_DEPARTMENTS)
    assert sum(p.amounts[2022] for p in sampled) == 35_800 * WAN
    key = [p for p in PROJECTS if 2022 in p.key_years]
    assert len(key) == 75 + 9
    assert sum(p.amounts[2022] for p in key) == (50_000 + 29_100) * WAN
    assert sum(2023 in p.key_years for p in PROJECTS) == 38


def test_the_same_county_is_invented_again() -> None:
    assert invent_projects() == PROJECTS
    assert plan_slow(PROJECTS) == bookkeeping.books().slow
    assert plan_late(PROJECTS, plan_slow(PROJECTS)) == bookkeeping.books().late


@pytest.mark.parametrize(("values", "total"), [([3, 3, 3], 1000), ([1, 999], 5000), ([7], 100)])
def test_scaled_keeps_total_and_step(values: list[int], total: int) -> None:
    found = scaled(values, total, 100)
    assert sum(found) == total
    assert all(value > 0 and value % 100 == 0 for value in found)


@pytest.mark.parametrize("year", [2022, 2023])
def test_no_line_spends_more_than_it_has_nor_before_it_has_it(year: int) -> None:
    plan = bookkeeping.books()
    for project in plan.of_year(year):
        slow = plan.slow_in(project, year)
        lines = budget_lines(project, year, slow)
        spent = list(vouchers(project, year, lines, curve(project, year, late=project.code in plan.late), slow))
        for line in lines:
            assert sum(entry.amount for entry in spent if entry.line is line) <= line.adjusted
            assert all(entry.date.month >= line.start for entry in spent if entry.line is line), project.code
        if slow is None:
            assert sum(line.adjusted for line in lines) == project.amounts[year]
        assert all(entry.summary.startswith("演示数据") for entry in [*spent, *budget_entries(project, lines)])


def test_keys_are_unique_within_their_file() -> None:
    for year in (2022, 2023):
        rows = [*bookkeeping._voucher_rows(year, bookkeeping.CUT_OFF), *bookkeeping._refund_rows(year)]
        assert max(Counter(row.source_key for row in rows).values()) == 1
        assert max(Counter(row.source_key for row in bookkeeping._budget_rows(year)).values()) == 1


def test_ledgers_know_every_kind_of_change() -> None:
    kinds = Counter(row.kind for row in [*bookkeeping._budget_rows(2023), *bookkeeping._payments(2023)])
    for kind in ("INITIAL", "CARRIED_OVER", "SUPPLEMENT", "REDUCTION", "TRANSFER_IN", "PAYMENT", "REFUND"):
        assert kinds[EntryKind[kind]] > 5, kind


def test_slow_projects_leave_what_their_outcome_says() -> None:
    plan = bookkeeping.books()
    for code, slow in plan.slow.items():
        project = slow.project
        lines = budget_lines(project, 2023, slow)
        spent = list(vouchers(project, 2023, lines, curve(project, 2023), slow))
        paid = sum(entry.amount for entry in spent if entry.date <= date(2023, 9, 30))
        assert slow.adjusted - paid == slow.remaining, code
        assert paid * 2 < slow.adjusted
        later = sum(entry.amount for entry in spent) - paid
        assert later == (slow.remaining if slow.outcome is Outcome.DROPPED else slow.must_pay)
        assert 0 <= slow.remaining - slow.final - slow.must_pay < 100 * 100


def test_the_recovered_total_is_written_nowhere_else() -> None:
    """The total must come out of the rows; only the generator, tests and documents may know it."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    spared = ("docs/", "tests/", "static/vendor/", "README", "qingtian_perf/demo/slow.py")
    told = re.compile(r"(?<![\w.])(1197|1,197|11[_,]?970[_,]?000)(?![\w])")
    found = [
        name
        for name in listed
        if not name.startswith(spared)
        and (ROOT / name).suffix
        in {".py", ".html", ".txt", ".toml", ".json", ".js", ".css", ".yml", ".md", ".in", ".sql", ""}
        and (ROOT / name).is_file()
        and told.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
