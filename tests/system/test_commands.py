"""The main job from the commands, each a process of its own as a script would start it: exit codes, one JSON object on
stdout with every key of the contract, words for people on stderr, and figures that hold from workbook to recovery.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from openpyxl import load_workbook

from budgets.models import LedgerEntry, ProjectYear
from core.models import Job
from monitoring.models import Opinion, RecoveryLine, RecoveryRule, RecoveryRun
from monitoring.services import request_opinions
from organisations.enums import DivisionFunction, Role
from tests.budgets.sheets import PROJECT_HEADINGS, workbook
from tests.factories import OrganisationFactory, user_with

pytestmark = [pytest.mark.system, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
YEAR = "2023"
IMPORT_KEYS = [
    "rows", "accepted", "rejected", "held", "created", "updated", "unchanged", "reversed", "errors", "warnings",
    "annotated",
]  # fmt: skip
LINE_KEYS = [
    "project_code", "allocation", "adjusted", "paid", "must_pay", "rate", "elapsed", "status", "recoverable",
    "exempt_reason", "explanation",
]  # fmt: skip
LEDGER_HEADINGS = ["业务类型", "凭证号", "业务日期", "预算年度", "项目代码", "指标文号/ID", "金额（元）"]
RULES = {
    "rate_below": "0.50", "lag_above": None, "minimum": "10000.00", "round_down_to": "100.00",
    "scope": {"levels": ["本级", "上级"], "vintages": ["当年", "结转"]},
    "exempt": {"categories": [], "fund_sources": [], "marks": []},
}  # fmt: skip


class Answer:
    """What a command left: exit code, what scripts read, what people read."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        assert self.out.count("\n") == 1, "one object on one line, and nothing else"
        return found


Manage = Callable[..., Answer]


@pytest.fixture
def manage() -> Manage:
    at = connection.settings_dict
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "qingtian_perf.settings.test",
        "DATABASE_URL": f"postgres://postgres@{at['HOST'].replace('/', '%2F')}/{at['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
    }

    def run(*words: Any) -> Answer:
        command = [sys.executable, "manage.py", *map(str, words)]
        return Answer(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120))

    return run


@pytest.fixture
def county() -> Any:
    section = OrganisationFactory(section=True, function=DivisionFunction.PERFORMANCE)
    department = OrganisationFactory(code="301", name="青田县水利局", division=OrganisationFactory(section=True))
    OrganisationFactory(unit=True, code="301001", name="青田县水利局本级", parent=department)
    return user_with(Role.PERFORMANCE_SECTION, section)


def projects_file(folder: Path) -> Path:
    rows = [[2023, code, f"项目{code}", "301001", "特定目标类", None] for code in ("A1", "A2", "A3")]
    return workbook(folder / "项目.xlsx", PROJECT_HEADINGS, rows)


def ledger_file(folder: Path, name: str = "流水.xlsx", **changes: Any) -> Path:
    """A1: 20 % of 1,000,000 paid; A2: exactly half of 500,000; A3: 45 % of 300,050 → 165,027.50 left, 165,000 taken."""
    rows = []
    for code, budget, paid in (("A1", 1_000_000, 200_000), ("A2", 500_000, 250_000), ("A3", 300_050, 135_022.5)):
        rows.append(["年初预算", f"Y{code}", date(2023, 1, 9), 2023, code, f"Z-{code}", budget])
        rows.append(["支付", f"P{code}", date(2023, 6, 1), 2023, changes.get(code, code), f"Z-{code}", paid])
    # After the day of the recovery: it must not count.
    rows.append(["支付", "PLATE", date(2023, 10, 8), 2023, "A1", "Z-A1", 100_000])
    rows[1][-1] = changes.get("amount", rows[1][-1])
    return workbook(folder / name, LEDGER_HEADINGS, rows)


def test_from_workbooks_to_opinions(manage: Manage, county: Any, tmp_path: Path) -> None:
    _projects(manage, tmp_path)
    _ledger(manage, tmp_path)
    _recovery(manage, tmp_path)
    _opinions(manage, tmp_path, county)
    assert not Job.objects.active().exists()


def _projects(manage: Manage, folder: Path) -> None:
    load = ("import_workbook", "projects", projects_file(folder), "--year", YEAR, "--json")
    tried = manage(*load, "--dry-run")
    assert (tried.code, list(tried.json)) == (0, IMPORT_KEYS)
    assert not ProjectYear.objects.exists()
    done = manage(*load)
    assert (done.code, done.json) == (0, tried.json)
    assert (done.json["rows"], done.json["accepted"], done.json["created"]) == (3, 3, 3)
    again = manage(*load)
    assert (again.code, again.json["created"], again.json["updated"], again.json["unchanged"]) == (0, 0, 0, 3)
    # The prefilled template, imported back, changes nothing either.
    target = folder / "模板.xlsx"
    made = manage("workbook_template", "projects", "-o", target, "--year", YEAR, "--json")
    assert (made.code, made.json) == (0, {"file": str(target), "rows": 3})
    back = manage("import_workbook", "projects", target, "--year", YEAR, "--json").json
    assert (back["created"], back["updated"], back["unchanged"], back["errors"]) == (0, 0, 3, [])


