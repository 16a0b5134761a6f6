"""Makes the kept workbooks of `rejected/` and `accepted/`: `python -m tests.core.workbooks.make_cases`.

What each must answer stands in `expected.json`. The .xls files need xlwt (`pip install xlwt`); without it they are
left as they are.
"""

import datetime
import io
import zipfile
from pathlib import Path

from openpyxl import Workbook, load_workbook

from core.workbooks import write_template

from .forms import COLUMNS, PROJECTS, STRICT

HERE = Path(__file__).parent
BAD, GOOD = HERE / "rejected", HERE / "accepted"
HEADS = [column.heading for column in COLUMNS]
GOOD_ROW = [
    "33112123T000000000001",
    "农村公路养护",
    "101",
    "特定目标类",
    120.5,
    800000,
    3,
    0.664,
    "2023-03-01",
    "是",
    "无",
]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def row(**changes):
    keys = [column.key for column in COLUMNS]
    values = dict(zip(keys, GOOD_ROW, strict=True)) | changes
    return [values[key] for key in keys]


def book(*rows, heads=HEADS, sheet="项目", before=()):
    made = Workbook()
    page = made.active
    page.title = sheet
    for values in (*before, heads, *rows):
        page.append(values)
    return made


def save(made, path):
    made.save(path)


