"""A small county whose recovery is gone through step by step, each step as the person whose step it is does it.

Every step may be pressed a second time, as a user does whose first try ended in nothing or in a broken page: what was
committed is refused by the service, and they go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from openpyxl import Workbook

from budgets.enums import SourceKind
from budgets.services.uploads import choose_source, confirm_import, start_import
from budgets.tasks import import_workbook
from core.jobs import run_now
from core.models import Job
from core.services import Refused, store
from monitoring import services
from monitoring.enums import LineState, Verdict
from monitoring.models import RecoveryLine, RecoveryRule, RecoveryRun
from notices.models import Notice
from notices.services import issue, start_batch
from organisations.enums import DivisionFunction, Role
from organisations.models import Organisation, User
from tests.factories import MembershipFactory, OrganisationFactory, UserFactory
from tests.system.faults.moments import plan

YEAR, DEPARTMENTS, PROJECTS = 2023, 4, 60
SEPTEMBER, DEADLINE, MEETING = date(YEAR, 9, 30), date(YEAR, 10, 17), date(YEAR, 10, 20)
BY_HAND, BY_TREASURY = date(YEAR, 10, 23), date(YEAR, 10, 25)
_SCAN = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def _user(name: str) -> User:
    return User.objects.get(username=name)


def people() -> None:
    """Bureau, sections, departments with a unit each, and who works there; the year's rule."""
    bureau = OrganisationFactory(bureau=True, code="CZJ", name="青田县财政局")
    section = OrganisationFactory(section=True, code="KS01", name="绩效科", function=DivisionFunction.PERFORMANCE)
    budget = OrganisationFactory(section=True, code="KS02", name="预算科", function=DivisionFunction.BUDGET)
    division = OrganisationFactory(section=True, code="KS03", name="农业科")
    staff = [
        ("leader", "局长", bureau, Role.LEADER),
        ("section", "绩效科经办", section, Role.PERFORMANCE_SECTION),
        ("budget", "预算科经办", budget, Role.BUDGET_DIVISION),
    ]
    for number in range(1, DEPARTMENTS + 1):
        department = OrganisationFactory(code=f"30{number}", name=f"青田县第{number}局", division=division)
        unit = OrganisationFactory(unit=True, code=f"30{number}001", name=f"青田县第{number}中心", parent=department)
        staff.append((f"unit{number}", f"第{number}中心审核", unit, Role.UNIT_REVIEWER))
    for username, name, organisation, role in staff:
        user = UserFactory(username=username, full_name=name)
        MembershipFactory(user=user, organisation=organisation, role=role)
    rule = services.draft_rule(
        fiscal_year=YEAR,
        as_of=SEPTEMBER,
        by=_user("section"),
        rate_below=Decimal("0.50"),
        exempt_marks=["三保"],
        legal_basis="《中华人民共和国预算法》第四十二条",
    )
    services.publish_rule(rule=rule, by=_user("section"))


# ---------- workbooks ----------


def _book(headings: Sequence[str], rows: Sequence[Sequence[Any]], name: str) -> SimpleUploadedFile:
    book, content = Workbook(), BytesIO()
    book.active.append(list(headings))
    for row in rows:
        book.active.append(list(row))
    book.save(content)
    return SimpleUploadedFile(name, content.getvalue())


def _codes() -> list[tuple[int, str]]:
    return [(number, f"P{number:03}") for number in range(1, PROJECTS + 1)]


def _projects() -> SimpleUploadedFile:
    """Every tenth project has its budget here, without 指标; the others' comes with the ledger."""
    rows = []
    for number, code in _codes():
        unit = f"30{number // 2 % DEPARTMENTS + 1}001"
        budget, mark = 1_000_000 if number % 10 == 1 else None, "三保" if number % 7 == 0 else None
        rows.append([YEAR, code, f"项目{code}", unit, "其他运转类" if number % 3 else "特定目标类", budget, mark])
    headings = ["预算年度", "项目代码", "项目名称", "预算单位代码", "项目类别", "年初预算（元）", "标记"]
    return _book(headings, rows, "项目.xlsx")


_HEADINGS = ["业务类型", "凭证号", "业务日期", "预算年度", "项目代码", "指标文号", "金额（元）", "摘要"]


def _ledger() -> SimpleUploadedFile:
    """Half of the projects are slow; one voucher belongs to nobody."""
    rows: list[list[Any]] = []
    for number, code in _codes():
        allocation = "" if number % 10 == 1 else f"青财预〔2023〕{number}号"
        own = [YEAR, code, allocation]
        if allocation:
            rows.append(["年初预算", f"B{number}", "2023-01-01", *own, 1_000_000, "批复"])
        monthly = 30_000 if number % 2 else 90_000
        for month in range(2, 9):
            rows.append(["支付", f"V{number}-{month}", f"2023-{month:02}-15", *own, monthly + number, "支付"])
        if number % 5 == 0:
            rows.append(["支付退回", f"R{number}", "2023-08-20", *own, -1_000, "退回"])
    rows.append(["支付", "V999", "2023-06-19", YEAR, "P999", "", 86_400, "不明"])
    return _book(_HEADINGS, rows, "流水.xlsx")


def _checked(upload: SimpleUploadedFile, kind: str) -> Job:
    """Uploaded and looked through: the person has seen that nothing is wrong."""
    options = {"uploads": [upload], "source": choose_source(name="", kind=kind), "fiscal_year": YEAR}
    job = start_import(task=import_workbook, by=_user("section"), as_of=SEPTEMBER, hold_unknown=True, **options)
    return _ended(job)


