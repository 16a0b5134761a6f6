"""Reading: several files, mapped columns, merged groups, control totals, what marks a row as secret."""

from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook

from core.workbooks import CODE, INTEGER, MONEY, Column, Form, Sheet, headings, read, write_template
from core.workbooks.layout import normalise
from core.workbooks.marks import is_secret, total_kind

from .forms import PROJECTS, STRICT
from .make_cases import book, row

LEDGER = Form(
    "L",
    1,
    "支付",
    [
        Sheet(
            "支付",
            [
                Column("dept", "部门", required=True, fill_down=True),
                Column("code", "项目代码", CODE, required=True),
                Column("amount", "支付金额", MONEY, required=True, unit="元"),
                Column("count", "笔数", INTEGER),
            ],
        )
    ],
)


def saved(path, *rows, merges=()):
    made = Workbook()
    for values in rows:
        made.active.append(values)
    for area in merges:
        made.active.merge_cells(area)
    made.save(path)
    return path


HEAD = ["部门", "项目代码", "支付金额（元）", "笔数"]


def test_several_files_are_one_import(tmp_path):
    for number, code in enumerate(["33112123T000000000001", "33112123T000000000002", "33112123T000000000001"]):
        book(row(code=code)).save(tmp_path / f"{number}.xlsx")
    reading = read(
        PROJECTS, [("甲.xlsx", tmp_path / "0.xlsx"), ("乙.xlsx", tmp_path / "1.xlsx"), ("丙.xlsx", tmp_path / "2.xlsx")]
    )
    assert [(found.file_no, found.row_no) for found in reading.rows["项目"]] == [(0, 2), (1, 2), (2, 2)]
    [error] = reading.errors
    assert (error.file, error.cell, error.code) == ("丙.xlsx", "A2", "DUPLICATE_KEY")
    assert error.message == "项目代码“33112123T000000000001”与“甲.xlsx”第 2 行重复，请删除或改正其中一行"


def test_one_bad_file_does_not_hide_the_errors_of_another(tmp_path):
    book(row(initial="无")).save(tmp_path / "a.xlsx")
    (tmp_path / "b.xlsx").write_bytes(b"\x89PNG" + bytes(9))
    reading = read(PROJECTS, [tmp_path / "a.xlsx", tmp_path / "b.xlsx"])
    assert [(error.file, error.code) for error in reading.errors] == [
        ("a.xlsx", "NOT_MONEY"),
        ("b.xlsx", "NOT_WORKBOOK"),
    ]


def test_no_file():
    assert [error.code for error in read(PROJECTS, []).errors] == ["NO_FILE"]


def test_a_mapping_replaces_the_declared_names(tmp_path):
    path = saved(tmp_path / "a.xlsx", ["科室", "系统编号", "实付数（万元）", "项目代码"], ["一科", "0012", 1.5, "别的"])
    assert read(LEDGER, path).errors
    mapping = {"dept": "科室", "code": "系统编号", "amount": "实付数", "count": ""}
    reading = read(LEDGER, path, mapping=mapping)
    assert not reading.errors
    assert reading.rows["支付"][0][2:] == ("一科", "0012", Decimal("15000.00"), None)
    assert not reading.has("支付", "count")
    assert [warning.code for warning in reading.warnings] == ["HEADING_UNKNOWN"]


def test_headings_for_the_mapping_page(tmp_path):
    path = saved(
        tmp_path / "a.xlsx",
        ["支付明细表"],
        ["单位：元"],
        ["科室", "金额", None],
        [None, "预算", "支付"],
        ["一科", 1, 2.5],
        ["机密", 3, 4],
        ["二科", 5, 6],
        merges=["B3:C3", "A3:A4"],
    )
    [found] = headings(path)
    assert found.row == 4
    assert found.headings == ["科室", "金额/预算", "金额/支付"]
    assert found.samples == [["一科", "1", "2.5"], ["二科", "5", "6"]]
    reading = read(LEDGER, path, mapping={"dept": "科室", "code": "金额/预算", "amount": "金额/支付"})
    assert [r.amount for r in reading.rows["支付"]] == [Decimal("2.50"), Decimal("6.00")]


