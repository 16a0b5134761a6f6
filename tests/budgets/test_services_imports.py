"""Workbooks in: what is accepted, what is refused, the object that scripts rely on."""

from datetime import date
from decimal import Decimal

import pytest
from django.apps import apps

from budgets.enums import SourceKind
from budgets.models import HeldEntry, LedgerEntry, ProjectYear, Source, YearTotals
from budgets.services.imports import import_ledger, import_projects, source_named
from core.services import Refused
from tests.budgets.builders import YEAR, county, projects
from tests.budgets.sheets import BALANCE_HEADINGS, LEDGER_HEADINGS, PROJECT_HEADINGS, workbook

pytestmark = pytest.mark.django_db

KEYS = [
    "rows",
    "accepted",
    "rejected",
    "held",
    "created",
    "updated",
    "unchanged",
    "reversed",
    "errors",
    "warnings",
    "annotated",
]


def project(code, name="道路养护", unit="301001", amount=100000, year=YEAR):
    return [year, code, name, unit, "特定目标类", amount]


def entry(voucher, code="P00001", amount=10, kind="支付", day=date(YEAR, 3, 1), year=YEAR):
    return [kind, voucher, None, day, year, code, amount]


@pytest.fixture
def write(tmp_path):
    numbers = iter(range(100))

    def make(headings, rows, **options):
        return [workbook(tmp_path / f"{next(numbers)}.xlsx", headings, rows, **options)]

    return make


def codes(found):
    return {(e.cell, e.code) for e in found}


def test_projects_come_in_and_the_same_file_again_changes_nothing(write):
    county()
    files = write(PROJECT_HEADINGS, [project("A1"), project("A2", "桥梁", amount="12.5万元")], title="项目表")
    first = import_projects(files=files, fiscal_year=YEAR, by=None).as_dict()
    assert list(first) == KEYS
    assert (first["rows"], first["accepted"], first["created"], first["errors"]) == (2, 2, 2, [])
    assert YearTotals.objects.get(project_year__project__code="A2").initial == Decimal("125000.00")
    rows = {model: model.objects.count() for model in apps.get_app_config("budgets").get_models()}
    second = import_projects(files=files, fiscal_year=YEAR, by=None).as_dict()
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 2)
    assert {model: model.objects.count() for model in rows} == rows


def test_a_dry_run_counts_and_writes_nothing(write):
    county()
    files = write(PROJECT_HEADINGS, [project("A1")])
    told = import_projects(files=files, fiscal_year=YEAR, by=None, dry_run=True).as_dict()
    assert (told["created"], told["accepted"]) == (1, 1)
    assert not ProjectYear.objects.exists()
    assert not Source.objects.exists()


def test_full_budget_without_adjustments_gives_the_adjustment_and_disagreement_is_an_error(write):
    county()
    headings = [*PROJECT_HEADINGS, "追加", "全年预算（元）"]
    files = write(headings, [[*project("A1"), None, 130000], [*project("A2"), 5000, 105000]], title="单位：元")
    assert import_projects(files=files, fiscal_year=YEAR, by=None).ok
    assert {t.project_year.project.code: t.adjusted for t in YearTotals.objects.all()} == {"A1": 130000, "A2": 105000}
    wrong = write(headings, [[*project("A3"), 5000, 106000]], title="单位：元")
    assert codes(import_projects(files=wrong, fiscal_year=YEAR, by=None).errors) == {("H3", "BUDGET_MISMATCH")}


def test_a_file_of_another_year_is_refused_as_a_whole(write):
    county()
    files = write(PROJECT_HEADINGS, [project("A1", year=YEAR - 1), project("A2", year=YEAR - 1)])
    result = import_projects(files=files, fiscal_year=YEAR, by=None).as_dict()
    assert [(e["sheet"], e["cell"], e["code"]) for e in result["errors"]] == [(None, None, "WRONG_YEAR")]
    assert (result["accepted"], result["rejected"]) == (0, 2)


def test_an_organisation_may_be_written_as_code_and_name(write):
    places = county()
    headings = ["项目代码", "项目名称", "主管部门", "预算单位", "项目类别", "年初预算（元）", "资金性质(本级/上级)"]
    rows = [["A1", "甲", None, "301001-青田县第1局本级", "3", 1, "上级"], ["A2", "乙", "302", "301001", "22", 1, None]]
    result = import_projects(files=write(headings, rows), fiscal_year=YEAR, by=None)
    assert result.errors == []
    first, second = ProjectYear.objects.order_by("project__code")
    assert (first.unit, first.fund_level) == (places["unit1"], "higher")
    assert (second.department, second.category) == (places["department2"], "22")
    assert codes(result.warnings) == {("C3", "UNIT_ELSEWHERE")}


