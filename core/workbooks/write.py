"""Writing lists: typed cells, streamed, text neutralised."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

from .cells import neutralise
from .declare import Column, Kind
from .errors import column_letter

Target = str | Path | IO[bytes]

FORMATS = {
    Kind.TEXT: "General",
    Kind.CODE: "@",
    Kind.MONEY: "#,##0.00",
    Kind.INTEGER: "#,##0",
    Kind.RATE: "0.00%",
    Kind.DATE: "yyyy-mm-dd",
    Kind.CHOICE: "General",
    Kind.BOOLEAN: "General",
}
WIDTHS = {Kind.TEXT: 28, Kind.CODE: 24, Kind.MONEY: 18, Kind.INTEGER: 10, Kind.RATE: 11, Kind.DATE: 13}
HEAD_COLOUR = "DCE6F5"
LOCKED_COLOUR = "F2F2F2"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
CELL_LIMIT = 32_767


def money_format(unit: str | None) -> str:
    return "#,##0.00####" if unit not in (None, "元") else FORMATS[Kind.MONEY]


def safe(text: str) -> str:
    """Text fit for a cell: neutralised, without what XML cannot carry, within Excel's limit."""
    return neutralise(_ILLEGAL.sub("", text))[:CELL_LIMIT]


def outgoing(column: Column, value: Any) -> Any:
    """A row's value as the cell shows it: money in the column's unit, choices by their label."""
    if value is None or value == "":
        return None
    kind = column.kind
    if kind == Kind.MONEY and isinstance(value, (Decimal, int, float)):
        yuan = value if isinstance(value, Decimal) else Decimal(str(value))
        return yuan if column.per_unit == 1 else yuan / column.per_unit
    if kind == Kind.CHOICE:
        return safe(next((label for stored, label in column.options if stored == str(value)), str(value)))
    if kind == Kind.BOOLEAN and isinstance(value, bool):
        return "是" if value else "否"
    if kind in (Kind.CODE, Kind.TEXT):
        return safe(str(value))
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, (int, float, Decimal, datetime.date)):
        return value
    return safe(str(value))


def row_values(columns: Sequence[Column], row: Any) -> list[Any]:
    """A row may be a mapping or an object with the columns' keys, or a plain sequence in their order."""
    if isinstance(row, Mapping):
        return [row.get(column.key) for column in columns]
    if isinstance(row, (list, tuple)) and not hasattr(row, "_fields"):
        return list(row)
    return [getattr(row, column.key, None) for column in columns]


class Pen:
    """Cells of one sheet, one reusable cell per column: the writer copies a cell as soon as its row is appended."""

    def __init__(
        self, sheet: Any, columns: Sequence[Column], *, bold: bool = False, locked: bool | None = None
    ) -> None:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font, Protection

        self.columns = columns
        self.cells: list[Any] = []
        for column in columns:
            cell = WriteOnlyCell(sheet)
            cell.number_format = money_format(column.unit) if column.kind == Kind.MONEY else FORMATS[Kind(column.kind)]
            if bold:
                cell.font = Font(bold=True)
            if column.kind == Kind.TEXT:
                cell.alignment = Alignment(vertical="center", wrap_text=locked is not None)
            if locked is not None:
                cell.protection = Protection(locked=locked and column.locked)
            self.cells.append(cell)

    def row(self, values: Iterable[Any]) -> list[Any]:
        for cell, column, value in zip(self.cells, self.columns, values, strict=True):
            ready = outgoing(column, value)
            cell.value = ready
            if isinstance(ready, str):
                cell.data_type = "s"  # never a formula, never an error value, whatever the text looks like
        return self.cells


def heading_cells(sheet: Any, columns: Sequence[Column]) -> list[Any]:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side

    cells = []
    line = Side(style="thin", color="9AA5B1")
    for column in columns:
        cell = WriteOnlyCell(sheet, value=safe(f"*{column.heading}" if column.required else column.heading))
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor=HEAD_COLOUR)
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        cell.border = Border(bottom=line, right=line)
        cell.protection = Protection(locked=True)
        cells.append(cell)
    return cells