def patched(path, part, change):
    """Rewrite one part of an .xlsx."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def whole_files():
    (BAD / "picture.xlsx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (BAD / "print.csv").write_bytes(b"%PDF-1.7\n%text only\n")
    with zipfile.ZipFile(BAD / "letter.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    with zipfile.ZipFile(BAD / "open_document.xlsx", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office/>")
    with zipfile.ZipFile(BAD / "binary.xlsx", "w") as archive:
        archive.writestr("xl/workbook.bin", "x")
    (BAD / "wps.et").write_bytes(OLE + bytes(512) + "Workbook".encode("utf-16-le"))
    (BAD / "encrypted.xlsx").write_bytes(OLE + bytes(512) + "EncryptedPackage".encode("utf-16-le"))
    (BAD / "word.xls").write_bytes(OLE + bytes(512) + "WordDocument".encode("utf-16-le"))
    (BAD / "broken.xls").write_bytes(OLE + bytes(512) + "Workbook".encode("utf-16-le"))
    (BAD / "empty.xlsx").write_bytes(b"")
    (BAD / "xml2003.xls").write_text(
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"></Workbook>'
    )
    buffer = io.BytesIO()
    save(book(row()), buffer)
    (BAD / "cut_off.xlsx").write_bytes(buffer.getvalue()[:-400])
    save(book(row()), BAD / "entities.xlsx")
    patched(
        BAD / "entities.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda xml: b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + xml,
    )
    save(book(row()), BAD / "far_cell.xlsx")
    patched(
        BAD / "far_cell.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
    )


def templates():
    write_template(STRICT, {}, BAD / "wrong_form.xlsx", fiscal_year=2022)
    for name, key, value in (("old_version", "version", 1), ("newer_version", "version", 3)):
        write_template(PROJECTS, {"项目": [row()]}, BAD / f"{name}.xlsx", fiscal_year=2023)
        made = load_workbook(BAD / f"{name}.xlsx")
        for cells in made["_qtjx"].iter_rows():
            if cells[0].value == key:
                cells[1].value = value
        save(made, BAD / f"{name}.xlsx")
    write_template(PROJECTS, {"项目": [row()]}, BAD / "other_year.xlsx", fiscal_year=2022, scope="101")
    write_template(PROJECTS, {"项目": [row()]}, BAD / "other_unit.xlsx", fiscal_year=2023, scope="102")
    save(book(row()[:5], heads=HEADS[:5], sheet="自评"), BAD / "no_template.xlsx")
    write_template(STRICT, {}, BAD / "sheet_missing.xlsx")
    made = load_workbook(BAD / "sheet_missing.xlsx")
    made["自评"].append(row()[:5])
    made["指标"].title = "表2"
    made["表2"]["A1"] = "编码"
    save(made, BAD / "sheet_missing.xlsx")
    write_template(STRICT, {}, BAD / "strict.xlsx")
    made = load_workbook(BAD / "strict.xlsx")
    page = made["自评"]
    page.insert_rows(1)
    page["A1"] = "2022 年度自评"
    for number, values in enumerate((row()[:5], ["合计", None, None, None, 120.5]), 3):
        for column, value in enumerate(values, 1):
            page.cell(number, column, value)
    save(made, BAD / "strict.xlsx")


def headings():
    made = book(row())
    again = made.copy_worksheet(made["项目"])
    made["项目"].title, again.title = "一月", "二月"
    save(made, BAD / "two_sheets.xlsx")
    save(book(["a", "b"], heads=["名称", "数额"]), BAD / "header_missing.xlsx")
    save(book(row()[1:], heads=HEADS[1:]), BAD / "heading_missing.xlsx")
    save(book([*row(), "101"], heads=[*HEADS, "部门代码"]), BAD / "heading_twice.xlsx")
    save(book(heads=HEADS), BAD / "no_rows.xlsx")
    save(book(["001", 5], heads=["凭证号", "金额"], sheet="明细"), BAD / "no_unit.xlsx")


def rows():
    made = book(row(), [None] * 11, row(code=None, name="二"), row(code=None, name="三"))
    made["项目"].merge_cells("A4:A5")
    made["项目"]["A4"] = "33112123T000000000002"
    save(made, BAD / "merged_and_empty.xlsx")
    save(book(row(code=630000242000000000001)), BAD / "numeric_code.xlsx")
    save(book(row(), row(name="又一个"), row(code="33112123T000000000002")), BAD / "duplicate_code.xlsx")
    secret = row(code="33112123T000000000009", name="某某工程", note="机密★10年")
    save(book(row(), secret), BAD / "classified.xlsx")
    by_column = [[*row(), "非密"], [*row(code="33112123T000000000008", name="某某行动"), "秘密"]]
    save(book(*by_column, heads=[*HEADS, "密级"]), BAD / "classified_column.xlsx")
    save(book(row(), before=[["某某行动经费表"], ["机密★20年"]]), BAD / "classified_title.xlsx")
    two = row(code="33112123T000000000002", initial=79.5)
    total = ["合计", None, None, None, 201, 1600000, 6, None, None, None, None]
    save(book(row(), two, total), BAD / "total_disagrees.xlsx")
    made = book(row(), row(code="33112123T000000000002"))
    made["项目"]["E2"] = "=1/0"
    made["项目"]["F3"] = "#REF!"
    made["项目"]["F3"].data_type = "e"
    save(made, BAD / "error_values.xlsx")
    patched(
        BAD / "error_values.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"<f>1/0</f><v></v>", b"<f>1/0</f><v>#DIV/0!</v>").replace(
            b'<c r="E2">', b'<c r="E2" t="e">'
        ),
    )
    made = book(row())
    made["项目"]["E2"] = "=100+20.5"
    save(made, BAD / "not_calculated.xlsx")


def twenty():
    """Twenty rows' worth of trouble in one workbook: twenty different codes of error."""
    code = iter(f"33112123T{number:012d}" for number in range(2, 99)).__next__
    made = book(
        row(),
        row(code=None),
        row(code=630000242000000000001),
        row(code="6.30000242E+20"),
        row(code=12.5),
        row(name="二"),
        row(code=code(), name="长" * 21),
        row(code=code(), name=datetime.date(2023, 1, 1)),
        row(code=code(), category="其他类"),
        row(code=code(), initial="一百万"),
        row(code=code(), initial=2e12),
        row(code=code(), count="两个"),
        row(code=code(), rate="过半"),
        row(code=code(), start="2023年13月1日"),
        row(code=code(), priority="也许"),
        row(code=code(), paid="#N/A"),
        row(code=code(), paid="=SUM(F2:F3)"),
        row(code=code(), note="【秘密】"),
        row(code=code(), name="上"),
        row(code=code(), name=None),
        heads=[*HEADS, "部门代码"],
        before=[["青田县项目表"], ["单位：元"]],
    )
    made["项目"].merge_cells("B22:B23")
    page = made.create_sheet("附表")
    for values in (["项目代码", "单位"], [code(), "甲"], ["合计", None]):
        page.append(values)
    save(made, BAD / "twenty.xlsx")


