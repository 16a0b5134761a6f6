"""The pages: what they show, what they write, and literal query counts."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from budgets.enums import SourceKind
from budgets.models import HeldEntry, LedgerEntry, ProjectYear, Source, VanishedEntry, YearTotals
from core.jobs import run_now
from core.models import Job, SecurityEvent
from organisations.enums import Role
from tests.budgets.builders import YEAR, county, payment, post, projects
from tests.budgets.sheets import LEDGER_HEADINGS, PROJECT_HEADINGS
from tests.factories import user_with

pytestmark = pytest.mark.django_db
LIST = f"/{YEAR}/projects/"


def client_of(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def places():
    return county()


@pytest.fixture
def section(places):
    return client_of(user_with(Role.PERFORMANCE_SECTION))


def text(response, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def xlsx(headings, rows, name="上传.xlsx") -> SimpleUploadedFile:
    book = Workbook()
    book.active.append(headings)
    for row in rows:
        book.active.append(row)
    content = BytesIO()
    book.save(content)
    return SimpleUploadedFile(name, content.getvalue())


def with_recovery(count: int) -> list[ProjectYear]:
    years = projects(count)
    rows = []
    for n, year in enumerate(years):
        rows.append(payment(f"V{n}", year.project.code, "40000.00", date(YEAR, 3, 1)))
        rows.append(payment(f"R{n}", year.project.code, "20000.00", date(YEAR, 9, 1), kind="recovery"))
    post(rows)
    return years


# ---- query counts: literal, and the same for one row and for many ----


@pytest.mark.parametrize("rows", [1, 3, 10])
@pytest.mark.parametrize(
    ("query", "queries"),
    [("", 11), ("?sort=-rate&fund_level=", 11), ("?q=xmp&rate_from=10&rate_to=90&mark=recovered&sort=department", 11)],
)
def test_the_list_asks_a_fixed_number_of_questions(section, rows, query, queries, django_assert_num_queries) -> None:
    with_recovery(rows)
    section.get(LIST)
    with django_assert_num_queries(queries):
        assert "项目P1" in text(section.get(LIST + query))


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_the_detail_asks_a_fixed_number_of_questions(section, rows, django_assert_num_queries) -> None:
    years = with_recovery(1)
    post(
        [payment(f"X{n}", "P00001", "1.00", date(YEAR, 4, 1), allocation=f"指标{n}") for n in range(rows)],
        complete=False,
    )
    url = f"{LIST}{years[0].pk}/"
    section.get(url)
    with django_assert_num_queries(15):
        assert "项目P1" in text(section.get(url))


# ---- the list ----


def test_totals_are_those_of_the_whole_filter_with_the_rate_before_recovery(section) -> None:
    with_recovery(60)
    page = text(section.get(LIST))
    assert "合计（60 个）" in page
    assert 'title="4,800,000.00 元">480.00<' in page  # 全年预算 after 收回
    assert "50.00%" in page
    assert "收回前 40.00%" in page
    assert f"截至 {YEAR}-09-30" in page


def test_the_fiscal_year_begins_as_the_work_year_and_can_be_another(section) -> None:
    projects(1)
    projects(1, year=YEAR - 1, prefix="Q")
    assert "项目Q1" not in text(section.get(LIST))
    assert "项目Q1" in text(section.get(f"{LIST}?fiscal_year={YEAR - 1}"))
    both = text(section.get(f"{LIST}?fiscal_year=all"))
    assert "项目P1" in both
    assert "项目Q1" in both


def test_filters_find_by_name_code_initials_and_rate(section) -> None:
    with_recovery(2)
    post([payment("V9", "P00002", "30000.00", date(YEAR, 5, 1))], complete=False)
    for query, found in [
        ("q=P00002", {"项目P2"}),
        ("q=目P1", {"项目P1"}),
        ("q=xmp2", {"项目P2"}),
        ("rate_from=60", {"项目P2"}),
        ("rate_to=60", {"项目P1"}),
        ("mark=recovered", {"项目P1", "项目P2"}),
        ("mark=key", set()),
        ("kind=continued", set()),
        ("unit=301001", {"项目P1", "项目P2"}),
    ]:
        page = text(section.get(f"{LIST}?{query}"))
        assert {name for name in ("项目P1", "项目P2") if f">{name}</a>" in page} == found, query


def test_sorting_by_rate_keeps_projects_without_budget_last(section) -> None:
    projects(2)
    post([payment("V1", "P00002", "50000.00", date(YEAR, 2, 1))])
    projects(1, prefix="Z", initial=Decimal(0))
    for sort, order in (("rate", "P1 P2 Z1"), ("-rate", "P2 P1 Z1")):
        found = re.findall(r">项目(\w+\d)</a>", text(section.get(f"{LIST}?sort={sort}")))
        assert " ".join(found) == order


def test_held_money_stands_beside_the_totals(section) -> None:
    projects(1)
    post([payment("V1", "X1", "12345.00", date(YEAR, 2, 1))], hold_unknown=True)
    page = text(section.get(LIST))
    assert "待认领 1 笔" in page
    assert "1.23" in page


def test_the_export_has_every_filtered_row_in_yuan(section) -> None:
    with_recovery(60)
    answer = section.post(f"{LIST}?export=xlsx&q=P000")
    sheet = load_workbook(BytesIO(b"".join(answer.streaming_content))).active
    rows = list(sheet.iter_rows(values_only=True))
    headings = next(row for row in rows if "项目代码" in row)
    column = headings.index("全年预算（元）")
    values = [row[column] for row in rows[rows.index(headings) + 1 :] if row[0] and str(row[0]).startswith("P0")]
    assert values == [80000] * 60
    assert SecurityEvent.objects.filter(kind="export").exists()


def test_a_clerk_sees_only_its_own(places) -> None:
    projects(1)
    other = projects(1, prefix="Q", unit="302001")
    clerk = client_of(user_with(Role.UNIT_FILLER, places["unit1"]))
    page = text(clerk.get(LIST))
    assert "我的项目" in page
    assert "项目P1" in page
    assert "项目Q1" not in page
    assert clerk.get(f"{LIST}{other[0].pk}/").status_code == 404
    assert clerk.get(reverse("import_list", args=[YEAR])).status_code == 403


# ---- detail and search ----


def test_the_detail_shows_years_lines_entries_and_their_source(section) -> None:
    years = with_recovery(1)
    projects(1, year=YEAR - 1)
    page = text(section.get(f"{LIST}{years[0].pk}/"))
    for wanted in (
        "未分解到指标",
        "收回前预算 10.00 万元，执行率 40.00%",
        "支付凭证，截至",
        f">{YEAR - 1}</a>",
        "序时进度",
    ):
        assert wanted in page


def test_search_opens_a_code_and_lists_anything_else(section) -> None:
    years = projects(2)
    found = section.get(f"/{YEAR}/search/?q=P00002")
    assert found.url == f"{LIST}{years[1].pk}/"
    listed = section.get(f"/{YEAR}/search/?q=xmp", follow=True)
    assert "项目P1" in text(listed)


# ---- import ----


def upload(client, files, **data):
    data = {"kind": SourceKind.VOUCHERS, "fiscal_year": YEAR} | data
    return client.post(f"/{YEAR}/imports/", data | {"files": files})


def newest_job() -> Job:
    return Job.objects.order_by("pk").last()


def entry(voucher, code="P00001", amount=100):
    return ["支付", voucher, None, date(YEAR, 3, 1), YEAR, code, amount]


def test_an_upload_is_checked_then_confirmed_then_in(section, django_capture_on_commit_callbacks) -> None:
    file = xlsx(PROJECT_HEADINGS, [[YEAR, "A1", "甲项目", "301001", "特定目标类", 100]])
    answer = upload(section, [file], kind=SourceKind.PROJECTS)
    checked = run_now(newest_job())
    assert answer.url == f"/{YEAR}/imports/{checked.pk}/"
    page = text(section.get(answer.url))
    assert "尚未写入" in page
    assert "确认导入" in page
    assert not ProjectYear.objects.exists()
    confirmed = section.post(f"/{YEAR}/imports/{checked.pk}/confirm/")
    done = run_now(newest_job())
    assert (done.state, done.result["created"]) == ("done", 1)
    assert ProjectYear.objects.get().name == "甲项目"
    assert "确认导入" not in text(section.get(confirmed.url))
    batch = ProjectYear.objects.get().entries.get().batch
    assert batch.files.count() == 1
    assert batch.imported_by is not None


def test_errors_are_on_the_page_and_in_the_users_file(section) -> None:
    projects(1)
    upload(section, [xlsx(LEDGER_HEADINGS, [entry("V1", amount="十元"), entry("V2", code="X1")])])
    job = run_now(newest_job())
    assert job.state == "failed"
    page = text(section.get(f"/{YEAR}/imports/{job.pk}/"))
    assert "上传.xlsx Sheet G2" in page
    assert "不是金额" in page
    assert "没有项目代码" in page
    assert "确认导入" not in page
    assert job.files.get().name == "错误标注.xlsx"
    refused = section.post(f"/{YEAR}/imports/{job.pk}/confirm/", follow=True)
    assert "请先完成检查" in text(refused)


def test_a_classified_upload_is_not_kept(section) -> None:
    from core.models import StoredFile
    from core.services.files import path_of

    projects(1)
    upload(section, [xlsx([*LEDGER_HEADINGS, "密级"], [[*entry("V1"), "机密"]])])
    stored = StoredFile.objects.order_by("pk").last()
    job = run_now(newest_job())
    assert job.errors[0]["code"] == "CLASSIFIED"
    assert not StoredFile.objects.filter(pk=stored.pk).exists()
    assert not path_of(stored.sha256).exists()


def test_a_form_with_errors_is_shown_again(section) -> None:
    page = text(upload(section, [], fiscal_year=""), 422)
    assert "这个字段是必填项" in page or "必填" in page
    assert not Job.objects.exists()


def test_templates_come_prefilled(section) -> None:
    with_recovery(2)
    answer = section.post(f"/{YEAR}/imports/template/", {"kind": SourceKind.PROJECTS})
    book = load_workbook(BytesIO(b"".join(answer.streaming_content)))
    cells = [cell.value for row in book["项目"].iter_rows() for cell in row]
    assert {"P00001", "P00002"} <= set(cells)


# ---- rows that wait for a person ----


def test_a_held_row_is_claimed_on_its_page(section) -> None:
    years = projects(1)
    post([payment("V1", "X1", "5.00", date(YEAR, 2, 1))], hold_unknown=True)
    held = HeldEntry.objects.get()
    assert "X1" in text(section.get(f"/{YEAR}/imports/held/?claimed=open"))
    url = f"/{YEAR}/imports/held/{held.pk}/"
    assert "认领到项目代码" in text(section.get(url))
    assert "没有项目代码" in text(section.post(f"{url}claim/", {"project_code": "nirgends"}), 422)
    section.post(f"{url}claim/", {"project_code": "P00001"})
    assert YearTotals.objects.get(project_year=years[0]).paid == 5
    assert "已认领到" in text(section.get(url))


@pytest.mark.parametrize(("decision", "paid"), [("keep", 7), ("reverse", 0)])
def test_a_vanished_row_is_settled_with_a_reason(section, decision, paid) -> None:
    years = projects(1)
    post([payment("V1", "P00001", "7.00", date(YEAR, 2, 1))])
    post([], as_of=date(YEAR, 2, 28))
    vanished = VanishedEntry.objects.get()
    assert "项目P1" in text(section.get(f"/{YEAR}/imports/vanished/?state=open"))
    url = f"/{YEAR}/imports/vanished/{vanished.pk}/"
    assert "必填" in text(section.post(f"{url}settle/", {"decision": decision, "reason": ""}), 422)
    section.post(f"{url}settle/", {"decision": decision, "reason": "国库核对"})
    vanished.refresh_from_db()
    assert vanished.reason == "国库核对"
    assert YearTotals.objects.get(project_year=years[0]).paid == paid
    assert "国库核对" in text(section.get(url))
    assert post([], as_of=date(YEAR, 2, 28)).vanished == 0
    again = section.post(f"{url}settle/", {"decision": decision, "reason": "再次"})
    assert "已处理为" in text(again, 422)


def test_taking_back_may_not_leave_payments_below_zero(section) -> None:
    projects(1)
    refund = payment("V2", "P00001", "-7.00", date(YEAR, 3, 1))
    post([payment("V1", "P00001", "7.00", date(YEAR, 2, 1)), refund])
    post([refund._replace(summary="")], as_of=date(YEAR, 3, 31))
    vanished = VanishedEntry.objects.get()
    url = f"/{YEAR}/imports/vanished/{vanished.pk}/settle/"
    assert "小于零" in text(section.post(url, {"decision": "reverse", "reason": "试"}), 422)
    assert LedgerEntry.objects.filter(is_reversal=True).count() == 0


# ---- 来源方案 ----


def test_a_source_is_mapped_once_and_never_from_an_account(section) -> None:
    headings = ["单号", "发生日", "项目代码", "数额", "收款人账号"]
    sample = xlsx(headings, [["V1", date(YEAR, 2, 1), "P00001", 7, "6222"]])
    url = f"/{YEAR}/imports/sources/new/"
    page = text(section.post(url, {"step": "read", "name": "国库导出", "kind": SourceKind.VOUCHERS, "file": sample}))
    assert "收款人账号" not in page
    assert '<option value="项目代码" selected>' in page
    mapping = {"column_voucher": "单号", "column_date": "发生日", "column_project_code": "项目代码"}
    data = {"step": "save", "name": "国库导出", "kind": SourceKind.VOUCHERS, "headings": headings, **mapping}
    assert "以下必需的列没有对应的表头：金额" in text(section.post(url, data), 422)
    stolen = text(section.post(url, data | {"column_amount": "数额", "column_summary": "收款人账号"}), 422)
    assert "账号列，不得导入" in stolen
    section.post(url, data | {"column_amount": "数额"})
    assert Source.objects.get(name="国库导出").mapping["amount"] == "数额"
    assert "国库导出" in text(section.get(f"/{YEAR}/imports/sources/"))
