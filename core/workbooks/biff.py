"""Error values in old .xls files: the parser gives them as blanks, so they are looked up in the file's own records."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_FREE = 0xFFFFFFFA  # sector numbers from here on are marks, not sectors
_BOUNDSHEET, _BOF, _BOOLERR, _FORMULA = 0x0085, 0x0809, 0x0205, 0x0006
_TEXTS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}

Errors = dict[tuple[int, int], str]


def error_cells(path: Path) -> dict[str, Errors]:
    """Sheet name → zero-based cell → error text. What is not as expected is left to the parser to complain about."""
    try:
        stream = _workbook_stream(path.read_bytes())
        return _errors(stream)
    except (struct.error, IndexError, ValueError, KeyError):
        return {}


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
    directory, cutoff, small_fat = struct.unpack_from("<I4xII", data, 48)
    extra, _ = struct.unpack_from("<II", data, 68)

    def sector(number: int) -> bytes:
        return data[(number + 1) * size : (number + 2) * size]

    def numbers(content: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]))

    places = list(struct.unpack_from("<109I", data, 76))
    while extra < _FREE and len(places) < len(data):
        *more, extra = numbers(sector(extra))
        places.extend(more)
    fat = [entry for place in places if place < _FREE for entry in numbers(sector(place))]
    entries = b"".join(map(sector, _chain(directory, fat)))
    root = entries[:128]
    for at in range(0, len(entries), 128):
        length = struct.unpack_from("<H", entries, at + 64)[0]
        name = entries[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
        if name not in ("Workbook", "Book"):
            continue
        start, total = struct.unpack_from("<II", entries, at + 116)
        if total >= cutoff:
            return b"".join(map(sector, _chain(start, fat)))[:total]
        small = b"".join(map(sector, _chain(struct.unpack_from("<I", root, 116)[0], fat)))
        table = [entry for place in _chain(small_fat, fat) for entry in numbers(sector(place))]
        parts = (small[place * small_size : (place + 1) * small_size] for place in _chain(start, table))
        return b"".join(parts)[:total]
    raise KeyError("Workbook")


def _errors(stream: bytes) -> dict[str, Errors]:
    names: dict[int, str] = {}
    found: dict[str, Errors] = {}
    current: Errors = {}
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        body = stream[at + 4 : at + 4 + length]
        if kind == _BOUNDSHEET:
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
        at += 4 + length
    return found
