"""The template of a form: instructions, prefilled rows, drop-downs, locked keys, and the form's code inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .declare import Column, Form, Kind, Sheet
from .sources import STAMP_MARK, STAMP_SHEET
from .write import FORMATS as NUMBER_FORMATS
from .write import LOCKED_COLOUR, Pen, Target, heading_cells, money_format, row_values, safe, set_widths

AUTHOR = "青田预算绩效"
LISTS_SHEET = "_qtjx_lists"
INSTRUCTIONS_SHEET = "填写说明"
LAST_ROW = 1_048_576
_HOW = {
    Kind.TEXT: "文字",
    Kind.CODE: "代码（文本格式）",
    Kind.MONEY: "金额",
    Kind.INTEGER: "整数",
    Kind.RATE: "百分数，如 85.5%",
    Kind.DATE: "日期，如 2023-09-30",
    Kind.CHOICE: "从下拉列表选择",
    Kind.BOOLEAN: "填“是”或“否”",
}


def write_template(
    form: Form,
    rows_by_sheet: Mapping[str, Iterable[Any]] | None,
    target: Target,
    *,
    fiscal_year: int | None = None,
    scope: str | None = None,
) -> int:
    """Write the workbook and answer the number of prefilled rows.

    rows_by_sheet  sheet name → rows (mappings, objects or sequences); money in yuan
    scope          code of the unit or department it is made for; checked on the way back
    """
    from openpyxl import Workbook
    from openpyxl.packaging.custom import IntProperty, StringProperty

    book: Any = Workbook(write_only=True)
    book.properties.title = form.title
    book.properties.creator = AUTHOR
    for name, text in (("FormCode", form.code), ("Scope", scope or "")):
        book.custom_doc_props.append(StringProperty(name=name, value=text))
    for name, number in (("FormVersion", form.version), ("FiscalYear", fiscal_year)):
        if number is not None:
            book.custom_doc_props.append(IntProperty(name=name, value=number))
    _instructions(book, form, fiscal_year, scope)
    lists: list[tuple[str, ...]] = []
    count = 0
    for sheet in form.sheets:
        count += _data_sheet(book, sheet, (rows_by_sheet or {}).get(sheet.name, ()), lists)
    _stamp(book, form, fiscal_year, scope)
    if lists:
        page = book.create_sheet(LISTS_SHEET)
        page.sheet_state = "veryHidden"
        for number in range(max(map(len, lists))):
            page.append([safe(labels[number]) if number < len(labels) else None for labels in lists])
    book.active = 1
    book.save(target)
    return count


def _stamp(book: Any, form: Form, fiscal_year: int | None, scope: str | None) -> None:
    page = book.create_sheet(STAMP_SHEET)
    page.sheet_state = "veryHidden"
    for pair in (
        (STAMP_MARK, form.code),
        ("version", form.version),
        ("title", form.title),
        ("fiscal_year", fiscal_year),
        ("scope", scope),
    ):
        page.append(pair)


def _data_sheet(book: Any, sheet: Sheet, rows: Iterable[Any], lists: list[tuple[str, ...]]) -> int:
    from openpyxl.styles import PatternFill, Protection
    from openpyxl.utils import get_column_letter

    page = book.create_sheet(sheet.name)
    set_widths(page, sheet.columns)
    locking = any(column.locked for column in sheet.columns)
    for number, column in enumerate(sheet.columns, 1):
        # Rows typed below the prefilled ones get the column's format; codes stay text.
        dimension = page.column_dimensions[get_column_letter(number)]
        dimension.number_format = (
            money_format(column.unit) if column.kind == Kind.MONEY else NUMBER_FORMATS[Kind(column.kind)]
        )
        dimension.protection = Protection(locked=locking and sheet.fixed_rows and column.locked)
        rule = _validation(column, get_column_letter(number), lists)
        if rule is not None:
            page.data_validations.append(rule)
    frozen = next((number for number, column in enumerate(sheet.columns) if not column.locked), 0)
    page.freeze_panes = f"{get_column_letter(min(frozen, 3) + 1)}2"
    if locking:
        protection = page.protection
        protection.sheet = True
        protection.formatColumns = protection.formatRows = protection.formatCells = False
        protection.autoFilter = protection.sort = False
        protection.insertRows = protection.deleteRows = sheet.fixed_rows
    page.append(heading_cells(page, sheet.columns))
    pen = Pen(page, sheet.columns, locked=locking)
    for cell, column in zip(pen.cells, sheet.columns, strict=True):
        if column.locked:
            cell.fill = PatternFill("solid", fgColor=LOCKED_COLOUR)
    count = 0
    for row in rows:
        page.append(pen.row(row_values(sheet.columns, row)))
        count += 1
    return count


def _validation(column: Column, letter: str, lists: list[tuple[str, ...]]) -> Any:
    """A drop-down, an input hint, or nothing."""
    from openpyxl.worksheet.datavalidation import DataValidation

    labels: Sequence[str] = ()
    if column.kind == Kind.CHOICE:
        labels = [label for _, label in column.options]
    elif column.kind == Kind.BOOLEAN:
        labels = ("是", "否")
    if labels:
        lists.append(tuple(labels))
        source = _letter(len(lists))
        rule = DataValidation(
            type="list",
            formula1=f"'{LISTS_SHEET}'!${source}$1:${source}${len(labels)}",
            allow_blank=not column.required,
            showErrorMessage=True,
            errorTitle=column.label[:32],
            error="请从下拉列表选择",
        )
    elif column.help:
        rule = DataValidation(allow_blank=True)
    else:
        return None
    if column.help:
        rule.showInputMessage = True
        rule.promptTitle = column.label[:32]
        rule.prompt = column.help[:255]
    rule.add(f"{letter}2:{letter}{LAST_ROW}")
    return rule


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(number)


def _instructions(book: Any, form: Form, fiscal_year: int | None, scope: str | None) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    page = book.create_sheet(INSTRUCTIONS_SHEET)
    for letter, width in zip("ABCDE", (22, 30, 10, 26, 70), strict=True):
        page.column_dimensions[letter].width = width

    def cell(text: str, **font: Any) -> Any:
        made = WriteOnlyCell(page, value=safe(text))
        made.font = Font(**font)
        made.alignment = Alignment(wrap_text=not font.get("size"), vertical="top")
        return made

    year = f"{fiscal_year} 年度" if fiscal_year else ""
    page.append([cell(f"{year}{form.title} 填写说明", bold=True, size=14)])
    origin = f"表号 {form.code}，第 {form.version} 版" + (f"，单位代码 {scope}" if scope else "")
    page.append([cell(origin, size=10, color="666666")])
    page.append([cell("严禁录入、上传涉密信息。", bold=True, size=11, color="C00000")])
    for number, text in enumerate(
        (
            *form.instructions,
            "带 * 的列必填。请不要改动工作表名和列名，不要合并单元格。灰色单元格由系统预填，不能修改。",
            "上传后如有错误，系统会在本文件中逐格标红并说明改法，改正后可直接再次上传。",
        ),
        1,
    ):
        page.append([cell(f"{number}. {text}", size=11)])
    page.append([])
    page.append([cell(text, bold=True) for text in ("工作表", "列名", "必填", "填写方式", "说明")])
    for sheet in form.sheets:
        for column in sheet.columns:
            labels = "、".join(label for _, label in column.options)
            about = "；".join(part for part in (column.help, f"可选：{labels}" if labels else "") if part)
            how = _HOW[Kind(column.kind)] + (f"（{column.unit}）" if column.unit else "")
            page.append([cell(t) for t in (sheet.name, column.label, "是" if column.required else "", how, about)])
