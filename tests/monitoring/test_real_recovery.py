"""Published budgets through the real doors: two imports, then the command."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from budgets.models import ProjectYear
from tests.factories import OrganisationFactory
from tests.real_workbook import needs_real_input, write_payments, write_projects

pytestmark = [pytest.mark.django_db, needs_real_input]
YEAR = 2023


@pytest.fixture
def imported(tmp_path: Path) -> None:
    unit = OrganisationFactory(unit=True)
    for kind, file in (
        ("projects", write_projects(tmp_path / "projects.xlsx", year=YEAR, unit=unit.code)),
        ("ledger", write_payments(tmp_path / "payments.xlsx", year=YEAR)),
    ):
        call_command("import_workbook", kind, str(file), "--year", str(YEAR), stdout=io.StringIO())
    assert ProjectYear.objects.filter(fiscal_year=YEAR).count() == 31


def found(tmp_path: Path, rate: str) -> dict[str, Any]:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"rate_below": rate}), "utf-8")
    out = io.StringIO()
    given = ["--year", str(YEAR), "--as-of", "2023-09-30", "--rules", str(rules), "--what-if", "--json"]
    call_command("compute_recovery", *given, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_half_finds_the_published_amount(imported: None, tmp_path: Path) -> None:
    answer = found(tmp_path, "0.50")
    assert (answer["run"], answer["projects_examined"], answer["recoverable"]) == (None, 31, "20000000.00")
    (line,) = answer["lines"]
    assert (line["adjusted"], line["paid"], line["rate"]) == ("30000000.00", "10000000.00", "0.3333")
    assert not any(other["status"] == "exempt" for other in answer["lines"])


def test_sixty_percent_adds_the_one_at_57_6(imported: None, tmp_path: Path) -> None:
    answer = found(tmp_path, "0.60")
    assert answer["recoverable"] == "21044000.00"
    added = [line for line in answer["lines"] if line["rate"] != "0.3333"]
    assert [line["rate"][:5] for line in added] == ["0.576"]
    assert sum(Decimal(line["recoverable"]) for line in answer["lines"]) == Decimal(answer["recoverable"])
