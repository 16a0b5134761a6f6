"""Reading workbooks by their declaration: typed rows, every error at its cell, control totals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from . import layout as finder
from .cells import compact, shown
from .declare import Form, Sheet
from .errors import CellError, Code, Refused, message
from .passes import SheetPass
from .reading import Origin, Reading
from .sources import SIZE_LIMIT, Book, RawSheet, Source, open_book, split_source

ERRORS_LIMIT = 50_000


def read(
    form: Form,
    files: Source | Iterable[Source],
    *,
    mapping: Mapping[str, str] | None = None,
    fiscal_year: int | None = None,
    scope: str | None = None,
    limit: int = SIZE_LIMIT,
) -> Reading:
    """Read one or several files as one import. Never raises for what is wrong in a file: that is in `errors`.

    files        paths, or (name the user gave, path)
    mapping      column key → heading in a foreign file (来源方案), in place of the declared names; "" = not mapped
    fiscal_year  refuse templates made for another year; likewise `scope` (a unit's code)
    limit        bytes per file, checked before anything is read
    """
    sources = [files] if isinstance(files, (str, tuple)) or not isinstance(files, Iterable) else list(files)
    reading = Reading(form, rows={sheet.name: [] for sheet in form.sheets})
    if not sources:
        reading.errors.append(CellError(None, None, Code.NO_FILE, message(Code.NO_FILE)))
    for number, source in enumerate(sources):
        name = split_source(source)[0]
        if name in reading.files:
            name = f"{name}（第 {number + 1} 个文件）"
        reading.files.append(name)
        try:
            book = open_book((name, split_source(source)[1]), limit=limit)
            reading.stamps.append(book.stamp)
            _check_stamp(form, book, fiscal_year, scope)
            for sheet in form.sheets:
                _read_sheet(reading, number, book, sheet, mapping)
        except Refused as refused:
            reading.errors.append(CellError(None, None, refused.code, refused.text, name))
    for sheet in form.sheets:
        _check_keys(reading, sheet)
    reading.data_rows += sum(map(len, reading.rows.values()))
    reading.sort()
    if len(reading.errors) > ERRORS_LIMIT:
        del reading.errors[ERRORS_LIMIT:]
        text = message(Code.TOO_MANY_ERRORS, limit=ERRORS_LIMIT)
        reading.errors.append(CellError(None, None, Code.TOO_MANY_ERRORS, text))
    return reading


def _check_stamp(form: Form, book: Book, fiscal_year: int | None, scope: str | None) -> None:
    stamp = book.stamp
    if stamp is None:
        if form.stamped:
            raise Refused(Code.NOT_TEMPLATE, file=book.file, expected=form.title)
        return
    if stamp.form != form.code:
        raise Refused(Code.WRONG_FORM, file=book.file, found=stamp.title, expected=form.title)
    if stamp.version != form.version:
        code = Code.OLD_VERSION if stamp.version < form.version else Code.NEWER_VERSION
        raise Refused(code, file=book.file, found=stamp.version, expected=form.version)
    if fiscal_year is not None and stamp.fiscal_year is not None and stamp.fiscal_year != fiscal_year:
        raise Refused(Code.WRONG_YEAR, file=book.file, found=stamp.fiscal_year, expected=fiscal_year)
    if scope is not None and stamp.scope is not None and stamp.scope != scope:
        raise Refused(Code.WRONG_SCOPE, file=book.file, found=stamp.scope, expected=scope)


def _find_sheet(form: Form, book: Book, sheet: Sheet, mapping: Mapping[str, str] | None) -> RawSheet | None:
    """By name; else, for a required sheet, the one sheet whose headings are the declared ones."""
    names = book.data_names()
    for name in names:
        if compact(name) == compact(sheet.name):
            return book.load(name)
    if not sheet.required:
        return None
    others = [name for name in names if compact(name) not in {compact(other.name) for other in form.sheets}]
    fitting = []
    for name in others:
        raw = book.load(name)
        top = list(islice(raw.rows(), finder.SEARCHED_ROWS + 1))
        layout = finder.locate(top, raw.merged, sheet, mapping)
        if layout is not None and not layout.missing(sheet):
            fitting.append(raw)
    if len(fitting) > 1:
        present = "、".join(raw.name for raw in fitting)
        raise Refused(Code.SHEET_AMBIGUOUS, sheet=sheet.name, present=present)
    if fitting:
        return fitting[0]
    if len(others) == 1 and sum(other.required for other in form.sheets) == 1:
        return book.load(others[0])
    raise Refused(Code.SHEET_MISSING, sheet=sheet.name, present="、".join(names) or "（无）")


def _spent() -> Iterator[list[Any]]:
    return iter(())


def _read_sheet(reading: Reading, file_no: int, book: Book, sheet: Sheet, mapping: Mapping[str, str] | None) -> None:
    try:
        raw = _find_sheet(reading.form, book, sheet, mapping)
    except Refused as refused:
        if refused.code not in (Code.SHEET_MISSING, Code.SHEET_AMBIGUOUS):
            raise
        reading.errors.append(CellError(None, None, refused.code, refused.text, book.file))
        return
    if raw is None:
        return
    rows = raw.rows()
    top = list(islice(rows, finder.SEARCHED_ROWS + 1))
    layout = finder.locate(top, raw.merged, sheet, mapping)
    pass_ = SheetPass(reading, file_no, book.file, sheet, raw, layout or finder.Layout((0,)))
    if layout is None:
        pass_.no_header(top)
        return
    reading.origins[file_no, sheet.name] = Origin(book.file, raw, layout, top[: layout.header_rows[0]])
    if pass_.check_header(top):
        pass_.run(chain(top[layout.data_start :], rows))
    raw.rows = _spent  # the reading lives on; the parser's copy of the sheet need not


def _check_keys(reading: Reading, sheet: Sheet) -> None:
    """Every key once, over all files."""
    if not sheet.key:
        return
    positions = [2 + [column.key for column in sheet.columns].index(key) for key in sheet.key]
    rows = reading.rows[sheet.name]
    seen: dict[Any, int] = {}
    for place, row in enumerate(rows):
        key = row[positions[0]] if len(positions) == 1 else tuple([row[position] for position in positions])
        if key is None or (len(positions) > 1 and None in key):
            continue
        first = seen.setdefault(key, place)
        if first != place:
            _duplicate(reading, sheet, rows[first], row)


def _duplicate(reading: Reading, sheet: Sheet, first: Any, row: Any) -> None:
    labels = "、".join(sheet.column(key).label for key in sheet.key)
    value = "、".join(shown(getattr(row, key)) for key in sheet.key)
    where = f"第 {first.row_no} 行"
    if first.file_no != row.file_no:
        where = f"“{reading.files[first.file_no]}”{where}"
    text = message(Code.DUPLICATE_KEY, label=labels, value=value, first=where)
    reading.fault(sheet.name, row, sheet.key[0], Code.DUPLICATE_KEY, text)
