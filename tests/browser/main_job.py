"""The county of the main job's test: projects, people, files, and how its people use the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

from monitoring.models import RecoveryLine
from organisations.enums import DivisionFunction, Role
from organisations.models import User
from tests.browser.conftest import SIZES, Visitor
from tests.factories import PASSWORD, MembershipFactory, OrganisationFactory, user_with

YEAR = 2023
AS_OF = date(YEAR, 9, 30)
MINUTE = 60_000
SCAN = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


@dataclass(frozen=True)
class Row:
    """One project. `paid`: (month, yuan). With `allocation` its budget comes with the ledger, else with the project."""

    number: int
    name: str
    unit: str
    budget: int
    paid: tuple[tuple[int, str], ...] = ()
    allocation: str = ""
    mark: str = ""

    @property
    def code(self) -> str:
        return f"33112123T{self.number:012}"


FARMLAND = Row(
    1, "高标准农田建设", "214001", 2_000_000, ((3, "250000"), (8, "150000")), allocation="青财预〔2023〕1号-01"
)
ROADS = Row(2, "农村公路养护", "214001", 1_000_000, ((5, "450000"),))
SCHOOLS = Row(3, "中小学校舍维修", "203001", 800_000, ((6, "100000"),), allocation="青财预〔2023〕1号-03")
TRAINING = Row(4, "教师培训", "203001", 1_500_000, ((4, "600050.50"),), allocation="青财预〔2023〕1号-04")
BUSES = Row(5, "校车运行补助", "203001", 600_000, ((7, "330000"),), allocation="青财预〔2023〕1号-05")
GRANTS = Row(6, "困难学生资助", "203001", 500_000, mark="三保")
ARCHIVES = Row(7, "档案整理", "214001", 15_000, ((2, "7000"),))
VETERINARY = Row(8, "动物防疫", "214001", 300_000, ((1, "100000"), (6, "200000")))
ROWS = (FARMLAND, ROADS, SCHOOLS, TRAINING, BUSES, GRANTS, ARCHIVES, VETERINARY)

# Below 60 %, 三保 exempt, 100 yuan rounded down, at least 1 万元.
PROPOSED = {FARMLAND: 1_600_000, ROADS: 550_000, SCHOOLS: 700_000, TRAINING: 899_900, BUSES: 270_000}
# What the joint review left of it: the unit must still pay 300,000 for the farmland; the schools are dropped.
DECIDED = {FARMLAND: 1_300_000, ROADS: 550_000, TRAINING: 899_900, BUSES: 270_000}
ASSIGNED = "青财预〔2023〕2号-07"
DOCUMENT = "青财预〔2023〕86号"


def wan(yuan: Any) -> str:
    return f"{Decimal(yuan) / 10_000:,.2f}"


@dataclass
class People:
    section: User
    budget: User
    officer: User
    clerk: User
    agriculture: User
    education: User


def people() -> People:
    bureau = OrganisationFactory(bureau=True)
    home = {"section": True, "parent": bureau}
    section = OrganisationFactory(**home, name="绩效科", function=DivisionFunction.PERFORMANCE)
    budget = OrganisationFactory(**home, name="预算科", function=DivisionFunction.BUDGET)
    farming = OrganisationFactory(**home, name="农业农村科")
    culture = OrganisationFactory(**home, name="教科文科")
    agriculture = OrganisationFactory(code="214", name="青田县农业农村局", division=farming)
    education = OrganisationFactory(code="203", name="青田县教育局", division=culture)
    unit = OrganisationFactory(unit=True, code="214001", name="青田县农业农村局本级", parent=agriculture)
    OrganisationFactory(unit=True, code="203001", name="青田县教育局本级", parent=education)
    # In a small unit one person fills in and reviews.
    clerk = user_with(Role.UNIT_FILLER, unit, full_name="陈会计")
    MembershipFactory(user=clerk, organisation=unit, role=Role.UNIT_REVIEWER)
    return People(
        user_with(Role.PERFORMANCE_SECTION, section, full_name="王芳"),
        user_with(Role.BUDGET_DIVISION, budget, full_name="刘预算"),
        user_with(Role.DIVISION_OFFICER, farming, full_name="周科员"),
        clerk,
        user_with(Role.DEPARTMENT_REVIEWER, agriculture, full_name="吴审核"),
        user_with(Role.DEPARTMENT_REVIEWER, education, full_name="郑审核"),
    )


@dataclass
class Journey:
    """The people, one browser, and the files that go back and forth."""

    visitor: Visitor
    people: People
    files: Path
    step: int = 0

    @property
    def page(self) -> Page:
        return self.visitor.page

    def go(self, path: str) -> Page:
        return self.visitor.go(path)

    def log_in(self, user: User) -> Page:
        """Through the login page; whoever was there before has closed the browser."""
        self.page.context.clear_cookies()
        page = self.go("/login/")
        page.get_by_label("用户名").fill(user.username)
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        page.wait_for_url(lambda url: "/login/" not in url)
        return page

    def look(self, name: str) -> None:
        """Judge the page as it stands at both sizes."""
        self.step += 1
        for size, (width, height) in reversed(SIZES.items()):
            self.visitor.size = size
            self.page.set_viewport_size({"width": width, "height": height})
            # Charts follow the window with a frame's delay.
            self.page.wait_for_timeout(200)
            self.visitor.look(f"main-{self.step:02}-{name}")
        self.page.set_viewport_size({"width": 1440, "height": 900})

    def said(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def agree(self, told: str = "", comment: str = "") -> None:
        """Answer the question that a button asks."""
        dialog = self.page.locator("#confirm-dialog")
        expect(dialog).to_be_visible()
        if told:
            expect(dialog).to_contain_text(told)
        if comment:
            dialog.get_by_label("理由").fill(comment)
        dialog.locator("#confirm-ok").click()

    def download(self, button: Locator, name: str) -> Path:
        with self.page.expect_download() as waited:
            button.click()
        target = self.files / name
        waited.value.save_as(target)
        return target

    def stat(self, name: str) -> Locator:
        return self.page.locator(".stat", has_text=name).first


def fill(template: Path, rows: list[Mapping[str, Any]], target: Path) -> dict[str, str]:
    """Type `rows` (heading → value) below the headings of a template; answers heading → column letter."""
    book = load_workbook(template)
    sheet = book.active
    letters = {str(cell.value).lstrip("*"): cell.column_letter for cell in sheet[1]}
    for number, row in enumerate(rows, start=2):
        for heading, value in row.items():
            sheet[f"{letters[heading]}{number}"] = value
    book.save(target)
    return letters


def project_row(row: Row) -> dict[str, Any]:
    return {
        "预算年度": YEAR,
        "项目代码": row.code,
        "项目名称": row.name,
        "预算单位代码": row.unit,
        "项目类别": "特定目标类",
        "新增/延续": "新增",
        "资金来源": "一般公共预算",
        "资金级次": "本级",
        "年初预算（元）": None if row.allocation else row.budget,
        "标记": row.mark or None,
    }


def ledger_rows() -> Iterator[dict[str, Any]]:
    common = {"预算年度": YEAR, "资金来源": "一般公共预算", "资金级次": "本级", "指标年度": YEAR}
    for row in ROWS:
        own = common | {"项目代码": row.code, "项目名称": row.name, "指标文号/ID": row.allocation or None}
        if not row.allocation:
            own["指标年度"] = None
        if row.allocation:
            budget = {"业务类型": "年初预算", "凭证号": f"YS{row.number:04}", "业务日期": date(YEAR, 1, 15)}
            yield own | budget | {"金额（元）": row.budget, "摘要": "年初批复"}
        for month, amount in row.paid:
            payment = {"业务类型": "支付", "凭证号": f"ZF{row.number:02}{month:02}", "业务日期": date(YEAR, month, 20)}
            yield own | payment | {"金额（元）": Decimal(amount), "摘要": "授权支付"}


def upload(at: Journey, kind: str, file: Path, as_of: str = "") -> None:
    """Upload on the import page and wait until the worker has checked the file."""
    page = at.go(f"/{YEAR}/imports/")
    page.get_by_label("导入内容").select_option(label=kind)
    if as_of:
        page.get_by_label("截至日").fill(as_of)
    page.locator('input[type="file"]').set_input_files(file)
    page.get_by_role("button", name="检查").click()
    page.wait_for_url(re.compile(rf"/{YEAR}/imports/\d+/$"))


def ended(at: Journey, state: str = "done") -> None:
    expect(at.page.locator(f".job.{state}")).to_be_visible(timeout=MINUTE)


def line_of(row: Row) -> RecoveryLine:
    return RecoveryLine.objects.select_related("entry", "recipient").get(project_year__project__code=row.code)
