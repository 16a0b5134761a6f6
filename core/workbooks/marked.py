"""Errors given back where the user can see them: in the user's own file, or beside the faulty rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from . import layout as finder
from .errors import CellError, Code, Refused, cell_position, column_letter
from .reading import Reading
from .sources import Book, Source, open_book, split_source
from .write import Target, safe, sheet_name

AUTHOR = "青田预算绩效"
LIST_SHEET = "错误清单"
ROWS_LIMIT = 20_000
COMMENTS_LIMIT = 5_000
WRONG_COLOUR = "FFC7CE"
WARN_COLOUR = "FFEB9C"
BLANKED = "（内容已清除）"


def mark(reading: Reading, sources: Source | Iterable[Source], target: Target) -> str:
    """Give the errors and warnings of a reading back: `annotated` (the user's own file) or `faulty` (list of rows)."""
    several = [sources] if isinstance(sources, (str, tuple, Path)) else list(sources)
    named = [(name, split_source(source)[1]) for name, source in zip(reading.files, several, strict=True)]
    if len(named) == 1:
        return annotate(named[0], reading.errors, target, warnings=reading.warnings)
    write_faulty(named, reading.errors, target)
    return "faulty"


def annotate(
    source: Source,
    errors: Sequence[CellError],
    target: Target,
    *,
    warnings: Sequence[CellError] = (),
    max_rows: int = ROWS_LIMIT,
) -> str:
    """Mark errors in a copy of the user's .xlsx: coloured cells with comments, and a sheet 错误清单 in front.

    Files of other kinds or above `max_rows` rows get `write_faulty` instead; the answer says which it was.
    Rows (or sheets) marked as classified are blanked, and with them whatever may have cached their content.
    """
    from openpyxl import load_workbook

    name, path = split_source(source)
    try:
        # What the reader refused (bombs, damaged files) is not opened here either.
        opened = open_book(source)
        small = opened.kind == "xlsx" and _rows(opened, max_rows) <= max_rows
        with Path(path).open("rb") as content:  # a stored file has no extension, which openpyxl insists on in a path
            book = load_workbook(content) if small else None
    except Refused:
        book = None
    except Exception:  # openpyxl stumbles over files that Excel and calamine read; the list of rows serves them
        book = None
    if book is None:
        write_faulty([(name, path)], errors, target)
        return "faulty"
    if LIST_SHEET in book.sheetnames:
        del book[LIST_SHEET]
    _clear_old_marks(book)
    _blank_classified(book, errors)
    for found, colour in ((warnings, WARN_COLOUR), (errors, WRONG_COLOUR)):
        _mark_cells(book, found, colour)
    page = book.create_sheet(LIST_SHEET, 0)
    _fill_list(page, errors, warnings, set(book.sheetnames))
    for sheet in book.worksheets:
        sheet.sheet_view.tabSelected = False
    book.active = 0
    book.save(target)
    return "annotated"


def _rows(book: Book, limit: int) -> int:
    total = 0
    for name in book.names:
        total += sum(1 for _ in islice(book.load(name).rows(), limit + 1))
    return total


def _clear_old_marks(book: Any) -> None:
    """A marked copy that was mended and sent again starts clean."""
    from openpyxl.styles import PatternFill

    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.comment is not None and cell.comment.author == AUTHOR:
                    cell.comment = None
                    cell.fill = PatternFill()


def _blank_classified(book: Any, errors: Sequence[CellError]) -> None:
    sheets = {error.sheet for error in errors if error.code == Code.CLASSIFIED_SHEET}
    rows = {(error.sheet, cell_position(error.cell)[0]) for error in errors if error.code == Code.CLASSIFIED}
    if not sheets and not rows:
        return
    # Charts, pivot tables, pictures and linked workbooks carry copies of cell contents.
    book._external_links = []
    for sheet in book.worksheets:
        sheet._charts, sheet._images, sheet._pivots = [], [], []
        for row in sheet.iter_rows():
            if sheet.title in sheets or (sheet.title, row[0].row - 1) in rows:
                for cell in row:
                    _blank(cell)


def _blank(cell: Any) -> None:
    from openpyxl.cell import MergedCell

    if isinstance(cell, MergedCell):
        return
    cell.hyperlink = None
    cell.value = None
    cell.comment = None


def _grouped(errors: Iterable[CellError]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for error in errors:
        if error.sheet is not None and error.cell is not None:
            found[error.sheet, error.cell].append(error.message)
    return found


def _mark_cells(book: Any, errors: Sequence[CellError], colour: str) -> None:
    from openpyxl.cell import MergedCell
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    fill = PatternFill("solid", fgColor=colour)
    for number, ((sheet, address), texts) in enumerate(_grouped(errors).items()):
        if sheet not in book.sheetnames:
            continue
        cell = book[sheet][address]
        cell.fill = fill
        if isinstance(cell, MergedCell) or number >= COMMENTS_LIMIT:
            continue
        text = "\n".join(texts)
        if cell.comment is not None:
            text = f"{text}\n{cell.comment.text}"
        comment = Comment(text, AUTHOR)
        comment.width, comment.height = 300, 40 + 18 * (1 + len(text) // 20)
        cell.comment = comment


def _fill_list(
    page: Any, errors: Sequence[CellError], warnings: Sequence[CellError], sheets: Collection[str] = ()
) -> None:
    """错误清单: errors, then warnings; the address is a link where the sheet is in the same file."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font, PatternFill
    from openpyxl.worksheet.hyperlink import Hyperlink

    for letter, width in zip("ABCDEF", (7, 8, 24, 18, 10, 100), strict=True):
        page.column_dimensions[letter].width = width
    page.freeze_panes = "A2"
    head = []
    for text in ("序号", "类别", "文件", "工作表", "单元格", "说明"):
        cell = WriteOnlyCell(page, value=text)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DCE6F5")
        head.append(cell)
    page.append(head)
    number = 0
    for kind, found in (("错误", errors), ("提示", warnings)):
        for error in found:
            number += 1
            page.append(
                [number, kind, safe(error.file or ""), safe(error.sheet or ""), error.cell, safe(error.message)]
            )
            if error.cell and error.sheet and error.sheet in sheets and number <= COMMENTS_LIMIT:
                quoted = error.sheet.replace("'", "''")
                link = page.cell(number + 1, 5)
                link.hyperlink = Hyperlink(ref=link.coordinate, location=f"'{quoted}'!{error.cell}")
                link.font = Font(color="0563C1", underline="single")


def write_faulty(sources: Sequence[Source], errors: Sequence[CellError], target: Target) -> int:
    """Stream a workbook of the faulty rows with their original row numbers; answers how many rows it holds.

    Serves long files, .xls, .csv and imports of several files. Rows marked as classified appear without content.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    _fill_list(book.create_sheet(LIST_SHEET), errors, ())
    count = 0
    for number, source in enumerate(sources):
        name = split_source(source)[0]
        own = [error for error in errors if error.cell and (len(sources) == 1 or error.file == name)]
        by_sheet: dict[str, list[CellError]] = defaultdict(list)
        for error in own:
            by_sheet[error.sheet or ""].append(error)
        if not by_sheet:
            continue
        try:
            opened = open_book(source)
            for sheet, found in by_sheet.items():
                prefix = f"{number + 1}-" if len(sources) > 1 else ""
                count += _faulty_sheet(book, opened, sheet, found, sheet_name(prefix + sheet))
        except Refused:
            continue  # the list already says why the file cannot be read
    book.save(target)
    return count


def _faulty_sheet(book: Any, opened: Book, name: str, errors: Sequence[CellError], title: str) -> int:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font, PatternFill

    if any(error.code == Code.CLASSIFIED_SHEET for error in errors):
        return 0
    by_row: dict[int, dict[int, list[CellError]]] = defaultdict(lambda: defaultdict(list))
    for error in errors:
        row, column = cell_position(error.cell)
        by_row[row][column].append(error)
    page = book.create_sheet(title)
    page.column_dimensions["A"].width = 9
    page.column_dimensions["B"].width = 60
    page.freeze_panes = "C2"
    raw = opened.load(name)
    layout = finder.describe(list(islice(raw.rows(), finder.SEARCHED_ROWS + 1)), raw.merged)
    texts = layout.texts if layout else {}
    width = max([*texts, *(column - raw.offset for columns in by_row.values() for column in columns)], default=0) + 1
    heads = [f"{column_letter(index + raw.offset)} {texts.get(index, '')}".strip() for index in range(width)]
    bold = []
    for text in ("原行号", "错误", *heads):
        cell = WriteOnlyCell(page, value=safe(text))
        cell.font = Font(bold=True)
        bold.append(cell)
    page.append(bold)
    fill = PatternFill("solid", fgColor=WRONG_COLOUR)
    count = 0
    for at, values in enumerate(raw.rows()):
        found = by_row.get(at)
        if found is None:
            continue
        flat = [error for index in sorted(found) for error in found[index]]
        secret = any(error.code == Code.CLASSIFIED for error in flat)
        text = "；".join(f"{error.cell}：{error.message}" for error in flat)
        cells: list[Any] = [at + 1, safe(BLANKED + text if secret else text)]
        for index, value in enumerate([] if secret else values[:300]):
            value = safe(value) if isinstance(value, str) else value
            if index + raw.offset in found:
                cell = WriteOnlyCell(page, value=value)
                cell.fill = fill
                value = cell
            cells.append(value)
        page.append(cells)
        count += 1
    return count
