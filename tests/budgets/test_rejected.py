"""Kept bad workbooks: sheet, cell, code and Chinese message of every error, and no row written in any table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from openpyxl import load_workbook

from budgets.services.imports import import_ledger, import_projects
from tests.budgets.builders import YEAR, county, projects

pytestmark = pytest.mark.django_db
FOLDER = Path(__file__).parent / "rejected"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))


def load(name: str, **options: Any) -> Any:
    importer = import_projects if name.startswith("projects") else import_ledger
    return importer(files=[FOLDER / name], fiscal_year=YEAR, by=None, **options)


def row_counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models() if model._meta.managed}


def told(found: list[Any]) -> list[list[str | None]]:
    return [[e["sheet"], e["cell"], e["code"], e["message"]] for e in found]


def test_every_kept_file_has_its_answer() -> None:
    assert {path.name for path in FOLDER.glob("*.xlsx")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_kept_file_gets_its_answer(name: str, tmp_path: Path) -> None:
    county()
    projects(2)
    before = row_counts()
    wanted = EXPECTED[name]
    marked = tmp_path / "marked.xlsx"
    answer = load(name, annotate=marked, dry_run=not wanted["errors"]).as_dict()
    assert told(answer["errors"]) == wanted["errors"]
    assert told(answer["warnings"]) == wanted["warnings"]
    assert row_counts() == before
    if wanted["errors"]:
        assert (answer["accepted"], answer["created"], answer["annotated"]) == (0, 0, str(marked))
        listed = [cell.value for row in load_workbook(marked)["错误清单"].iter_rows() for cell in row if cell.value]
        assert all(any(message in str(cell) for cell in listed) for _, _, _, message in wanted["errors"])


def test_what_is_classified_is_told_nowhere(tmp_path: Path) -> None:
    county()
    projects(2)
    marked = tmp_path / "marked.xlsx"
    answer = load("ledger_classified.xlsx", annotate=marked)
    assert answer.classified
    assert "尾款" not in json.dumps(answer.as_dict(), ensure_ascii=False)
    cells = [cell.value for sheet in load_workbook(marked) for row in sheet.iter_rows() for cell in row]
    assert not any("尾款" in str(cell) for cell in cells)


def test_the_same_file_twice_changes_nothing() -> None:
    county()
    projects(2)
    first = load("ledger_above_budget.xlsx").as_dict()
    assert (first["created"], [w["code"] for w in first["warnings"]]) == (2, ["ABOVE_BUDGET"])
    before = row_counts()
    del before["core.SecurityEvent"]
    second = load("ledger_above_budget.xlsx").as_dict()
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 2)
    after = row_counts()
    assert {label: after[label] for label in before} == before
