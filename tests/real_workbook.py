"""Workbooks made from published budgets, with amounts as they were published: units in the cells, thousands commas.

The records lie beside the project in `../shared/real`; where they are absent, tests that need them skip.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openpyxl import Workbook

FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "real"
needs_real_input = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="published budgets are not here (../shared/real beside the project)"
)
PAID_ON = (9, 15)


class RealProject(NamedTuple):
    """`initial`, `adjusted`, `paid` are cells of a table in 万元, as published."""

    code: str
    name: str
    initial: str
    adjusted: str
    paid: str


def _records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


def _wan(text: str) -> Decimal:
    return Decimal(text.removesuffix("万元"))


def real_projects() -> list[RealProject]:
    """31 project-years: 20 self-evaluations, the first recovery record, the ten items of the second."""
    found: list[tuple[str, str, str, str]] = []
    for record in _records("self_evaluations.jsonl"):
        budget = record.get("budget") or {}
        if not (budget.get("adjusted") and budget.get("executed")):
            continue
        # Where the form is in 元 and not in 万元 every cell says so.
        unit = "元" if record["unit_of_money"] == "元" else ""
        cells = (budget.get("initial") or budget["adjusted"], budget["adjusted"], budget["executed"])
        found.append((record["project"], *(f"{cell}{unit}" for cell in cells)))
    first, second = _records("recoveries.jsonl")[:2]
    found.append((first["what"].split()[0], "3000万元", "3000万元", "1000万元"))
    for item in second["items"]:
        paid = _wan(item["allocated"]) - _wan(item["left_over"])
        found.append((item["project"], item["allocated"], item["allocated"], f"{paid}万元"))
    return [RealProject(f"REAL{number:03}", *cells) for number, cells in enumerate(found, start=1)]


def write_projects(target: Path, *, year: int, unit: str) -> Path:
    """The 31 projects as a table in 万元 under the unit with code `unit`."""
    book = Workbook()
    sheet = book.active
    sheet.append([f"{year}年项目及预算表"])
    sheet.append(["预算年度", "项目代码", "项目名称", "预算单位代码", "项目类别", "年初预算(万元)", "全年预算(万元)"])
    for project in real_projects():
        sheet.append([year, project.code, project.name, unit, "特定目标类", project.initial, project.adjusted])
    book.save(target)
    return target


def write_payments(target: Path, *, year: int) -> Path:
    """One voucher a project, dated before 30 September."""
    book = Workbook()
    sheet = book.active
    sheet.append(["凭证号", "业务日期", "预算年度", "项目代码", "金额（万元）"])
    for project in real_projects():
        sheet.append([f"V-{project.code}", date(year, *PAID_ON), year, project.code, project.paid])
    book.save(target)
    return target
