"""Small readings of cells, and the commands' door."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from openpyxl import load_workbook

from budgets.models import HeldEntry, ProjectYear
from budgets.workbook import classification, file_and_row, names_account, split_code
from tests.budgets.builders import YEAR, county, projects
from tests.budgets.sheets import LEDGER_HEADINGS, PROJECT_HEADINGS, workbook


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("301001-县教育局", ("301001", "县教育局")),
        ("301001 县教育局", ("301001", "县教育局")),
        ("301001", ("301001", "")),
        ("县教育局", ("", "县教育局")),
        ("2023年专班", ("", "2023年专班")),
        (None, ("", "")),
    ],
)
def test_an_organisation_may_be_code_and_name(name, answer):
    assert split_code(None, name, {}) == answer
    assert split_code("9", name, {}) == ("9", name or "")


@pytest.mark.parametrize(("text", "code"), [("2010101 行政运行", "2010101"), ("行政运行", "行政运行"), (None, "")])
def test_a_classification_is_its_code(text, code):
    assert classification(text) == code


def test_account_headings_are_known():
    assert all(map(names_account, ("收款人账号", "收款帐户", "银行卡号", "Payee Account")))
    assert not any(map(names_account, ("凭证号", "摘要", "金额")))


def test_places_hold_file_and_row():
    assert file_and_row(3 * 10_000_000 + 17) == (3, 17)


def command(*args: str) -> tuple[int, dict]:
    out, code = StringIO(), 0
    try:
        call_command(*args, "--json", stdout=out, stderr=StringIO())
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, json.loads(out.getvalue())


@pytest.mark.django_db
def test_the_commands_import_hold_refuse_and_write_templates(tmp_path):
    county()
    file = workbook(tmp_path / "p.xlsx", PROJECT_HEADINGS, [[YEAR, "A1", "甲", "301001", "特定目标类", 5]])
    assert command("import_workbook", "projects", str(file), "--year", str(YEAR), "--dry-run")[1]["created"] == 1
    assert not ProjectYear.objects.exists()
    code, told = command("import_workbook", "projects", str(file), "--year", str(YEAR))
    assert (code, told["created"], told["annotated"]) == (0, 1, None)
    rows = [["支付", "V1", None, date(YEAR, 3, 1), YEAR, "X1", 10]]
    ledger = workbook(tmp_path / "l.xlsx", LEDGER_HEADINGS, rows)
    code, told = command("import_workbook", "ledger", str(ledger), "--year", str(YEAR))
    assert (code, told["errors"][0]["code"], told["rejected"]) == (1, "UNKNOWN_PROJECT", 1)
    code, told = command("import_workbook", "ledger", str(ledger), "--year", str(YEAR), "--hold-unknown")
    assert (code, told["held"], HeldEntry.objects.count()) == (0, 1, 1)
    code, told = command(
        "import_workbook", "ledger", str(ledger), "--year", str(YEAR), "--source", "月度余额表", "--hold-unknown"
    )
    assert code == 1
    target = tmp_path / "t.xlsx"
    code, told = command("workbook_template", "projects", "-o", str(target), "--year", str(YEAR), "--scope", "301")
    assert (code, told["rows"]) == (0, 1)
    cells = {cell.value for row in load_workbook(target)["项目"].iter_rows() for cell in row}
    assert "A1" in cells


@pytest.mark.django_db
def test_a_prefilled_template_comes_back_unchanged(tmp_path):
    county()
    projects(3)
    target = tmp_path / "t.xlsx"
    command("workbook_template", "projects", "-o", str(target), "--year", str(YEAR))
    code, told = command("import_workbook", "projects", str(target), "--year", str(YEAR))
    assert (code, told["unchanged"], told["updated"], told["warnings"]) == (0, 3, 0, [])
    code, told = command("import_workbook", "projects", str(target), "--year", str(YEAR + 1))
    assert (code, told["errors"][0]["code"]) == (1, "WRONG_YEAR")
