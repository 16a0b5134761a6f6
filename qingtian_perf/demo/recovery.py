"""The recovery of 2023 as the county went through it, step by step, by the people whose step it is.

No amount is given here except what a unit declares it must still pay; the rule, the opinions and the joint review
make the rest. Each step looks first whether it was done, so a load that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache

from django.db import transaction

from budgets.enums import EntryKind, ProjectCategory
from budgets.services import EntryRow
from core.jobs import run_now
from core.models import StoredFile
from core.services import Refused, store
from monitoring import services
from monitoring.enums import LineState, Stance, Verdict
from monitoring.models import Opinion, RecoveryDecision, RecoveryLine, RecoveryRule, RecoveryRun
from notices.models import Notice
from notices.services import confirm_receipt, issue
from organisations.models import User
from qingtian_perf.demo import clock
from qingtian_perf.demo.books import CUT_OFF, books, import_to_october, import_to_year_end
from qingtian_perf.demo.county import DIVISIONS, ISSUING_CODE
from qingtian_perf.demo.people import reviewer
from qingtian_perf.demo.slow import AGREEMENTS, Outcome, Slow

SECOND_LOOK = date(2023, 10, 31)
BY_HAND = date(2023, 10, 23)
BY_TREASURY = date(2023, 10, 25)
_BASIS = (
    "《中华人民共和国预算法》第四十二条、《国务院办公厅关于进一步做好盘活财政存量资金工作的通知》（国办发〔2014〕70号）"
)
_EXEMPT_MARKS = ["三保", "债券", "救灾应急", "年终结算", "分期政府采购"]
_SCAN = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


def user(username: str) -> User:
    return User.objects.get(username=username)


def first_run() -> RecoveryRun:
    """The county's own run as of the end of September; later runs of a visitor are not touched."""
    return RecoveryRun.objects.filter(as_of=CUT_OFF).order_by("pk")[0]


def second_run() -> RecoveryRun:
    return RecoveryRun.objects.filter(as_of=SECOND_LOOK).order_by("pk")[0]


def lines_of(run: RecoveryRun, state: str) -> list[RecoveryLine]:
    found = RecoveryLine.objects.filter(run=run, state=state)
    return list(
        found.select_related(
            "run__rule",
            "decision",
            "project_year__project",
            "project_year__unit",
            "project_year__department",
            "project_year__division",
        ).order_by("project_year__project__code", "allocation")
    )


# --- rule and run -----------------------------------------------------------------------------------------------------


def run_first() -> int:
    """Publish the rule of 30 September and work it out."""
    return _run(CUT_OFF, Decimal("0.50"), date(2023, 10, 9))


def run_second() -> int:
    """A second rule, a month later and stricter; its run is what is still open when a visitor comes."""
    return _run(SECOND_LOOK, Decimal("0.60"), date(2023, 11, 7))


def _run(as_of: date, rate_below: Decimal, done_on: date) -> int:
    by, created = user("jixiao"), 0
    with clock.on(done_on):
        with transaction.atomic():
            if not RecoveryRule.objects.filter(fiscal_year=2023, as_of=as_of).exists():
                drafted = services.draft_rule(
                    fiscal_year=2023,
                    as_of=as_of,
                    by=by,
                    rate_below=rate_below,
                    exempt_categories=[ProjectCategory.PERSONNEL.value, ProjectCategory.PUBLIC_FUNDS.value],
                    exempt_fund_sources=["国有资本经营预算"],
                    exempt_marks=_EXEMPT_MARKS,
                    legal_basis=_BASIS,
                )
                drafted = services.publish_rule(rule=drafted, by=by)
                services.start_run(rule=drafted, by=by)
                created = 1
        run = RecoveryRun.objects.filter(as_of=as_of).order_by("pk")[0]
        if run.computed_at is None and run.job is not None:
            run_now(run.job)
            # Where a worker was quicker to take the job up, this waits for it and finds the run done.
            created += services.compute(run_id=run.pk)
    return created


# --- opinions ---------------------------------------------------------------------------------------------------------


def ask_for_opinions() -> int:
    run = first_run()
    if run.opinion_deadline is not None:
        return 0
    with clock.on(date(2023, 10, 10)):
        return services.request_opinions(run=run, by=user("jixiao"), deadline=date(2023, 10, 17), silence_consents=True)


@transaction.atomic
def give_opinions() -> int:
    """Units, departments and divisions answer; a few stay silent."""
    run = first_run()
    if Opinion.objects.filter(line__run=run).exists():
        return 0
    kept = 0
    for number, line in enumerate(lines_of(run, LineState.CONSULTING)):
        slow = books().slow[line.project_year.project.code]
        with clock.on(date(2023, 10, 11 + number % 6), 9 + number % 8):
            if slow.outcome is Outcome.KEPT:
                kept += 1
                _answer_kept(line, slow, kept)
            else:
                _answer_needed(line, slow, number)
    return Opinion.objects.filter(line__run=run).count()


