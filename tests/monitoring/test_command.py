"""`compute_recovery` as scripts call it: shapes, exit codes, and what it leaves alone."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from core.models import Job
from monitoring.models import RecoveryLine, RecoveryRule, RecoveryRun
from tests.monitoring.world import World

pytestmark = pytest.mark.django_db
KEYS = [
    "project_code",
    "allocation",
    "adjusted",
    "paid",
    "must_pay",
    "rate",
    "elapsed",
    "status",
    "recoverable",
    "exempt_reason",
    "explanation",
]


@pytest.fixture
def world():
    return World()


def compute(*options: str, code: int = 0):
    out, err = io.StringIO(), io.StringIO()
    given = ["--year", "2023", "--as-of", "2023-09-30", "--json", *options]
    try:
        call_command("compute_recovery", *given, stdout=out, stderr=err)
    except SystemExit as ended:
        assert ended.code == code
    else:
        assert code == 0
    return json.loads(out.getvalue()), err.getvalue()


def rules_file(tmp_path, text: str) -> str:
    path = tmp_path / "rules.json"
    path.write_text(text, "utf-8")
    return str(path)


def test_what_if_writes_nothing(world):
    world.rule()
    before = (RecoveryRun.objects.count(), RecoveryLine.objects.count(), Job.objects.count())
    answer, _ = compute("--what-if")
    assert (RecoveryRun.objects.count(), RecoveryLine.objects.count(), Job.objects.count()) == before
    assert list(answer) == ["run", "projects_examined", "recoverable", "lines"]
    assert (answer["run"], answer["projects_examined"], answer["recoverable"]) == (None, 4, "3200000.00")
    assert list(answer["lines"][0]) == KEYS
    assert answer["lines"][0]["explanation"].endswith("（规则 2023-1 版）")
    assert [line["project_code"] for line in answer["lines"]] == ["P00000", "P00001", "P10000", "P10001"]


def test_a_run_stores_what_the_what_if_said(world):
    world.rule()
    tried, _ = compute("--what-if")
    run, _ = compute()
    stored = RecoveryRun.objects.get()
    assert run == tried | {"run": stored.pk}
    assert stored.lines.count() == 4


def test_a_rules_file_runs_as_a_published_version_made_once(world, tmp_path):
    path = rules_file(tmp_path, '{"rate_below": 0.3, "exempt": {"marks": ["三保"]}}')
    compute("--rules", path)
    compute("--rules", path)
    rule = RecoveryRule.objects.get()
    assert (rule.state, str(rule.rate_below), rule.exempt_marks) == ("published", "0.3000", ["三保"])
    assert RecoveryRun.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ('{"rate_below": "0.5", "ratio": 1}', "KEY_UNKNOWN", "ratio"),
        ("{", "RULES_NOT_JSON", None),
        ("[]", "RULES_NOT_OBJECT", None),
        ('{"lag_above": null}', "THRESHOLD_MISSING", None),
    ],
)
def test_a_refused_file_exits_1_with_every_error(world, tmp_path, text, code, where):
    answer, told = compute("--rules", rules_file(tmp_path, text), code=1)
    assert [(e["code"], e["where"]) for e in answer["errors"]] == [(code, where)]
    assert answer["errors"][0]["message"] in told
    assert not RecoveryRule.objects.exists()


def test_without_a_published_rule(world):
    answer, _ = compute(code=1)
    assert answer["errors"][0]["code"] == "NO_RULE"


def test_wrong_usage_exits_2(world):
    with pytest.raises(CommandError) as wrong:
        call_command("compute_recovery", "--year", "2023", "--as-of", "2023-09-30", "--rules", "/nowhere.json")
    assert wrong.value.returncode == 2


def test_a_date_of_another_year_is_refused(world):
    world.rule()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("compute_recovery", "--year", "2023", "--as-of", "2024-01-31", "--json", stdout=out)
    assert json.loads(out.getvalue())["errors"][0]["code"] == "AS_OF_OUTSIDE_YEAR"


def test_a_ledger_imported_by_command_carries_out_what_waits_for_it(world, tmp_path):
    from openpyxl import Workbook, load_workbook

    run = world.pending()
    template = tmp_path / "ledger.xlsx"
    call_command("workbook_template", "ledger", "-o", str(template), "--year", "2023", stdout=io.StringIO())
    book = load_workbook(template)
    sheet = next(s for s in book.worksheets if "业务类型" in str([c.value for c in s[1]]))
    place = {str(cell.value).lstrip("*").split("（")[0]: cell.column for cell in sheet[1]}
    row = {
        "业务类型": "收回",
        "凭证号": "HS-1",
        "业务日期": "2023-10-25",
        "预算年度": 2023,
        "项目代码": "P00000",
        "指标文号/ID": "Z-P00000",
        "金额": -800_000,
    }
    for label, value in row.items():
        column = next(c for heading, c in place.items() if heading.startswith(label))
        sheet.cell(2, column, value)
    book.save(template)
    assert isinstance(book, Workbook)
    out, err = io.StringIO(), io.StringIO()
    call_command("import_workbook", "ledger", str(template), "--year", "2023", "--json", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["errors"] == []
    assert "认定执行 1 行" in err.getvalue()
    line = world.lines(run)[0]
    assert (line.state, line.entry.kind, line.flow.last().actor_name) == ("executed", "recovery", "系统")
