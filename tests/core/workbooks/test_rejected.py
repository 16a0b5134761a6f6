"""Every kept bad workbook answers exactly what `expected.json` says: sheet, cell, code, Chinese message."""

import json
import re
from pathlib import Path

import pytest

from core.workbooks import Code, read
from core.workbooks.errors import TABLE

from .forms import FORMS

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


def answers(found):
    return [[error.sheet, error.cell, error.code, error.message] for error in found]


def test_every_kept_file_has_its_expectation():
    assert {path.name for path in (HERE / "rejected").iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_bad_workbook(name):
    expected = EXPECTED[name]
    stamped = {"fiscal_year": 2023, "scope": "101"} if expected["form"] == "QT-PROJECTS" else {}
    reading = read(FORMS[expected["form"]], HERE / "rejected" / name, **stamped)
    assert answers(reading.errors) == expected["errors"]
    assert answers(reading.warnings) == expected["warnings"]
    assert reading.errors
    assert all(error.file == name for error in reading.errors)


def test_twenty_different_errors_in_order():
    codes = [error[2] for error in EXPECTED["twenty.xlsx"]["errors"]]
    assert len(codes) == len(set(codes)) == 20


def test_every_code_has_a_chinese_text_and_a_way_to_mend_it():
    assert set(TABLE) == set(Code)
    for wrong, mend in TABLE.values():
        assert re.search("[\u4e00-\u9fff]{2}", wrong) and re.search("[\u4e00-\u9fff]{2}", mend)
        assert not mend.endswith("。") and not wrong.endswith("，")


def test_the_content_of_a_classified_row_is_nowhere():
    for name in ("classified.xlsx", "classified_column.xlsx", "classified_title.xlsx"):
        reading = read(FORMS["QT-PROJECTS"], HERE / "rejected" / name)
        assert reading.classified
        assert "某某" not in repr(reading.rows) + repr(reading.errors) + repr(reading.warnings)
