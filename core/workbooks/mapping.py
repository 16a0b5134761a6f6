"""What a page needs to let a person map a foreign file's columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from . import layout as finder
from .cells import is_blank, shown
from .marks import is_secret
from .sources import SIZE_LIMIT, Source, open_book

SAMPLES = 5


@dataclass(frozen=True)
class Found:
    """Of one sheet: its headings (`组/列` under a group), the heading's row, and the first rows below."""

    sheet: str
    row: int
    headings: list[str]
    samples: list[list[str]]


def headings(source: Source, *, limit: int = SIZE_LIMIT) -> list[Found]:
    """The heading candidates of every sheet. Raises `errors.Refused` where the file cannot be read.

    Rows marked as classified are left out of the samples.
    """
    book = open_book(source, limit=limit)
    found = []
    for name in book.data_names():
        raw = book.load(name)
        top = list(islice(raw.rows(), finder.SEARCHED_ROWS + SAMPLES * 4))
        layout = finder.describe(top, raw.merged)
        if layout is None:
            continue
        indexes = sorted(layout.texts)
        secrecy = layout.secrecy_columns()
        samples = []
        for row in top[layout.data_start :]:
            secret = any(is_secret(cell, secrecy_column=index in secrecy) for index, cell in enumerate(row))
            if not secret and not all(map(is_blank, row)):
                samples.append([shown(row[index]) if index < len(row) else "" for index in indexes])
        found.append(
            Found(name, layout.header_rows[-1] + 1, [layout.texts[index] for index in indexes], samples[:SAMPLES])
        )
    return found
