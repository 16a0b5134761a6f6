"""The commands on the demonstration year: what they write out comes back without a change."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from budgets.models import LedgerEntry, ProjectYear
from core.models import StoredFile
from monitoring.models import Opinion


def command(*words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the one JSON object, and what was said to people."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command(*words, "--json", stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue()), err.getvalue()


@pytest.mark.parametrize("kind", ["organisations", "users", "projects", "recovery_opinions"])
def test_a_template_comes_back_unchanged(demo: dict[str, Any], kind: str, tmp_path: Path) -> None:
    target = tmp_path / f"{kind}.xlsx"
    year = [] if kind in {"organisations", "users"} else ["--year", "2023"]
    code, made, _ = command("workbook_template", kind, "-o", str(target), *year)
    assert (code, made["file"]) == (0, str(target))
    assert made["rows"] >= 10
    before = (LedgerEntry.objects.count(), Opinion.objects.count(), StoredFile.objects.count())
    code, told, err = command("import_workbook", kind, str(target), *year)
    assert (code, told["errors"], told["rows"]) == (0, [], made["rows"])
    assert [told[key] for key in ("created", "updated", "reversed", "held")] == [0, 0, 0, 0]
    assert told["unchanged"] == made["rows"]
    assert (LedgerEntry.objects.count(), Opinion.objects.count(), StoredFile.objects.count()) == before
    # Only warnings may be told, and they are in the answer too.
    assert all(warning["message"] in err for warning in told["warnings"])


def test_a_template_of_one_department_holds_its_own_only(demo: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "projects.xlsx"
    code, made, _ = command("workbook_template", "projects", "-o", str(target), "--year", "2023", "--scope", "214")
    own = ProjectYear.objects.of_year(2023).filter(department__code="214").count()
    assert (code, made["rows"]) == (0, own)
    code, told, _ = command("import_workbook", "projects", str(target), "--year", "2023", "--dry-run")
    assert (code, told["unchanged"], told["errors"]) == (0, own, [])


def test_the_other_year_is_refused_as_a_whole(demo: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "projects.xlsx"
    command("workbook_template", "projects", "-o", str(target), "--year", "2023", "--scope", "214")
    code, told, err = command("import_workbook", "projects", str(target), "--year", "2022")
    assert (code, told["accepted"], told["created"]) == (1, 0, 0)
    assert [(e["sheet"], e["cell"], e["code"]) for e in told["errors"]] == [(None, None, "WRONG_YEAR")]
    assert told["errors"][0]["message"] in err
