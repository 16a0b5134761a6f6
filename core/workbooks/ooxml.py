"""What must be known of an .xlsx before a parser may touch it: that it is safe, and what the parser will not tell.

The parser allocates the used area as one dense block and gives error values and uncalculated formulas as blanks.
So each part is streamed once: sizes, dangerous XML, the outermost cell, error cells, formulas without a result.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from .errors import Code, Refused, cell_position, column_letter

UNPACKED_LIMIT = 1_000_000_000  # bytes of all parts together
RATIO_LIMIT = 200  # unpacked : packed, for parts above RATIO_FLOOR; real sheets reach 10 to 40
RATIO_FLOOR = 5_000_000
PARTS_LIMIT = 5_000
ROWS_LIMIT = 1_000_000
COLUMNS_LIMIT = 300
AREA_LIMIT = 30_000_000  # cells; about 1 GB in the parser
CHUNK = 1 << 20
OVERLAP = 4096

_DANGER = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<\x00!\x00(?:D\x00O\x00C|E\x00N\x00T)|\x00<\x00!\x00(?:D\x00O|E\x00N)")
_WIDE = re.compile(rb' r="([A-Z]{2,3})[0-9]')
_DEEP = re.compile(rb' r="[A-Z]{0,3}([0-9]{6,})"')
_ERROR_CELL = re.compile(
    rb'<(?:\w+:)?c (?=[^>]*\bt="e")[^>]*?\br="([A-Z]+[0-9]+)"[^>]*>.{0,3000}?<(?:\w+:)?v>([^<]*)</', re.S
)
_UNCALCULATED = re.compile(
    rb'<(?:\w+:)?c (?![^>]*\bt="str")[^>]*?\br="([A-Z]+[0-9]+)"[^>]*>'
    rb"<(?:\w+:)?f(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"
)
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(rb'([\w:]+)="([^"]*)"')


@dataclass
class Scan:
    """Of one sheet: zero-based cell → error text, and cells whose formula was never calculated."""

    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    uncalculated: set[tuple[int, int]] = field(default_factory=set)


def check_directory(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse by the zip's own directory, before anything is unpacked."""
    parts = archive.infolist()
    if len(parts) > PARTS_LIMIT or sum(part.file_size for part in parts) > UNPACKED_LIMIT:
        raise Refused(Code.BOMB, file=name)
    for part in parts:
        if part.file_size > RATIO_FLOOR and part.file_size > RATIO_LIMIT * max(part.compress_size, 1):
            raise Refused(Code.BOMB, file=name)
        if part.flag_bits & 1:
            raise Refused(Code.ENCRYPTED, file=name)


def scan(path: Path, name: str) -> dict[str, Scan]:
    """Check every part and answer, per sheet name, what the parser would hide.

    Raises Refused (BOMB, TOO_WIDE, DAMAGED, ENCRYPTED).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_directory(archive, name)
            sheets = _sheet_parts(archive, name)
            found: dict[str, Scan] = {}
            for part in archive.infolist():
                if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                    sheet = sheets.get(part.filename)
                    found_here = _scan_part(archive, part, name, is_sheet=sheet is not None)
                    if sheet is not None:
                        found[sheet] = found_here
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as problem:
        raise Refused(Code.DAMAGED, file=name) from problem


def _scan_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str, *, is_sheet: bool) -> Scan:
    found = Scan()
    last_row, last_column = 0, 0
    tail = b""
    with archive.open(part) as stream:
        while block := stream.read(CHUNK):
            text = tail + block
            if b"!" in text and _DANGER.search(text):
                raise Refused(Code.BOMB, file=name)
            if is_sheet:
                for letters in set(_WIDE.findall(text)):
                    last_column = max(last_column, cell_position(letters.decode() + "1")[1])
                deep = _DEEP.findall(text)
                if deep:
                    last_row = max(last_row, max(map(int, deep)))
                if b't="e"' in text:
                    for cell, value in _ERROR_CELL.findall(text):
                        found.errors[cell_position(cell.decode())] = value.decode("utf-8", "replace")
                if b"<f" in text or b":f" in text:
                    found.uncalculated.update(cell_position(cell.decode()) for cell in _UNCALCULATED.findall(text))
                area = (last_row or 100_000) * (last_column + 1 if last_column else 26)
                if last_row > ROWS_LIMIT or last_column >= COLUMNS_LIMIT or area > AREA_LIMIT:
                    wide = (
                        f"第 {column_letter(last_column)} 列" if last_column >= COLUMNS_LIMIT else f"第 {last_row} 行"
                    )
                    raise Refused(Code.TOO_WIDE, file=name, where=wide)
            tail = text[-OVERLAP:]
    return found


def _attributes(tag: bytes) -> dict[str, str]:
    from html import unescape

    return {key.decode(): unescape(value.decode("utf-8", "replace")) for key, value in _ATTRIBUTE.findall(tag)}


def _sheet_parts(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Part name → sheet name, from the workbook and its relations."""
    try:
        with archive.open("xl/workbook.xml") as stream:
            book = stream.read(4 * CHUNK)
        with archive.open("xl/_rels/workbook.xml.rels") as stream:
            relations = stream.read(4 * CHUNK)
    except KeyError as problem:
        raise Refused(Code.DAMAGED, file=name) from problem
    targets = {}
    for tag in _RELATION.findall(relations):
        attributes = _attributes(tag)
        target = attributes.get("Target", "")
        path = target.lstrip("/") if target.startswith("/") else posixpath.normpath("xl/" + target)
        targets[attributes.get("Id", "")] = path
    parts = {}
    for tag in _SHEET.findall(book):
        attributes = _attributes(tag)
        relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
        if relation in targets:
            parts[targets[relation]] = attributes.get("name", "")
    return parts