def test_vouchers_come_in_with_refunds_and_kinds_by_their_words(write):
    county()
    projects(1)
    rows = [
        entry("V1", amount=100),
        entry("V2", amount=-30),
        entry("V3", amount=5, kind="资金退回"),
        entry("V4", amount=9, kind="追减"),
    ]
    result = import_ledger(files=write(LEDGER_HEADINGS, rows), fiscal_year=YEAR, by=None)
    assert result.errors == []
    totals = YearTotals.objects.get()
    assert (totals.paid_03, totals.reductions) == (65, -9)
    assert Source.objects.get(kind=SourceKind.VOUCHERS).name == "支付凭证"


def test_an_account_column_is_not_read(write):
    county()
    projects(1)
    files = write([*LEDGER_HEADINGS, "收款人账号"], [[*entry("V1"), "6222020200011112222"]])
    result = import_ledger(files=files, fiscal_year=YEAR, by=None)
    assert result.ok
    stored = LedgerEntry.objects.filter(kind="payment").values_list()
    assert "6222020200011112222" not in repr(list(stored))


def test_a_balance_table_reads_its_day_above_the_heading(write):
    county()
    projects(1)
    source = source_named("月度余额表", [SourceKind.BALANCE])
    march = write(BALANCE_HEADINGS, [[YEAR, None, "P00001", None, 1.5]], title=f"截至{YEAR}年3月31日")
    assert import_ledger(files=march, fiscal_year=YEAR, by=None, source=source).ok
    source = Source.objects.get(kind=SourceKind.BALANCE)
    april = write(BALANCE_HEADINGS, [[YEAR, date(YEAR, 4, 30), "P00001", None, 2]])
    assert import_ledger(files=april, fiscal_year=YEAR, by=None, source=source).counts.updated == 1
    totals = YearTotals.objects.get()
    assert (totals.paid_03, totals.paid_04) == (15000, 5000)
    undated = write(BALANCE_HEADINGS, [[YEAR, None, "P00001", None, 3]])
    result = import_ledger(files=undated, fiscal_year=YEAR, by=None, source=source)
    assert [e.code for e in result.errors] == ["AS_OF_MISSING"]
    assert source.batches.first().as_of == date(YEAR, 4, 30)


def test_rows_of_unknown_projects_are_held_when_asked(write):
    county()
    projects(1)
    files = write(LEDGER_HEADINGS, [entry("V1"), entry("V2", code="X9")])
    refused = import_ledger(files=files, fiscal_year=YEAR, by=None)
    assert codes(refused.errors) == {("F3", "UNKNOWN_PROJECT")}
    held = import_ledger(files=files, fiscal_year=YEAR, by=None, hold_unknown=True).as_dict()
    assert (held["rows"], held["accepted"], held["held"]) == (2, 1, 1)
    assert HeldEntry.objects.get().project_code == "X9"


def test_errors_of_cells_and_of_the_database_come_together_and_in_the_file(write, tmp_path):
    county()
    projects(1)
    rows = [
        entry("V1", amount="十元"),
        entry("V2", code="X9"),
        entry("V3", day=date(YEAR - 1, 1, 1)),
        entry("V3"),
        entry("V5", code=None),
        entry("V6", kind="乱填"),
    ]
    target = tmp_path / "marked.xlsx"
    result = import_ledger(files=write(LEDGER_HEADINGS, rows), fiscal_year=YEAR, by=None, annotate=target)
    assert codes(result.errors) == {
        ("G2", "NOT_MONEY"),
        ("F3", "UNKNOWN_PROJECT"),
        ("D4", "DATE_OUTSIDE_YEAR"),
        ("B5", "DUPLICATE_KEY"),
        ("F6", "REQUIRED"),
        ("A7", "NOT_CHOICE"),
    }
    assert result.annotated == target
    assert target.stat().st_size > 0
    assert not LedgerEntry.objects.filter(kind="payment").exists()


def test_a_mapped_source_reads_foreign_headings(write):
    county()
    projects(1)
    source = Source.objects.create(
        name="国库导出", kind=SourceKind.VOUCHERS, mapping={"voucher": "单号", "amount": "数额", "date": "发生日"}
    )
    files = write(["单号", "发生日", "项目代码", "数额"], [["V1", date(YEAR, 2, 1), "P00001", 7]])
    assert import_ledger(files=files, fiscal_year=YEAR, by=None, source=source).counts.created == 1


def test_a_source_of_another_kind_or_unknown_is_refused():
    Source.objects.create(name="项目", kind=SourceKind.PROJECTS)
    with pytest.raises(Refused, match="不能用于"):
        source_named("项目", [SourceKind.VOUCHERS])
    with pytest.raises(Refused, match="没有来源方案"):
        source_named("无此来源", [SourceKind.VOUCHERS])