def test_merged_cells_fill_down_only_where_declared(tmp_path):
    rows = [HEAD, ["教育局", "001", 1, 1], [None, "002", 2, 1], [None, "003", 3, None]]
    reading = read(LEDGER, saved(tmp_path / "a.xlsx", *rows, merges=["A2:A4"]))
    assert [found.dept for found in reading.rows["支付"]] == ["教育局"] * 3
    assert not reading.errors
    reading = read(LEDGER, saved(tmp_path / "b.xlsx", *rows, merges=["A2:A3"]))
    assert [(error.cell, error.code) for error in reading.errors] == [("A4", "REQUIRED")]
    reading = read(LEDGER, saved(tmp_path / "c.xlsx", *rows, merges=["A2:A4", "C2:D2", "B3:B4"]))
    assert [(error.cell, error.code) for error in reading.errors] == [("C2", "MERGED"), ("B3", "MERGED")]


def test_merged_cells_fill_down_over_thousands_of_rows(tmp_path):
    rows = [HEAD, *(["局" if not n else None, str(n), 1, None] for n in range(4_500))]
    reading = read(LEDGER, saved(tmp_path / "a.xlsx", *rows, merges=["A2:A4501"]))
    assert not reading.errors
    assert {found.dept for found in reading.rows["支付"]} == {"局"}


def test_totals_of_blocks_and_of_the_whole(tmp_path):
    rows = [
        HEAD,
        ["教育局", "001", 100, 1],
        ["教育局", "002", 200, 1],
        ["合计", None, 300, 2],
        ["卫健局", "003", 50.5, 1],
        ["卫健局小计", None, 50.5, 1],
        ["合计", None, 50.5, 1],
        ["总 计：", None, 350.5, 4],
    ]
    reading = read(LEDGER, saved(tmp_path / "a.xlsx", *rows))
    assert len(reading.rows["支付"]) == 3
    assert [error.message for error in reading.errors] == [
        "“笔数”合计为 4，而各行之和为 3，相差 1，请核对明细或改正合计"
    ]
    assert [warning.code for warning in reading.warnings] == ["SUBTOTALS_SKIPPED"]
    assert [total.cell for total in reading.totals] == ["C4", "D4", "C7", "D7", "C8", "D8"]


def test_a_total_is_not_weighed_against_faulty_rows(tmp_path):
    rows = [HEAD, ["教育局", "001", "很多", 1], ["合计", None, 100, 1]]
    reading = read(LEDGER, saved(tmp_path / "a.xlsx", *rows))
    assert [error.code for error in reading.errors] == ["NOT_MONEY"]
    assert [(total.key, total.summed) for total in reading.totals] == [("amount", None), ("count", 1)]


def test_a_project_may_be_called_subtotal():
    assert total_kind(["001", "小计", 5], [0]) is None
    assert total_kind(["", "审计专项合计", 5], [0]) == "subtotal"
    assert total_kind(["", " 合  计：", 5], [0]) == "total"
    assert total_kind(["", "本页合计", 5], [0]) == "subtotal"
    assert total_kind(["", "会计", 5], [0]) is None


@pytest.mark.parametrize(
    "text",
    ["机密", "机 密★10年", "绝密级", "【秘密】", "(机密)", "密级：秘密", "某事项 机密★", "秘密：某事", "\u200b绝密"],
)
def test_marks_of_secrecy(text):
    assert is_secret(text)


@pytest.mark.parametrize(
    "text", ["保守国家秘密宣传经费", "商业秘密保护", "机密文件柜采购", "密云路改造", "保密办公室", "非密", "", 5.0]
)
def test_names_that_only_contain_the_words(text):
    assert not is_secret(text)


def test_a_secrecy_column_marks_rows_by_plain_answers():
    assert is_secret("是", secrecy_column=True)
    assert is_secret("秘密级", secrecy_column=True)
    assert not is_secret("否", secrecy_column=True)
    assert not is_secret("公开", secrecy_column=True)


def test_secrecy_beyond_the_headings_of_a_text_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("部门,项目代码,支付金额\n教育局,001,5\n某局,002,6,,机密★10年\n", encoding="utf-8")
    reading = read(LEDGER, path)
    assert [found.code for found in reading.rows["支付"]] == ["001"]
    assert ("E3", "CLASSIFIED") in [(error.cell, error.code) for error in reading.errors]


