"""What must be known of an .xls before the parser may touch it: that it ends, and what the parser will not tell.

The parser follows the container's sector chains without looking back: one that runs in a circle would hold it for
ever. And it gives error values as blanks, so these are looked up in the file's own records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from .errors import Code, Refused, column_letter

_FREE = 0xFFFFFFFA  # sector numbers from here on are marks, not sectors
_BOUNDSHEET, _BOF, _BOOLERR, _FORMULA = 0x0085, 0x0809, 0x0205, 0x0006
_DIMENSIONS, _SST = 0x0200, 0x00FC
_CELLS = {_BOOLERR, _FORMULA, 0x0203, 0x0204, 0x00FD, 0x027E, 0x00BD}
ROWS_LIMIT, COLUMNS_LIMIT = 65_536, 256  # of the format itself
AREA_LIMIT = 8_000_000  # cells; the parser allocates them all
_TEXTS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}

Errors = dict[tuple[int, int], str]


def scan(path: Path, name: str) -> dict[str, Errors]:
    """Sheet name → zero-based cell → error text. Raises Refused (DAMAGED) where the container is not sound."""
    try:
        return _errors(_workbook_stream(path.read_bytes()), name)
    except (struct.error, IndexError, ValueError, KeyError, OverflowError) as problem:
        raise Refused(Code.DAMAGED, file=name) from problem


def _check_chains(table: list[int]) -> None:
    """No chain of a table of successors runs in a circle."""
    done = bytearray(len(table))
    for start in range(len(table)):
        walk = []
        at = start
        while at < len(table) and not done[at]:
            done[at] = 1
            walk.append(at)
            at = table[at]
        if at < len(table) and done[at] == 1:
            raise ValueError("a sector chain runs in a circle")
        for at in walk:
            done[at] = 2


def _chain(start: int, fat: list[int]) -> Iterator[int]:
    seen = 0
    while start < _FREE:
        yield start
        start = fat[start]
        seen += 1
        if seen > len(fat):
            raise ValueError("a sector chain runs in a circle")


def _workbook_stream(data: bytes) -> bytes:
    """The stream `Workbook` (or `Book`) of an OLE compound file."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    small_size = 1 << struct.unpack_from("<H", data, 32)[0]
    directory, cutoff, small_fat, small_count, extra, extra_count = struct.unpack_from("<I4xIIIII", data, 48)

    def sector(number: int) -> bytes:
        return data[(number + 1) * size : (number + 2) * size]

    def numbers(content: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]))

    fat_count = struct.unpack_from("<I", data, 44)[0]
    if not 7 <= size.bit_length() <= 14 or small_size > size:
        raise ValueError("sector sizes")
    if max(fat_count, small_count, extra_count) > len(data) // size:
        raise ValueError("more tables than the file has sectors")
    places = list(struct.unpack_from("<109I", data, 76))
    while extra_count and extra < _FREE:
        if len(places) > len(data):
            raise ValueError("the list of tables runs in a circle")
        *more, extra = numbers(sector(extra))
        places.extend(more)
    fat = [entry for place in places if place < _FREE for entry in numbers(sector(place))]
    _check_chains(fat)
    small_table = [
        entry for place in _chain(small_fat if small_count else _FREE, fat) for entry in numbers(sector(place))
    ]
    _check_chains(small_table)
    entries = b"".join(map(sector, _chain(directory, fat)))
    root = entries[:128]
    for at in range(0, len(entries), 128):
        length = struct.unpack_from("<H", entries, at + 64)[0]
        name = entries[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
        if name not in ("Workbook", "Book"):
            continue
        start, total = struct.unpack_from("<II", entries, at + 116)
        if total > len(data):
            raise ValueError("a stream longer than the file")
        if total >= cutoff:
            return b"".join(map(sector, _chain(start, fat)))[:total]
        small = b"".join(map(sector, _chain(struct.unpack_from("<I", root, 116)[0], fat)))
        parts = (small[place * small_size : (place + 1) * small_size] for place in _chain(start, small_table))
        return b"".join(parts)[:total]
    raise KeyError("Workbook")


def _errors(stream: bytes, name: str) -> dict[str, Errors]:
    names: dict[int, str] = {}
    found: dict[str, Errors] = {}
    current: Errors = {}
    rows, columns = 0, 0
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        body = stream[at + 4 : at + 4 + length]
        if kind == _DIMENSIONS and length >= 12:
            # The parser reserves memory by these announcements, whatever follows.
            last_row, last_column = struct.unpack_from("<4xI2xH", body)
            if last_row > ROWS_LIMIT or last_column > COLUMNS_LIMIT:
                raise ValueError("more rows and columns than the format allows")
        elif kind == _SST and struct.unpack_from("<4xI", body)[0] > len(stream):
            raise ValueError("more texts than bytes")
        elif kind == _BOUNDSHEET:
            offset = struct.unpack_from("<I", body)[0]
            wide = body[7] & 1
            text = body[8 : 8 + body[6] * (2 if wide else 1)]
            names[offset] = text.decode("utf-16-le" if wide else "latin-1")
        elif kind == _BOF and at in names:
            current = found.setdefault(names[at], {})
        elif kind == _BOOLERR and body[7]:
            current[struct.unpack_from("<HH", body)] = _TEXTS.get(body[6], "#N/A")
        elif kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == 2:
            current[struct.unpack_from("<HH", body)] = _TEXTS.get(body[8], "#N/A")
        if kind in _CELLS and length >= 4:
            row, column = struct.unpack_from("<HH", body)
            rows, columns = max(rows, row + 1), max(columns, column + 1)
        at += 4 + length
    if rows * columns > AREA_LIMIT:
        raise Refused(Code.TOO_WIDE, file=name, where=f"第 {column_letter(columns - 1)} 列第 {rows} 行")
    return found
