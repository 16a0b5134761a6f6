"""Opening a user's file: what it is (by content, never by name), whether it is safe, and its cells row by row."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import biff, ooxml, textual, xls_child
from .errors import Code, Refused, cell_name

SIZE_LIMIT = 50 * 1024 * 1024
STAMP_SHEET = "_qtjx"
STAMP_MARK = "QTJX-FORM"

Merge = tuple[tuple[int, int], tuple[int, int]]
Source = str | Path | tuple[str, str | Path]  # a path, or (the name the user gave, path)


@dataclass(frozen=True)
class Stamp:
    """What a template says of itself."""

    form: str
    version: int
    title: str
    fiscal_year: int | None
    scope: str | None


@dataclass
class RawSheet:
    """One sheet as it lies in the file. Rows count from 0; columns from `offset`, the first one in use."""

    name: str
    rows: Callable[[], Iterator[list[Any]]]
    offset: int = 0
    merged: list[Merge] = field(default_factory=list)
    scan: ooxml.Scan = field(default_factory=ooxml.Scan)
    ragged: bool = False

    def cell(self, row: int, column: int) -> str:
        return cell_name(row, column + self.offset)


@dataclass
class Book:
    """An opened file. `names` are its visible and hidden worksheets; a sheet is loaded when asked for."""

    file: str
    kind: str  # xlsx | xls | csv | html
    names: list[str]
    load: Callable[[str], RawSheet]
    stamp: Stamp | None = None

    def data_names(self) -> list[str]:
        return [name for name in self.names if not name.startswith("_") and name not in ("填写说明", "错误清单")]


def split_source(source: Source) -> tuple[str, Path]:
    """(name to show, path)."""
    if isinstance(source, tuple):
        return source[0], Path(source[1])
    return Path(source).name, Path(source)


def open_book(source: Source, *, limit: int = SIZE_LIMIT) -> Book:
    """Open one file. Raises Refused with the reason."""
    name, path = split_source(source)
    size = path.stat().st_size
    if size > limit:
        raise Refused(Code.TOO_LARGE, file=name, size=f"{size / 1048576:.1f}", limit=limit // 1048576)
    if size == 0:
        raise Refused(Code.EMPTY_FILE, file=name)
    with path.open("rb") as stream:
        head = stream.read(65536)
    if head.startswith(b"PK"):
        _check_zip(path, name)
        return _open_xlsx(path, name, ooxml.scan(path, name))
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        _check_ole(path, name)
        return _open_xls(path, name)
    if textual.looks_like_html(head, name):
        tables = textual.html_tables(path, name)
        sheets = {table.name: table for table in tables}
        return Book(name, "html", list(sheets), lambda wanted: _plain(sheets[wanted]))
    table = textual.csv_table(path, head, name)
    return Book(name, "csv", [table.name], lambda _wanted: _plain(table))


def _plain(table: textual.Table) -> RawSheet:
    return RawSheet(table.name, table.rows, merged=table.merged, ragged=True)


def _check_zip(path: Path, name: str) -> None:
    """An .xlsx, not another of the many formats that are a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            ooxml.check_directory(archive, name)
            parts = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError) as problem:
        raise Refused(Code.DAMAGED, file=name) from problem
    if "xl/workbook.bin" in parts:
        raise Refused(Code.WRONG_FORMAT, file=name, kind="二进制工作簿（.xlsb）")
    if "content.xml" in parts and "mimetype" in parts:
        raise Refused(Code.WRONG_FORMAT, file=name, kind="OpenDocument（.ods）")
    if "xl/workbook.xml" not in parts:
        raise Refused(Code.NOT_WORKBOOK, file=name)


def _check_ole(path: Path, name: str) -> None:
    """An .xls, not a Word file, an encrypted .xlsx or the own format of WPS."""
    if name.lower().endswith((".et", ".ett")):
        raise Refused(Code.WRONG_FORMAT, file=name, kind=" WPS 表格（.et）")
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Refused(Code.ENCRYPTED, file=name)
    if not any(stream.encode("utf-16-le") in content for stream in ("Workbook", "Book")):
        raise Refused(Code.NOT_WORKBOOK, file=name)


@contextmanager
def _parsing(name: str) -> Iterator[None]:
    """The parser's complaints as refusals; its panics are no Exceptions and have no importable name."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError as problem:
        raise Refused(Code.ENCRYPTED, file=name) from problem
    except (CalamineError, OSError, ValueError) as problem:
        raise Refused(Code.DAMAGED, file=name) from problem
    except BaseException as problem:
        if type(problem).__name__ != "PanicException":
            raise
        raise Refused(Code.DAMAGED, file=name) from problem


def _open_xlsx(path: Path, name: str, scans: dict[str, ooxml.Scan]) -> Book:
    from python_calamine import CalamineWorkbook, SheetTypeEnum

    with _parsing(name):
        book = CalamineWorkbook.from_path(str(path))
    names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]

    def load(wanted: str) -> RawSheet:
        with _parsing(name):
            sheet = book.get_sheet_by_name(wanted)
        offset = sheet.start[1] if sheet.start else 0
        return _raw(wanted, sheet.iter_rows, offset, sheet.merged_cell_ranges or [], scans.get(wanted, ooxml.Scan()))

    return _stamped(Book(name, "xlsx", names, load))


def _open_xls(path: Path, name: str) -> Book:
    errors = biff.scan(path, name)
    sheets = {sheet.name: sheet for sheet in xls_child.read_xls(path, name)}

    def load(wanted: str) -> RawSheet:
        sheet = sheets[wanted]
        return _raw(wanted, sheet.rows, sheet.offset, sheet.merged, ooxml.Scan(errors=errors.get(wanted, {})))

    return _stamped(Book(name, "xls", list(sheets), load))


def _raw(
    name: str, rows: Callable[[], Iterator[list[Any]]], offset: int, merged: Iterable[Merge], seen: ooxml.Scan
) -> RawSheet:
    """Places counted from the first column in use, as the rows are."""
    return RawSheet(
        name,
        rows,
        offset=offset,
        merged=[
            ((top, max(left - offset, 0)), (bottom, right - offset))
            for (top, left), (bottom, right) in merged
            if right >= offset
        ],
        scan=ooxml.Scan(
            {(row, column - offset): text for (row, column), text in seen.errors.items()},
            {(row, column - offset) for row, column in seen.uncalculated},
        ),
    )


def _stamped(book: Book) -> Book:
    if STAMP_SHEET in book.names:
        book.stamp = _read_stamp(book.load(STAMP_SHEET))
    return book


def _read_stamp(sheet: RawSheet) -> Stamp | None:
    values = {str(row[0]): row[1] for row in sheet.rows() if len(row) > 1}
    if STAMP_MARK not in values:
        return None

    def number(key: str) -> int | None:
        try:
            return int(float(str(values.get(key) or "")))
        except ValueError:
            return None

    return Stamp(
        form=str(values[STAMP_MARK]),
        version=number("version") or 0,
        title=str(values.get("title") or values[STAMP_MARK]),
        fiscal_year=number("fiscal_year"),
        scope=str(values.get("scope") or "") or None,
    )