@pytest.mark.parametrize(
    ("text", "name", "per_unit"),
    [
        ("*金 额\n（万元）", "金额", 10_000),
        ("金额(元)", "金额", 1),
        ("金额（单位：万元）", "金额", 10_000),
        ("金额/亿元", "金额", 100_000_000),
        ("项目名称（必填）", "项目名称", None),
        ("ＩＤ号", "ID号", None),
        ("单元", "单元", None),
    ],
)
def test_headings_are_normalised(text, name, per_unit):
    assert (normalise(text).name, normalise(text).per_unit) == (name, per_unit)


def test_the_unit_in_the_title_line_counts_for_headings_without_one(tmp_path):
    path = saved(tmp_path / "a.xlsx", ["支付表", None, "单位：万元"], ["部门", "项目代码", "支付金额"], ["局", "1", 2])
    assert read(LEDGER, path).rows["支付"][0].amount == Decimal("20000.00")
    path = saved(tmp_path / "b.xlsx", ["编制单位：元谋路小学"], ["部门", "项目代码", "支付金额"], ["局", "1", 2])
    assert read(LEDGER, path).rows["支付"][0].amount == Decimal("2.00")


def test_an_importers_own_errors_stand_at_their_cells_in_order(tmp_path):
    path = saved(tmp_path / "a.xlsx", ["表"], HEAD, ["局", "001", "x", 1], ["局", "002", 5, 1])
    reading = read(LEDGER, path)
    for found in reversed(reading.rows["支付"]):
        reading.fault("支付", found, "code", "PROJECT_UNKNOWN", "没有这个项目")
    reading.sort()
    assert [(error.cell, error.code) for error in reading.errors] == [
        ("B3", "PROJECT_UNKNOWN"),
        ("C3", "NOT_MONEY"),
        ("B4", "PROJECT_UNKNOWN"),
    ]
    assert reading.errors[0].as_dict() == {
        "sheet": "Sheet",
        "cell": "B3",
        "code": "PROJECT_UNKNOWN",
        "message": "没有这个项目",
    }


def test_a_faulty_cell_reads_none_and_its_row_is_there(tmp_path):
    reading = read(LEDGER, saved(tmp_path / "a.xlsx", HEAD, ["局", "001", "x", 1]))
    assert reading.rows["支付"][0][2:] == ("局", "001", None, 1)


def test_the_template_comes_back_as_it_went(tmp_path):
    rows = [{"code": "33112123T000000000001", "name": "路", "dept": "101", "initial": Decimal("1205000")}]
    count = write_template(
        STRICT,
        {"自评": rows, "指标": [{"code": "1", "name": "里程"}]},
        tmp_path / "t.xlsx",
        fiscal_year=2022,
        scope="101",
    )
    assert count == 2
    reading = read(STRICT, tmp_path / "t.xlsx", fiscal_year=2022, scope="101")
    assert not reading.errors
    assert reading.rows["自评"][0].initial == Decimal("1205000.00")
    assert reading.stamps[0].version == 1


def test_too_many_errors_are_cut_and_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("部门,项目代码,支付金额\n" + "局,1,x\n" * 50_010, encoding="utf-8")
    reading = read(LEDGER, path)
    assert len(reading.errors) == 50_001
    assert reading.errors[-1].message == "错误超过 50000 处，后面的没有列出，请先改正已列出的错误后再上传"


def test_a_hundred_thousand_rows_stay_small(tmp_path):
    """Rows as they arrive from the treasury; the bound on memory holds in a process of its own."""
    import subprocess
    import sys

    path = tmp_path / "big.csv"
    with path.open("w", encoding="utf-8") as stream:
        stream.write("部门,项目代码,支付金额,笔数\n")
        for number in range(100_000):
            stream.write(f"教育局,33112123T{number:012d},{number}.25,{number % 7}\n")
    script = (
        "import sys\n"
        "from tests.core.workbooks.test_reading import LEDGER\n"
        "from core.workbooks import read\n"
        "reading = read(LEDGER, sys.argv[1])\n"
        # VmHWM begins with the program; ru_maxrss would remember the test process that was forked.
        "status = open('/proc/self/status').read()\n"
        "peak = int(status.split('VmHWM:')[1].split()[0]) // 1024\n"
        "print(len(reading.rows['支付']), len(reading.errors), peak)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=root, capture_output=True, text=True, check=True
    )
    rows, errors, megabytes = map(int, done.stdout.split())
    assert (rows, errors) == (100_000, 0)
    assert megabytes < 300
