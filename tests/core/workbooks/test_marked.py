"""Errors come back in the user's own file; long files and other formats get a list of their faulty rows."""

import zipfile

import pytest
from openpyxl import Workbook, load_workbook

from core.workbooks import annotate, mark, read, write_faulty

from .forms import PROJECTS
from .make_cases import BAD, GOOD, HEADS, book, row


def everything_in(path):
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def test_errors_are_marked_in_the_users_own_file(tmp_path):
    made = book(row(), row(code="33112123T000000000002", initial="无", count="x"))
    made["项目"]["K2"] = "=1+1"
    made.create_sheet("我的草稿")["A1"] = "自己的内容"
    made.save(tmp_path / "a.xlsx")
    reading = read(PROJECTS, tmp_path / "a.xlsx")
    assert mark(reading, tmp_path / "a.xlsx", tmp_path / "marked.xlsx") == "annotated"
    marked = load_workbook(tmp_path / "marked.xlsx")
    assert marked.sheetnames == ["错误清单", "项目", "我的草稿"]
    page = marked["项目"]
    assert page["E3"].value == "无" and page["K2"].value == "=1+1" and marked["我的草稿"]["A1"].value == "自己的内容"
    assert page["E3"].fill.fgColor.rgb.endswith("FFC7CE")
    assert page["E3"].comment.text == "“无”不是金额，请填写阿拉伯数字，如 1234.56"
    assert page["E2"].comment is None and page["E2"].fill.fill_type is None
    listed = [[cell.value for cell in line] for line in marked["错误清单"].iter_rows()]
    assert listed[0] == ["序号", "类别", "文件", "工作表", "单元格", "说明"]
    assert [line[3:5] for line in listed[1:]] == [["项目", "K2"], ["项目", "E3"], ["项目", "G3"]]
    assert marked["错误清单"]["E3"].hyperlink.location == "'项目'!E3"


def test_a_mended_copy_can_be_sent_again(tmp_path):
    book(row(initial="无")).save(tmp_path / "a.xlsx")
    reading = read(PROJECTS, tmp_path / "a.xlsx")
    mark(reading, tmp_path / "a.xlsx", tmp_path / "b.xlsx")
    mended = load_workbook(tmp_path / "b.xlsx")
    mended["项目"]["E2"] = 5
    mended["项目"]["G2"] = "两个"
    mended.save(tmp_path / "c.xlsx")
    reading = read(PROJECTS, tmp_path / "c.xlsx")
    assert [error.cell for error in reading.errors] == ["G2"]
    mark(reading, tmp_path / "c.xlsx", tmp_path / "d.xlsx")
    again = load_workbook(tmp_path / "d.xlsx")
    assert again.sheetnames == ["错误清单", "项目"]
    assert again["项目"]["E2"].comment is None and again["项目"]["E2"].fill.fill_type is None
    assert again["项目"]["G2"].comment is not None


@pytest.mark.parametrize("name", ["classified.xlsx", "classified_column.xlsx", "classified_title.xlsx"])
def test_no_word_of_a_classified_row_is_given_back(name, tmp_path):
    made = load_workbook(BAD / name)
    from openpyxl.comments import Comment

    last = made["项目"].max_row
    made["项目"].cell(last, 3).comment = Comment("某某批示", "某人")
    made["项目"].cell(last, 4).hyperlink = "http://x/某某"
    made.save(tmp_path / name)
    reading = read(PROJECTS, tmp_path / name)
    if name == "classified_title.xlsx":
        assert "某某" in everything_in(tmp_path / name)
    assert mark(reading, tmp_path / name, tmp_path / "marked.xlsx") == "annotated"
    write_faulty([tmp_path / name], reading.errors, tmp_path / "faulty.xlsx")
    for target in ("marked.xlsx", "faulty.xlsx"):
        assert "某某" not in everything_in(tmp_path / target)
    place = reading.errors[0].cell
    assert load_workbook(tmp_path / "marked.xlsx")["项目"][place].value is None


def test_long_files_get_their_faulty_rows(tmp_path):
    made = Workbook(write_only=True)
    page = made.create_sheet("项目")
    page.append(["项目表"])
    page.append(HEADS)
    for number in range(300):
        page.append(
            row(
                code=f"33112123T{number:012d}",
                initial="=坏" if number == 250 else 1,
                note="=1+1" if number == 9 else "无",
            )
        )
    made.save(tmp_path / "a.xlsx")
    source = load_workbook(tmp_path / "a.xlsx")
    source["项目"]["E253"].value = "坏"
    source["项目"]["E253"].data_type = "s"
    source["项目"]["K12"].data_type = "s"
    source.save(tmp_path / "a.xlsx")
    reading = read(PROJECTS, tmp_path / "a.xlsx")
    assert [error.cell for error in reading.errors] == ["E253"]
    assert annotate(tmp_path / "a.xlsx", reading.errors, tmp_path / "f.xlsx", max_rows=200) == "faulty"
    page = load_workbook(tmp_path / "f.xlsx")["项目"]
    lines = [[cell.value for cell in line] for line in page.iter_rows()]
    assert lines[0][:4] == ["原行号", "错误", "A 项目代码", "B 项目名称"]
    assert len(lines) == 2
    assert lines[1][0] == 253
    assert lines[1][1] == "E253：“坏”不是金额，请填写阿拉伯数字，如 1234.56"
    assert lines[1][2] == "33112123T000000000250"
    assert page["G2"].fill.fgColor.rgb.endswith("FFC7CE")


@pytest.mark.parametrize("name", ["html.xls", "excel97.xls", "long_row.csv"])
def test_other_formats_get_their_faulty_rows(name, tmp_path):
    reading = read(PROJECTS, BAD / name)
    assert mark(reading, BAD / name, tmp_path / "f.xlsx") == "faulty"
    listed = load_workbook(tmp_path / "f.xlsx")
    assert len(listed["错误清单"]["A"]) == 1 + len(reading.errors)
    assert listed.worksheets[1]["A2"].value == 2


def test_several_files_get_one_list(tmp_path):
    sources = [BAD / "numeric_code.xlsx", BAD / "picture.xlsx", GOOD / "utf8.csv", BAD / "duplicate_code.xlsx"]
    reading = read(PROJECTS, sources)
    assert mark(reading, sources, tmp_path / "f.xlsx") == "faulty"
    made = load_workbook(tmp_path / "f.xlsx")
    assert made.sheetnames == ["错误清单", "1-项目", "3-utf8", "4-项目"] or made.sheetnames == [
        "错误清单",
        "1-项目",
        "4-项目",
    ]
    assert len(made["错误清单"]["A"]) == 1 + len(reading.errors)


def test_formulas_in_faulty_rows_are_neutralised(tmp_path):
    (tmp_path / "a.csv").write_text(
        f'{",".join(HEADS)}\n001,"=HYPERLINK(""http://x"")",1,,无,,,,,,+cmd\n', encoding="utf-8"
    )
    reading = read(PROJECTS, tmp_path / "a.csv")
    mark(reading, tmp_path / "a.csv", tmp_path / "f.xlsx")
    page = load_workbook(tmp_path / "f.xlsx")["a"]
    assert page["D2"].value == '\'=HYPERLINK("http://x")' and page["D2"].data_type == "s"
    assert page["M2"].value == "'+cmd"


def test_a_refused_file_is_not_opened_to_be_marked(tmp_path):
    reading = read(PROJECTS, BAD / "entities.xlsx")
    assert mark(reading, BAD / "entities.xlsx", tmp_path / "f.xlsx") == "faulty"
    assert load_workbook(tmp_path / "f.xlsx").sheetnames == ["错误清单"]