def _ledger(manage: Manage, folder: Path) -> None:
    bad = ledger_file(folder, "有误.xlsx", A2="X9", amount="二十万元")
    refused = manage("import_workbook", "ledger", bad, "--year", YEAR, "--json")
    told = refused.json
    assert (refused.code, list(told)) == (1, IMPORT_KEYS)
    assert [(e["sheet"], e["cell"], e["code"]) for e in told["errors"]] == [
        ("Sheet", "G3", "NOT_MONEY"),
        ("Sheet", "E5", "UNKNOWN_PROJECT"),
    ]
    assert all(list(error) == ["sheet", "cell", "code", "message"] for error in told["errors"])
    assert all(error["message"] in refused.err for error in told["errors"])
    assert (told["accepted"], told["rejected"], told["created"]) == (0, 7, 0)
    marked = load_workbook(told["annotated"])["Sheet"]
    assert {cell.coordinate for row in marked for cell in row if cell.comment} == {"G3", "E5"}
    assert not LedgerEntry.objects.exists()

    load = ("import_workbook", "ledger", ledger_file(folder), "--year", YEAR, "--json")
    tried = manage(*load, "--dry-run")
    assert (tried.code, tried.json["created"], LedgerEntry.objects.count()) == (0, 7, 0)
    done = manage(*load)
    assert (done.code, done.json) == (0, tried.json)
    assert LedgerEntry.objects.count() == 7
    again = manage(*load)
    assert (again.code, list(again.json)) == (0, IMPORT_KEYS)
    assert [again.json[k] for k in ("created", "updated", "unchanged", "reversed")] == [0, 0, 7, 0]
    for_people = manage(*load[:-1])
    assert (for_people.code, for_people.out.strip()[:5]) == (0, "导入结果：")


def _recovery(manage: Manage, folder: Path) -> None:
    rules = folder / "规则.json"
    rules.write_text(json.dumps(RULES, ensure_ascii=False), "utf-8")
    ask = ("compute_recovery", "--year", YEAR, "--as-of", "2023-09-30", "--rules", rules, "--json")
    tried = manage(*ask, "--what-if")
    told = tried.json
    assert (tried.code, list(told)) == (0, ["run", "projects_examined", "recoverable", "lines"])
    assert (told["run"], told["projects_examined"], told["recoverable"]) == (None, 3, "965000.00")
    assert all(list(line) == LINE_KEYS for line in told["lines"])
    found = {line["project_code"]: line for line in told["lines"]}
    assert list(found) == ["A1", "A3"]
    first = {k: found["A1"][k] for k in LINE_KEYS[:-1]}
    assert first == {
        "project_code": "A1", "allocation": "Z-A1", "adjusted": "1000000.00", "paid": "200000.00",
        "must_pay": "0.00", "rate": "0.2000", "elapsed": "0.7500", "status": "recoverable",
        "recoverable": "800000.00", "exempt_reason": None,
    }  # fmt: skip
    assert found["A3"]["recoverable"] == "165000.00"
    assert sum(Decimal(line["recoverable"]) for line in told["lines"]) == Decimal(told["recoverable"])
    assert not RecoveryRun.objects.exists()
    assert not RecoveryRule.objects.exists()
    done = manage(*ask)
    run = RecoveryRun.objects.get()
    # A kept run names its version of the rule; all else is what the what-if said.
    assert (done.code, done.json["run"], done.json["recoverable"]) == (0, run.pk, told["recoverable"])
    assert [line["recoverable"] for line in done.json["lines"]] == [line["recoverable"] for line in told["lines"]]
    assert run.recoverable == Decimal("965000.00")

    rules.write_text(json.dumps(RULES | {"rate": "0.5"}), "utf-8")
    refused = manage(*ask, "--what-if")
    assert refused.code == 1
    assert list(refused.json["errors"][0]) == ["code", "message", "where"]
    assert refused.json["errors"][0]["message"] in refused.err
    assert {"run", "projects_examined", "recoverable", "lines"} <= set(refused.json)


def _opinions(manage: Manage, folder: Path, section: Any) -> None:
    request_opinions(run=RecoveryRun.objects.get(), by=section)
    target = folder / "意见.xlsx"
    made = manage("workbook_template", "recovery_opinions", "-o", target, "--year", YEAR, "--scope", "301", "--json")
    assert (made.code, made.json) == (0, {"file": str(target), "rows": 2})
    load = ("import_workbook", "recovery_opinions", target, "--year", YEAR, "--json")
    untouched = manage(*load)
    assert (untouched.code, untouched.json["created"], untouched.json["unchanged"]) == (0, 0, 2)
    book = load_workbook(target)
    sheet = book["收回意见"]
    stance = next(cell.column_letter for cell in sheet[1] if cell.value == "意见")
    sheet[f"{stance}2"] = sheet[f"{stance}3"] = "同意"
    book.save(target)
    assert manage(*load, "--dry-run").json["created"] == 2
    assert not Opinion.objects.exists()
    done = manage(*load)
    assert (done.code, list(done.json), done.json["created"]) == (0, IMPORT_KEYS, 2)
    assert set(Opinion.objects.values_list("line", flat=True)) == set(RecoveryLine.objects.values_list("pk", flat=True))
    again = manage(*load)
    assert (again.json["created"], again.json["updated"], again.json["unchanged"]) == (0, 0, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("import_workbook", "projects", "没有这个文件.xlsx", "--year", YEAR),
        ("import_workbook", "payments", "manage.py", "--year", YEAR),
        ("import_workbook", "projects", "manage.py"),
        ("workbook_template", "projects", "-o", "/tmp/没有这个目录/a.xlsx", "--year", YEAR),
        ("compute_recovery", "--year", YEAR),
        ("compute_recovery", "--year", YEAR, "--as-of", "九月三十日"),
    ],
)
def test_wrong_usage(manage: Manage, words: tuple[str, ...]) -> None:
    wrong = manage(*words, "--json")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.strip()
