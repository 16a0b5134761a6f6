"""The same row in all the shapes in which offices send it."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from core.workbooks import read

from .forms import PROJECTS

FILES = sorted((Path(__file__).parent / "accepted").iterdir())
ROW = (
    "33112123T000000000001",
    "农村公路养护",
    "101",
    "special",
    Decimal("1205000.00"),
    Decimal("800000.00"),
    3,
    Decimal("0.664000"),
    datetime.date(2023, 3, 1),
    True,
    "无",
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shapes(path):
    reading = read(PROJECTS, path)
    assert reading.errors == []
    assert [row[2:] for row in reading.rows["项目"]] == [ROW]


def test_there_are_files():
    assert len(FILES) >= 15


def test_what_was_skipped_is_said_and_totals_were_weighed():
    reading = read(PROJECTS, Path(__file__).parent / "accepted" / "totals_and_notes.xlsx")
    assert [(w.cell, w.code) for w in reading.warnings] == [("A3", "SUBTOTALS_SKIPPED"), ("A8", "NOTE_SKIPPED")]
    assert [(t.key, t.stated, t.summed) for t in reading.totals] == [
        ("initial", Decimal("1205000.00"), Decimal("1205000.00")),
        ("paid", Decimal("800000.00"), Decimal("800000.00")),
        ("count", 3, 3),
    ]
