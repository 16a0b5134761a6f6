"""Makes the kept workbooks of `rejected/`. Run it once after changing a case: `python -m tests.budgets.make_cases`.

The answers in `rejected/expected.json` are written by hand.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook

HERE = Path(__file__).parent / "rejected"
YEAR = 2023
PROJECTS = ["预算年度", "项目代码", "项目名称", "主管部门", "预算单位代码", "归口科室代码", "项目类别", "年初预算"]
LEDGER = ["业务类型", "凭证号", "明细号", "业务日期", "预算年度", "指标年度", "项目代码", "项目名称", "金额", "摘要"]


def project(
    code: Any,
    *,
    name: Any = "道路",
    department: Any = None,
    unit: Any = "301001",
    division: Any = None,
    category: Any = "特定目标类",
    amount: Any = 1000,
    year: Any = YEAR,
) -> list[Any]:
    return [year, code, name, department, unit, division, category, amount]


def entry(
    voucher: Any,
    *,
    kind: Any = "支付",
    line: Any = None,
    day: Any = date(YEAR, 3, 1),
    year: Any = YEAR,
    vintage: Any = None,
    code: Any = "P00001",
    name: Any = None,
    amount: Any = 10,
    summary: Any = None,
) -> list[Any]:
    return [kind, voucher, line, day, year, vintage, code, name, amount, summary]


def projects(*rows: list[Any]) -> list[list[Any]]:
    return [[f"{YEAR}年项目及预算表"], ["单位：元"], PROJECTS, *rows]


def ledger(*rows: list[Any]) -> list[list[Any]]:
    return [LEDGER, *rows]


CASES: dict[str, list[list[Any]]] = {
    "ledger_amounts.xlsx": ledger(
        entry("V1", amount="十元"),
        entry("V2", amount="1.5万元"),
        entry("V3", amount="１２３．４５"),
        entry("V4", amount="约20"),
    ),
    "ledger_above_budget.xlsx": ledger(entry("V1", amount=99999), entry("V2", amount=2)),
    "ledger_outside_year.xlsx": ledger(entry("V1", day=date(YEAR - 1, 12, 31)), entry("V2", day=date(YEAR + 1, 1, 1))),
    "ledger_below_zero.xlsx": ledger(
        entry("V1", amount=100), entry("V2", amount=-100.01, day=date(YEAR, 4, 1)), entry("V3", code="P00002")
    ),
    "ledger_total.xlsx": ledger(
        entry("V1", amount=100),
        entry("V2", amount=50),
        ["小计", None, None, None, None, None, None, None, 150, None],
        ["合计", None, None, None, None, None, None, None, 151, None],
    ),
    "ledger_other_year.xlsx": ledger(entry("V1", year=YEAR - 1), entry("V2", year=YEAR - 1)),
    "ledger_some_other_year.xlsx": ledger(entry("V1"), entry("V2", year=YEAR - 1)),
    "ledger_classified.xlsx": ledger(entry("V1"), entry("V2", summary="机密★10年 某工程尾款")),
    "ledger_unknown.xlsx": ledger(entry("V1", code="X1"), entry("V2"), entry("V3", code="X2")),
    "ledger_twice.xlsx": ledger(entry("V1", line="1"), entry("V1", line="2"), entry("V1", line="1", amount=9)),
    "projects_duplicate.xlsx": projects(project("A1"), project("A2"), project("A1", name="桥梁")),
    "projects_unknown.xlsx": projects(
        project("A1", unit="999001"),
        project("A2", division="KS99"),
        project("A3", department="没有的部门"),
        project("A4", unit=None),
    ),
    "projects_other_year.xlsx": projects(project("A1", year=YEAR + 1)),
    "ledger_twenty.xlsx": ledger(
        entry("V01", kind="乱填"),
        entry(None),
        entry("V03", day=None),
        entry("V04", day="二月三十日"),
        entry("V05", day=date(YEAR - 1, 5, 1)),
        entry("V06", year=YEAR - 1),
        entry("V07", year="今年"),
        entry("V08", vintage="去年"),
        entry("V09", code=None),
        entry("V10", code="X10"),
        entry("V11", code=630000242000000057344),
        entry("V12", code="6.3E+20"),
        entry("V13", amount=None),
        entry("V14", amount="十元"),
        entry("V15", amount=10**14),
        entry("V16", amount="#REF!"),
        entry("V17", summary="长" * 201),
        entry("V18", summary="【秘密】某项目"),
        entry("V19", kind="年初预算", amount=-5),
        entry("V20", code="P00002", amount=-1, day=date(YEAR, 1, 2)),
        entry("V21"),
        entry("V21"),
    ),
}


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for name, rows in CASES.items():
        book = Workbook()
        sheet = book.active
        sheet.title = "数据"
        for row in rows:
            sheet.append(row)
        book.save(HERE / name)


if __name__ == "__main__":
    main()