def _ended(job: Job) -> Job:
    """The job done here, or by the worker where that was quicker."""
    ended = run_now(job)
    until = time.monotonic() + 60
    while ended.is_active and time.monotonic() < until:
        time.sleep(0.1)
        ended.refresh_from_db()
    assert ended.state == "done", ended.errors
    return ended


def check_projects() -> int:
    return _checked(_projects(), SourceKind.PROJECTS).pk


def check_ledger() -> int:
    return _checked(_ledger(), SourceKind.VOUCHERS).pk


# ---------- the steps that a worker does; each answers its job ----------


def import_checked(moment: int | None, wait: bool) -> int:
    with transaction.atomic():
        checked = Job.objects.filter(state="done").latest("pk")
        job = confirm_import(task=import_workbook, checked=checked, by=_user("section"))
        plan(job.pk, moment, wait=wait)
    return job.pk


def compute(moment: int | None, wait: bool) -> int:
    with transaction.atomic():
        run = services.start_run(rule=RecoveryRule.objects.get(), by=_user("section"))
        assert run.job is not None
        plan(run.job.pk, moment, wait=wait)
    return run.job.pk


def draw(moment: int | None, wait: bool) -> int:
    with transaction.atomic():
        job = start_batch(notice=Notice.objects.get(), by=_user("section")).job
        plan(job.pk, moment, wait=wait)
    return job.pk


# ---------- the steps of people ----------


def _lines(state: str) -> list[RecoveryLine]:
    found = RecoveryLine.objects.filter(state=state).order_by("project_year__project__code", "allocation")
    return list(found.select_related("run__rule", "project_year__project", "project_year__unit"))


def consult() -> None:
    """Units agree, object, or declare what they must pay; the joint review keeps, reduces and drops."""
    section, budget = _user("section"), _user("budget")
    services.request_opinions(run=RecoveryRun.objects.get(), by=section, deadline=DEADLINE)
    for place, line in enumerate(_lines(LineState.CONSULTING)):
        by = _user(f"unit{line.project_year.unit.code[2]}")
        if place % 4 == 1:
            services.give_opinion(
                line=line,
                by=by,
                version=line.version,
                stance="object",
                must_pay=Decimal(200_000),
                must_pay_reason="合同尾款",
                evidence_note="合同存单位",
                text="须支付合同尾款",
                files=[("合同.pdf", store([_SCAN]))],
            )
        elif place % 4 != 3:
            services.give_opinion(line=line, by=by, version=line.version, stance="agree")
    services.submit_review(lines=_lines(LineState.CONSULTING), by=section)
    reviewing = _lines(LineState.REVIEWING)
    services.review_many(lines=reviewing, verdict=Verdict.KEEP, by=section)
    services.review_many(lines=reviewing[1::4], verdict=Verdict.REDUCE, by=budget, comment="保留合同尾款")
    services.review_many(lines=reviewing[3::8], verdict=Verdict.DROP, by=budget, comment="已签合同")


def decide() -> None:
    """The meeting's decision with its scan, and the list handed over: two buttons."""
    section, run = _user("section"), RecoveryRun.objects.get()
    _press(
        services.record_decision,
        "nothing",
        run=run,
        meeting="局长办公会第18次会议",
        date=MEETING,
        signatory="局长",
        scans=[("会议纪要.pdf", store([_SCAN + b"%"]))],
        by=section,
    )
    _press(services.hand_over, "nothing", run=run, by=section)


def _press(service: Any, code: str, **options: Any) -> None:
    """A button that may have been pressed before; done already is told by this refusal and no other."""
    try:
        service(**options)
    except Refused as refused:
        if refused.code != code:
            raise


def before_execution() -> list[tuple[int, int]]:
    """指标 named where they were missing; the treasury's file brings a half. Answers the lines to confirm, as seen."""
    budget = _user("budget")
    for line in _lines(LineState.PENDING):
        if line.allocation is None:
            services.assign_allocation(line=line, allocation="青财预〔2023〕900号", by=budget, version=line.version)
    pending = _lines(LineState.PENDING)
    rows = []
    for place, line in enumerate(pending):
        code, kind = line.project_year.project.code, "收回" if place % 4 else "调减"
        if place % 3:
            rows.append([kind, f"S{code}", str(BY_TREASURY), YEAR, code, line.target_allocation, -line.decided, "收回"])
    options = {"uploads": [_book(_HEADINGS, rows, "收回.xlsx")], "fiscal_year": YEAR, "as_of": BY_TREASURY}
    source = choose_source(name="", kind=SourceKind.REFUNDS)
    checked = _ended(start_import(task=import_workbook, source=source, by=budget, **options))
    _ended(confirm_import(task=import_workbook, checked=checked, by=budget))
    return [(line.pk, line.version) for line in pending[::2]]


def execute(seen: Sequence[tuple[int, int]]) -> None:
    """A half confirmed by hand as it was seen on the page, then the treasury's file matched."""
    budget = _user("budget")
    lines = [(RecoveryLine.objects.get(pk=pk), version) for pk, version in seen]
    options = {"document_number": "青财预〔2023〕86号", "executed_on": BY_HAND, "by": budget}
    _press(services.confirm_execution, "stale", lines=lines, **options)
    services.match_entries(fiscal_year=YEAR, by=budget)


def send_notice() -> None:
    notice = services.draft_notice(run=RecoveryRun.objects.get(), by=_user("section"))
    issue(notice=notice, by=_user("section"), issued_on=date(YEAR, 11, 6))


def shape() -> dict[str, int]:
    """How much there is, so that an empty county cannot pass for an undisturbed one."""
    states = dict.fromkeys(LineState.values, 0)
    for state in RecoveryLine.objects.values_list("state", flat=True):
        states[state] += 1
    return {"organisations": Organisation.objects.count(), "notices": Notice.objects.count(), **states}
