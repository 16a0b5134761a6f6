"""Templates and lists as Excel shows them."""

import datetime
import io
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook

from core.workbooks import CODE, DATE, MONEY, RATE, Column, write_table, write_template

from .forms import PROJECTS, STRICT

COLUMNS = [
    Column("code", "项目代码", CODE, required=True),
    Column("name", "名称"),
    Column("amount", "金额", MONEY, unit="万元"),
    Column("rate", "执行率", RATE),
    Column("day", "日期", DATE),
]


def written(rows, **options):
    target = io.BytesIO()
    write_table(COLUMNS, rows, target, **options)
    target.seek(0)
    return load_workbook(target).active


def test_a_list_has_typed_cells_and_a_totals_row():
    rows = [
        {
            "code": "0012",
            "name": "路",
            "amount": Decimal("123456.78"),
            "rate": Decimal("0.5"),
            "day": datetime.date(2023, 9, 30),
        }
    ]
    page = written(rows, title="2023 年度项目", totals={"amount": Decimal("123456.78")}, sheet="项目/清单")
    assert page.title == "项目·清单"
    assert page["A1"].value == "2023 年度项目"
    assert [cell.value for cell in page[2]] == ["项目代码", "名称", "金额（万元）", "执行率", "日期"]
    assert [cell.value for cell in page[3]] == ["0012", "路", 12.345678, 0.5, datetime.datetime(2023, 9, 30)]  # noqa: DTZ001
    assert [cell.number_format for cell in page[3]] == ["@", "General", "#,##0.00####", "0.00%", "yyyy-mm-dd"]
    assert [cell.value for cell in page[4]][:3] == ["合计", None, 12.345678]
    assert page["A4"].font.bold and not page["A3"].font.bold
    assert page.freeze_panes == "A3"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+cmd", "@SUM(A1)", "\t=1", "=HYPERLINK(1)", "#REF!", "<b>&\"'", "a\x00\x0bb", "😀" * 3]
)
def test_text_is_never_a_formula(text):
    cell = written([("1", text, None, None, None)])["B2"]
    assert cell.data_type == "s"
    assert not cell.value.startswith(("=", "+", "-", "@", "\t"))
    assert cell.value.removeprefix("'") == text.replace("\x00", "").replace("\x0b", "")


def test_negative_money_stays_a_number():
    cell = written([("1", "", Decimal("-5000"), None, None)])["C2"]
    assert (cell.value, cell.data_type) == (-0.5, "n")


def test_memory_does_not_grow_with_the_rows(tmp_path):
    script = (
        "import resource, sys\n"
        "from decimal import Decimal\n"
        "from tests.core.workbooks.test_write import COLUMNS\n"
        "from core.workbooks import write_table\n"
        "n = int(sys.argv[2])\n"
        "rows = ((f'33112123T{i:012d}', f'名称{i}', Decimal(i), None, None) for i in range(n))\n"
        "assert write_table(COLUMNS, rows, sys.argv[1]) == n\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )

    def peak(count):
        command = [sys.executable, "-c", script, str(tmp_path / "x.xlsx"), str(count)]
        return int(
            subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True).stdout
        )

    assert peak(60_000) - peak(1_000) < 8_000  # kilobytes


@pytest.fixture
def template(tmp_path):
    rows = [
        {
            "code": "33112123T000000000001",
            "name": "=路",
            "dept": "101",
            "category": "running",
            "initial": Decimal("1205000"),
        },
    ]
    write_template(PROJECTS, {"项目": rows}, tmp_path / "t.xlsx", fiscal_year=2023, scope="101")
    return load_workbook(tmp_path / "t.xlsx")


def test_the_template_tells_how_to_fill_it(template):
    assert template.sheetnames[0] == "填写说明"
    text = "\n".join(str(value) for line in template["填写说明"].values for value in line if value)
    for part in (
        "2023 年度项目表 填写说明",
        "QT-PROJECTS",
        "严禁录入、上传涉密信息",
        "年初预算填万元，支出数填元。",
        "特定目标类、运转类",
    ):
        assert part in text


def test_the_template_is_prefilled_locked_and_typed(template):
    page = template["项目"]
    assert [cell.value for cell in page[1]][:6] == [
        "*项目代码",
        "*项目名称",
        "*主管部门代码",
        "项目类别",
        "*年初预算（万元）",
        "支出数（元）",
    ]
    assert [cell.value for cell in page[2]][:5] == ["33112123T000000000001", "'=路", "101", "运转类", 120.5]
    assert page.protection.sheet and page.protection.password is None
    assert page["A2"].protection.locked and not page["B2"].protection.locked and page["A1"].protection.locked
    assert page.column_dimensions["A"].number_format == "@" and not page.column_dimensions["A"].protection.locked
    assert page["A2"].number_format == "@" and page["E2"].number_format.startswith("#,##0.00")
    assert page.freeze_panes == "B2"


def test_the_template_has_drop_downs_and_hints(template):
    rules = {str(rule.sqref).split(":")[0]: rule for rule in template["项目"].data_validations.dataValidation}
    assert set(rules) == {"D2", "I2", "J2"}
    assert rules["D2"].formula1 == "'_qtjx_lists'!$A$1:$A$2"
    assert [cell.value for cell in template["_qtjx_lists"]["A"]] == ["特定目标类", "运转类"]
    assert rules["I2"].prompt == "项目开始的日期" and rules["I2"].type is None


def test_the_template_carries_its_code_in_two_places(template):
    stamp = dict(template["_qtjx"].values)
    assert stamp == {"QTJX-FORM": "QT-PROJECTS", "version": 2, "title": "项目表", "fiscal_year": 2023, "scope": "101"}
    assert template["_qtjx"].sheet_state == "veryHidden"
    properties = {name: template.custom_doc_props[name].value for name in template.custom_doc_props.names}
    assert properties == {"FormCode": "QT-PROJECTS", "Scope": "101", "FormVersion": 2, "FiscalYear": 2023}


def test_fixed_rows_stay_locked_below_the_last(tmp_path):
    write_template(STRICT, None, tmp_path / "t.xlsx")
    page = load_workbook(tmp_path / "t.xlsx")["自评"]
    assert page.column_dimensions["A"].protection.locked
    assert page.protection.insertRows
