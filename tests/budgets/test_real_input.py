"""Published budgets come in as they stand: units in cells, commas, one above its budget."""

from decimal import Decimal

import pytest

from budgets.models import ProjectYear, YearTotals
from budgets.services.imports import import_ledger, import_projects
from tests.budgets.builders import YEAR, county
from tests.real_workbook import needs_real_input, real_projects, write_payments, write_projects

pytestmark = [pytest.mark.django_db, needs_real_input]


def test_thirty_one_project_years(tmp_path):
    county()
    files = [write_projects(tmp_path / "projects.xlsx", year=YEAR, unit="301001")]
    result = import_projects(files=files, fiscal_year=YEAR, by=None)
    assert result.errors == []
    assert (result.counts.rows, result.counts.created) == (31, 31)
    paid = import_ledger(files=[write_payments(tmp_path / "paid.xlsx", year=YEAR)], fiscal_year=YEAR, by=None)
    assert paid.errors == []
    assert paid.counts.created == 31
    totals = {t.project_year.project.code: t for t in YearTotals.objects.select_related("project_year__project")}
    by_name = {project.name: totals[project.code] for project in real_projects()}
    assert ProjectYear.objects.count() == 31

    # The form in 元 is not multiplied by ten thousand.
    yuan = by_name["普陀体育中心与委托运营方结算费用"]
    assert (yuan.adjusted, yuan.paid) == (Decimal("250000.00"), Decimal("215457.60"))
    # 年初预算 202.64 became 132.912 万元.
    reduced = by_name["村级补助及运转经费"]
    assert (reduced.initial, reduced.reductions, reduced.adjusted) == (2026400, -697280, 1329120)
    # The one above its budget is taken and flagged.
    (flagged,) = [w for w in paid.warnings if w.code == "ABOVE_BUDGET"]
    assert "1796000.00" in flagged.message
    assert by_name["优 抚"].paid > by_name["优 抚"].adjusted
    assert by_name["畜牧产业奖补项目"].adjusted - by_name["畜牧产业奖补项目"].paid == Decimal("20000000.00")
