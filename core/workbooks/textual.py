"""Text that serves as a workbook: .csv in the encodings of Chinese offices, and HTML tables saved as .xls."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import Code, Refused

CELLS_LIMIT = 5_000_000
COLUMNS_LIMIT = 1_000
SPAN_LIMIT = 1_000
_NOT_TEXT = (b"%PDF", b"{\\rtf", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_MEANINGLESS = re.compile(r"\s+")


@dataclass
class Table:
    name: str
    rows: Callable[[], Iterator[list[Any]]]
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)


def looks_like_html(head: bytes, name: str) -> bool:
    """Whether the text is a table in HTML. Raises Refused for the other things that text can be."""
    if head.startswith(_NOT_TEXT):
        raise Refused(Code.NOT_WORKBOOK, file=name)
    text = head
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            text = head.decode(encoding, "replace").encode()
    if b"\0" in text or _CONTROL.search(text):
        raise Refused(Code.NOT_WORKBOOK, file=name)
    start = text.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if b"urn:schemas-microsoft-com:office:spreadsheet" in start and start.startswith(b"<?xml"):
        raise Refused(Code.WRONG_FORMAT, file=name, kind=" XML 电子表格")
    if start.startswith(b"mime-version:"):
        raise Refused(Code.WRONG_FORMAT, file=name, kind="网页归档（.mht）")
    if not start.startswith(b"<"):
        return False
    if b"<table" in start or b"<html" in start:
        return True
    raise Refused(Code.NOT_WORKBOOK, file=name)


# --- CSV ------------------------------------------------------------------------------------------------------------


def _encoding(path: Path, head: bytes, name: str) -> str:
    if head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8", "gb18030"]
    for encoding in candidates:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            with path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeError:
            continue
        return encoding
    raise Refused(Code.ENCODING, file=name)


def _delimiter(path: Path, encoding: str) -> str:
    """The one that gives the most columns in the usual row."""
    lines: list[str] = []
    with path.open(encoding=encoding, newline="") as stream:
        for line in stream:
            lines.append(line[:20_000])
            if len(lines) == 50:
                break

    def columns(delimiter: str) -> int:
        try:
            widths = sorted(len(row) for row in csv.reader(lines, delimiter=delimiter) if any(row))
        except csv.Error:
            return 0
        return widths[len(widths) // 2] if widths else 0

    return max((",", "\t", ";", "，"), key=columns)


def csv_table(path: Path, head: bytes, name: str) -> Table:
    """The file as one table of text."""
    encoding = _encoding(path, head, name)
    delimiter = _delimiter(path, encoding)

    def rows() -> Iterator[list[Any]]:
        with path.open(encoding=encoding, newline="") as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            try:
                yield from reader
            except csv.Error as problem:
                raise Refused(Code.CSV_QUOTES, file=name, line=reader.line_num) from problem

    return Table(Path(name).stem or name, rows)


# --- HTML -----------------------------------------------------------------------------------------------------------


def html_tables(path: Path, name: str) -> list[Table]:
    """The outermost tables of an HTML file, spans turned into merged cells."""
    from lxml import etree, html

    content = path.read_bytes()
    declared = re.search(rb"charset\s*=\s*[\"']?([\w-]+)", content[:4096], re.IGNORECASE)
    encoding = _encoding(path, content[:4], name)
    if declared and declared[1].lower().startswith(b"gb"):
        encoding = "gb18030"
    try:
        document = html.document_fromstring(
            content, parser=html.HTMLParser(encoding=encoding, no_network=True, huge_tree=False)
        )
    except (etree.LxmlError, ValueError) as problem:
        raise Refused(Code.DAMAGED, file=name) from problem
    stem = Path(name).stem or name
    tables: list[Table] = []
    for number, element in enumerate(document.xpath("//table[not(ancestor::table)]")):
        rows, merged = _grid(element, name)
        if rows:
            title = stem if not tables else f"{stem}-{number + 1}"
            tables.append(Table(title, lambda rows=rows: iter(rows), merged))  # type: ignore[misc]
    if not tables:
        raise Refused(Code.NOT_WORKBOOK, file=name)
    return tables


def _grid(element: Any, name: str) -> tuple[list[list[Any]], list[tuple[tuple[int, int], tuple[int, int]]]]:
    rows: list[list[Any]] = []
    merged = []
    hanging: dict[int, int] = {}  # column → how many more rows a cell above still covers
    total = 0
    for number, row in enumerate(element.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")):
        cells: list[Any] = []
        started: dict[int, int] = {}
        for cell in row.xpath("./td | ./th"):
            while hanging.get(len(cells), 0):
                cells.append("")
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            left = len(cells)
            cells.append(_MEANINGLESS.sub(" ", cell.text_content()).strip())
            cells.extend([""] * (across - 1))
            if across > 1 or down > 1:
                merged.append(((number, left), (number + down - 1, left + across - 1)))
            if down > 1:
                started.update(dict.fromkeys(range(left, left + across), down - 1))
            total += across
            if total > CELLS_LIMIT or len(cells) > COLUMNS_LIMIT:
                raise Refused(Code.BOMB, file=name)
        hanging = {column: left - 1 for column, left in hanging.items() if left > 1} | started
        rows.append(cells)
    return rows, merged


def _span(cell: Any, attribute: str) -> int:
    text = str(cell.get(attribute) or "1").strip()
    return min(max(int(text), 1), SPAN_LIMIT) if text.isdecimal() else 1