def _answer_kept(line: RecoveryLine, slow: Slow, number: int) -> None:
    unit = line.project_year.unit.code
    if number % 6 == 2:
        return  # silent until the deadline: taken as consent
    if number % 6 == 4:
        _say(line, unit, Stance.OBJECT, text="项目仍在推进，建议暂不收回。")
        _say(line, _division(line), Stance.AGREE, text="未见合同等支付依据，建议收回。")
    else:
        _say(line, unit, Stance.AGREE, text=slow.reason)


def _answer_needed(line: RecoveryLine, slow: Slow, number: int) -> None:
    """The unit declares what it must still pay; its department or the division may say so too."""
    unit, department = line.project_year.unit, line.project_year.department
    _object(line, unit.code, slow, with_file=number % 4 == 0)
    if unit.pk != department.pk and number % 2:
        _object(line, department.code, slow, with_file=False)
    if slow.outcome is Outcome.DROPPED and number % 3 == 0:
        _say(line, _division(line), Stance.OBJECT, text="经核实情况属实，建议不收回。")


def _division(line: RecoveryLine) -> str:
    division = line.project_year.division
    assert division is not None
    return division.code


def _object(line: RecoveryLine, code: str, slow: Slow, *, with_file: bool) -> None:
    must_pay = Decimal(slow.must_pay).scaleb(-2)
    services.give_opinion(
        line=line,
        by=user(reviewer(code)),
        version=line.version,
        stance=Stance.OBJECT,
        accepted=max(line.recoverable - must_pay, Decimal(0)),
        must_pay=must_pay,
        must_pay_reason=slow.reason,
        evidence_note=slow.evidence.format(unit=line.project_year.unit.name),
        text=f"{slow.reason}，申请保留 {must_pay / 10_000:f} 万元。",
        files=[("佐证材料（演示数据）.pdf", _scan())] if with_file else [],
    )


def _say(line: RecoveryLine, code: str, stance: str, *, text: str) -> None:
    by = user(_officers().get(code) or reviewer(code))
    services.give_opinion(line=line, by=by, version=line.version, stance=stance, text=text)


@cache
def _officers() -> dict[str, str]:
    return {division.code: division.login for division in DIVISIONS}


def _scan() -> StoredFile:
    return store([_SCAN])


# --- review, decision, execution --------------------------------------------------------------------------------------


@transaction.atomic
def submit_to_review() -> int:
    lines = lines_of(first_run(), LineState.CONSULTING)
    if not lines:
        return 0
    with clock.on(date(2023, 10, 18)):
        done = services.submit_review(lines=lines, by=user("jixiao"))
    _all_done(done)
    return done.done


_KEPT_AGAINST = "单位未提供合同、验收等支付依据，预计年内无法形成支出，按原额收回。"
_REDUCED = "单位申报的本年必须支付有合同和佐证，经核实予以保留，其余收回。"
_DROPPED = (
    "合同已签订且年内须支付，经核实佐证属实，不予收回。",
    "涉及农民工工资和在建工程进度款，经核实不予收回。",
    "补助对象已公示，年内兑付到户，不予收回。",
)


@transaction.atomic
def review() -> int:
    """Performance section and budget division go through the list; only what is declared and proven lowers a line."""
    lines = [line for line in lines_of(first_run(), LineState.REVIEWING) if not line.verdict]
    if not lines:
        return 0
    section, budget = user("jixiao2"), user("yusuan")
    by_outcome: dict[Outcome, list[RecoveryLine]] = {outcome: [] for outcome in Outcome}
    for line in lines:
        by_outcome[books().slow[line.project_year.project.code].outcome].append(line)
    with clock.on(date(2023, 10, 19)):
        objected = set(Opinion.objects.filter(line__in=lines, stance=Stance.OBJECT).values_list("line", flat=True))
        against = [line for line in by_outcome[Outcome.KEPT] if line.pk in objected]
        agreed = [line for line in by_outcome[Outcome.KEPT] if line.pk not in objected]
        _all_done(services.review_many(lines=agreed, verdict=Verdict.KEEP, by=section))
        _all_done(services.review_many(lines=against, verdict=Verdict.KEEP, by=budget, comment=_KEPT_AGAINST))
        _all_done(
            services.review_many(
                lines=by_outcome[Outcome.REDUCED], verdict=Verdict.REDUCE, by=section, comment=_REDUCED
            )
        )
        for place, reason in enumerate(_DROPPED):
            some = by_outcome[Outcome.DROPPED][place :: len(_DROPPED)]
            _all_done(services.review_many(lines=some, verdict=Verdict.DROP, by=budget, comment=reason))
    return len(lines)


def _all_done(outcome: services.Outcome) -> None:
    if outcome.left_out:
        line, why = outcome.left_out[0]
        raise Refused(f"演示数据有误：{line} {why}", code="demo")


@transaction.atomic
def decide() -> int:
    """The bureau's meeting; its list goes to the budget division."""
    run = first_run()
    if RecoveryDecision.objects.filter(run=run).exists():
        return 0
    with clock.on(date(2023, 10, 20), 16):
        services.record_decision(
            run=run,
            meeting="局长办公会第18次会议",
            date=date(2023, 10, 20),
            signatory=user("juzhang").full_name,
            by=user("jixiao"),
            scans=[("局长办公会会议纪要（演示数据）.pdf", _scan())],
        )
        return services.hand_over(run=run, by=user("jixiao"))