def set_widths(sheet: Any, columns: Sequence[Column]) -> None:
    from openpyxl.utils import get_column_letter

    for number, column in enumerate(columns, 1):
        width = column.width or max(WIDTHS.get(Kind(column.kind), 14), len(column.heading) * 2 + 2)
        sheet.column_dimensions[get_column_letter(number)].width = width


def write_table(
    columns: Sequence[Column],
    rows: Iterable[Any],
    target: Target,
    *,
    sheet: str = "数据",
    title: str | None = None,
    totals: Any = None,
) -> int:
    """Stream a list to .xlsx and answer the number of rows. Memory does not grow with them.

    rows    mappings, objects or sequences; money in yuan, written in each column's unit
    title   a line above the heading
    totals  a row like the others, printed last and bold; its first column says 合计 if it is blank
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    page = book.create_sheet(sheet_name(sheet))
    set_widths(page, columns)
    page.freeze_panes = "A3" if title else "A2"
    if title:
        page.append([safe(title)])
    page.append([_optional(cell) for cell in heading_cells(page, columns)])
    plain = _RowWriter(columns, [cell.style_id for cell in Pen(page, columns).cells])
    bold = _RowWriter(columns, [cell.style_id for cell in Pen(page, columns, bold=True).cells])
    shell = io.BytesIO()
    book.save(shell)
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        first = 3 if title else 2
        for row in rows:
            yield plain.line(first + count, row_values(columns, row))
            count += 1
        if totals is not None:
            values = row_values(columns, totals)
            if values and values[0] in (None, ""):
                values[0] = "合计"
            yield bold.line(first + count, values)

    _fill_shell(shell, target, lines())
    return count


def _fill_shell(shell: IO[bytes], target: Target, lines: Iterable[str]) -> None:
    """openpyxl makes the workbook with its headings and styles; the rows are streamed into its sheet as text.

    Cell objects cost ten times as much as the text they become, and an export may have a hundred thousand rows.
    """
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(shell) as made, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as out:
        for name in made.namelist():
            if name != part:
                out.writestr(name, made.read(name))
        head, end, tail = made.read(part).partition(b"</sheetData>")
        with out.open(part, "w", force_zip64=True) as stream:
            stream.write(head)
            for batch in _batched(lines, 500):
                stream.write("".join(batch).encode())
            stream.write(end + tail)


def _batched(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    source = iter(lines)
    while batch := list(islice(source, size)):
        yield batch


class _RowWriter:
    """Rows as SpreadsheetML. Text is always an inline string, so nothing in it can become a formula."""

    _EPOCH = datetime.datetime(1899, 12, 30)  # noqa: DTZ001  a spreadsheet's day zero has no zone

    def __init__(self, columns: Sequence[Column], styles: Sequence[int]) -> None:
        self.columns = [
            (column, column_letter(index), style)
            for index, (column, style) in enumerate(zip(columns, styles, strict=True))
        ]

    def line(self, number: int, values: Sequence[Any]) -> str:
        cells = []
        for (column, letter, style), value in zip(self.columns, values, strict=True):
            ready = outgoing(column, value)
            if ready is None:
                continue
            if isinstance(ready, str):
                cells.append(
                    f'<c r="{letter}{number}" s="{style}" t="inlineStr">'
                    f'<is><t xml:space="preserve">{escape(ready)}</t></is></c>'
                )
            else:
                cells.append(f'<c r="{letter}{number}" s="{style}"><v>{self._number(ready)}</v></c>')
        return f'<row r="{number}">{"".join(cells)}</row>'

    def _number(self, value: Any) -> str:
        if isinstance(value, Decimal):
            return format(value, "f")
        if isinstance(value, datetime.datetime):
            return repr((value - self._EPOCH) / datetime.timedelta(days=1))
        if isinstance(value, datetime.date):
            return str(value.toordinal() - self._EPOCH.toordinal())
        return str(int(value) if isinstance(value, bool) else value)


def _optional(cell: Any) -> Any:
    """A list's headings carry no star."""
    cell.value = str(cell.value).removeprefix("*")
    return cell


_BAD_IN_NAME = re.compile(r"[\[\]:*?/\\]")


def sheet_name(name: str) -> str:
    return _BAD_IN_NAME.sub("·", name)[:31] or "数据"
