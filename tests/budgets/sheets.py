"""Small workbooks for tests, from rows."""

from pathlib import Path
from typing import Any

from openpyxl import Workbook

PROJECT_HEADINGS = ["预算年度", "项目代码", "项目名称", "预算单位代码", "项目类别", "年初预算（元）"]
LEDGER_HEADINGS = ["业务类型", "凭证号", "明细号", "业务日期", "预算年度", "项目代码", "金额（元）"]
BALANCE_HEADINGS = ["预算年度", "截至日", "项目代码", "项目名称", "累计支付（万元）"]


def workbook(target: Path, headings: list[str], rows: list[list[Any]], *, title: str = "") -> Path:
    book = Workbook()
    sheet = book.active
    if title:
        sheet.append([title])
    sheet.append(headings)
    for row in rows:
        sheet.append(row)
    book.save(target)
    return target