@transaction.atomic
def execute_by_hand() -> int:
    """A third of the lines are confirmed by hand; the others wait for the treasury's file."""
    run = first_run()
    if RecoveryLine.objects.filter(run=run).exclude(document_number="").exists():
        return 0
    lines = [line for line in lines_of(run, LineState.PENDING) if line.target_allocation][::3]
    with clock.on(BY_HAND, 15):
        return services.confirm_execution(
            lines=[(line, line.version) for line in lines],
            document_number="青财预〔2023〕86号",
            executed_on=BY_HAND,
            by=user("yusuan"),
        )


def match_imported() -> int:
    """What the treasury's file brought is matched with the lines that waited for it."""
    waiting = RecoveryLine.objects.filter(run=first_run(), decided__gt=0, imported_entry=None)
    if not waiting.exclude(state=LineState.DROPPED).exists():
        return 0
    with clock.on(date(2023, 11, 3), 11):
        matched = services.match_entries(fiscal_year=2023, by=user("yusuan"))
    return matched.executed + matched.linked


# --- notice -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def send_notice() -> int:
    """One numbered notice; every concerned department gets its own part, and some have confirmed receipt."""
    run, by = first_run(), user("jixiao")
    if Notice.objects.filter(source_key__startswith=f"recovery:{run.pk}:").exists():
        return 0
    with clock.on(date(2023, 11, 6)):
        notice = services.draft_notice(run=run, by=by)
        issue(notice=notice, by=by, issued_on=date(2023, 11, 6), number=f"{ISSUING_CODE}〔2023〕96号")
    recipients = list(notice.recipients.select_related("organisation").order_by("organisation__code"))
    with clock.on(date(2023, 11, 7)):
        for recipient in recipients[::2]:
            confirm_receipt(recipient=recipient, by=user(reviewer(recipient.organisation.code)))
    return len(recipients)


# --- what is still open -----------------------------------------------------------------------------------------------


@transaction.atomic
def leave_second_open() -> int:
    """Of the second run some lines are not yet asked, some unanswered and overdue, some in review, some 待执行."""
    run, by = second_run(), user("jixiao")
    if run.opinion_deadline is not None:
        return 0
    proposed = lines_of(run, LineState.PROPOSED)
    with clock.on(date(2023, 11, 8)):
        asked = services.request_opinions(run=run, by=by, lines=proposed[5:], deadline=date(2023, 11, 15))
    answered = list(_some_answer(lines_of(run, LineState.CONSULTING)))
    with clock.on(date(2023, 11, 20)):
        _all_done(services.submit_review(lines=answered[:7], by=by))
        _all_done(services.review_many(lines=answered[:4], verdict=Verdict.KEEP, by=user("yusuan")))
    with clock.on(date(2023, 11, 27)):
        services.record_decision(
            run=run,
            meeting="局长办公会第21次会议",
            date=date(2023, 11, 27),
            signatory=user("juzhang").full_name,
            by=by,
            lines=answered[:3],
        )
        services.hand_over(run=run, by=by)
    return asked


def _some_answer(lines: list[RecoveryLine]) -> Iterator[RecoveryLine]:
    for number, line in enumerate(lines):
        if number % 2:
            continue
        with clock.on(date(2023, 11, 9 + number % 5)):
            _say(line, line.project_year.unit.code, Stance.AGREE, text=AGREEMENTS[number % len(AGREEMENTS)])
        yield line


def recovered_rows() -> Iterator[EntryRow]:
    """What the treasury's file shows of the list it was given: the lines of the decision, each with its day."""
    decided = RecoveryLine.objects.filter(run=first_run(), decided__gt=0).exclude(state=LineState.DROPPED)
    for line in decided.select_related("project_year__project").order_by("project_year__project__code", "allocation"):
        yield EntryRow(
            source_key=f"SH2023-{line.project_year.project.code}",
            project_code=line.project_year.project.code,
            kind=EntryKind.RECOVERY,
            amount=-(line.decided or Decimal(0)),
            date=BY_HAND if line.document_number else BY_TREASURY,
            allocation=line.target_allocation,
            summary="演示数据：收回财政统筹",
        )


def unclear_row() -> Iterator[EntryRow]:
    """A reduction of December without its 指标: it may belong to a line that waits, and a person has to say so."""
    line = lines_of(second_run(), LineState.PENDING)[0]
    yield EntryRow(
        source_key=f"TJ2023-{line.project_year.project.code}",
        project_code=line.project_year.project.code,
        kind=EntryKind.REDUCTION,
        amount=-(line.decided or Decimal(0)),
        date=date(2023, 12, 6),
        summary="演示数据：调减，未注明指标",
    )


def import_october() -> int:
    return import_to_october(recovered_rows)


def import_year_end() -> int:
    return import_to_year_end(lambda: [*recovered_rows(), *unclear_row()])
