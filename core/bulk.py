"""COPY into a temporary staging table; the real write is SQL through Django's cursor, so history has its context."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def stage(table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> int:
    """Create the temporary table `table` with (name, SQL type) `columns` and COPY `rows` into it; returns the count.

    Must run inside a transaction: the table is dropped at its end. None becomes NULL; everything else its `str`.
    Memory does not grow with the rows. `table` and the columns come from code, never from a user.
    """
    definition = ", ".join(f"{name} {kind}" for name, kind in columns)
    names = ", ".join(name for name, _ in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ({definition}) ON COMMIT DROP")
        source = _Lines(rows)
        # psycopg2's own cursor: Django's wrapper has no COPY.
        cursor.cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN", source)
        cursor.execute(f"ANALYZE {table}")
    return source.count


def _line(row: Sequence[Any]) -> str:
    return "\t".join(
        "\\N" if value is None else value.translate(_ESCAPES) if type(value) is str else str(value) for value in row
    )


class _Lines(io.TextIOBase):
    """Rows as the text that COPY reads, in blocks, without holding them all."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows: Iterator[Sequence[Any]] = iter(rows)
        self._rest = ""
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        parts, length = [self._rest], len(self._rest)
        while size is None or size < 0 or length < size:
            row = next(self._rows, None)
            if row is None:
                break
            line = _line(row) + "\n"
            self.count += 1
            parts.append(line)
            length += len(line)
        text = "".join(parts)
        if size is None or size < 0:
            self._rest = ""
            return text
        self._rest = text[size:]
        return text[:size]