def csv_files():
    head = ",".join(HEADS)
    line = '33112123T000000000001,农村公路养护,101,特定目标类,120.5,"800,000.00",3,66.4%,2023/3/1,是,无'
    (BAD / "encoding.csv").write_bytes(head.encode() + b"\r\n\xff\xfe\xfa\x81\x20\r\n")
    (BAD / "quotes.csv").write_text(f'{head}\n{line}\n"未结束,1\n', encoding="utf-8")
    (BAD / "long_row.csv").write_text(f"{head}\n{line.replace(chr(34), '')}\n", encoding="gb18030")
    (BAD / "scientific.csv").write_text(
        f"{head}\n{line}\n{line.replace('33112123T000000000001', '6.30000242E+20')}\n", encoding="utf-8-sig"
    )
    (GOOD / "utf8.csv").write_text(f"{head}\n{line}\n", encoding="utf-8")
    (GOOD / "utf8_mark.csv").write_text(f"{head}\r\n{line}\r\n", encoding="utf-8-sig")
    (GOOD / "gb18030.csv").write_text(f"{head}\r\n{line}\r\n", encoding="gb18030")
    (GOOD / "utf16_tabs.csv").write_text(
        f"{head}\n{line}\n".replace(",", "\t").replace("800\t000", "800,000"), encoding="utf-16"
    )
    (GOOD / "semicolons.csv").write_text(
        f"{head}\n{line}\n".replace(",", ";").replace("800;000", "800,000"), encoding="utf-8"
    )
    excel = line.replace("33112123T000000000001", '"=""33112123T000000000001"""').replace("101", "\t101")
    (GOOD / "kept_zeros.csv").write_text(f"{head}\n{excel}\n", encoding="utf-8")


def html_and_xls():
    def table(*lines):
        cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in values)}</tr>" for values in lines)
        return f'<html><head><meta charset="gb2312"></head><body><table>{cells}</table></body></html>'

    (GOOD / "html.xls").write_text(table(HEADS, GOOD_ROW), encoding="gb18030")
    (BAD / "html.xls").write_text(table(HEADS, row(initial="许多")), encoding="gb18030")
    try:
        import xlwt
    except ImportError:
        return
    for path, values in ((GOOD / "excel97.xls", GOOD_ROW), (BAD / "excel97.xls", row(initial="许多"))):
        made = xlwt.Workbook(encoding="utf-8")
        page = made.add_sheet("项目")
        for number, cells in enumerate((HEADS, values)):
            for column, value in enumerate(cells):
                if number and column == 5 and path.parent == BAD:
                    page.row(number).set_cell_error(column, "#REF!")
                else:
                    page.write(number, column, value)
        made.save(str(path))


def accepted():
    """The same one row, as people send it."""
    wide = row(
        code="３３１１２１２３Ｔ０００００００００００１",
        dept=101,
        initial="１２０．５０　",
        paid="￥８００，０００．００",
        count="３",
        rate="６６．４％",
        start="２０２３年３月１日",
        name="\u200b农村公路养护 ",
    )
    save(book(wide), GOOD / "full_width.xlsx")
    save(book(row(initial="1205000元", paid="80万元", start=20230301)), GOOD / "marked_units.xlsx")
    made = book(
        row(initial="=100+20.5", start=datetime.date(2023, 3, 1)), before=[["青田县项目表"], [], ["单位：万元"]]
    )
    save(made, GOOD / "title_and_formula.xlsx")
    patched(
        GOOD / "title_and_formula.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"<f>100+20.5</f><v></v>", b"<f>100+20.5</f><v>120.5</v>"),
    )
    upper = [*HEADS[:4], "资金（万元）", None, *HEADS[6:]]
    lower = [None] * 4 + ["年初数", "支出数（元）"] + [None] * 5
    made = book(lower, row(), heads=upper)
    page = made["项目"]
    page.merge_cells("E1:F1")
    for letter in "ABCDGHIJK":
        page.merge_cells(f"{letter}1:{letter}2")
    save(made, GOOD / "two_row_heading.xlsx")
    total = [None, "合 计", None, None, 120.5, 800000, 3, None, None, None, None]
    subtotal = [None, "小计", None, None, 120.5, 800000, 3, None, None, None, None]
    note = ["注：本表数据截至 2023 年 9 月 30 日"]
    save(book(row(), subtotal, HEADS, [" "] * 11, total, [], note), GOOD / "totals_and_notes.xlsx")
    save(
        book(row(), heads=["* 项 目\n编码", *[f" {head} " for head in HEADS[1:]]], sheet="Sheet1"),
        GOOD / "headings.xlsx",
    )
    page = (made := book(row()))["项目"]
    page.insert_cols(1, 2)
    page.insert_rows(1, 2)
    save(made, GOOD / "moved.xlsx")


def main():
    for folder in (BAD, GOOD):
        folder.mkdir(exist_ok=True)
    for make in (whole_files, templates, headings, rows, twenty, csv_files, html_and_xls, accepted):
        make()


if __name__ == "__main__":
    main()
