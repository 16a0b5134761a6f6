"""Kept workbooks that must be refused: `rejected/<name>.xlsx` with every error expected of it in `expected.json`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.apps import apps

from organisations import services
from organisations.enums import Role
from tests.factories import OrganisationFactory, user_with

pytestmark = pytest.mark.django_db
FILES = Path(__file__).parent / "rejected"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))


def row_counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_every_kept_file_has_its_expectation() -> None:
    assert {path.stem for path in FILES.glob("*.xlsx")} == set(EXPECTED)
    assert len(EXPECTED["机构-二十处错误"]) == 20


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_rejected_workbook_gives_every_error_and_changes_no_table(name: str, dry_run: bool) -> None:
    section = user_with(Role.PERFORMANCE_SECTION)
    bureau = OrganisationFactory(bureau=True, code="331121")
    OrganisationFactory(code="219", name="县教育局")
    for code in ("KS1", "KS2"):
        OrganisationFactory(section=True, code=code, name="同名科", parent=bureau)
    load = services.import_users if name.startswith("用户") else services.import_organisations
    before = row_counts()
    result = load(files=[FILES / f"{name}.xlsx"], by=section, dry_run=dry_run)
    assert [error.as_dict() for error in result.errors] == EXPECTED[name]
    assert row_counts() == before
