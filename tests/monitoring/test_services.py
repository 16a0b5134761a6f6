"""Recovery step by step: what each service writes, and what it refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum

from budgets.models import Commitment, LedgerEntry, YearTotals
from budgets.services import EntryRow
from core.services import Refused
from monitoring import services
from monitoring.enums import LineState
from monitoring.models import MatchDismissal, RecoveryLine, RecoveryRule, RecoveryRun
from monitoring.queries import lines as line_queries
from monitoring.queries import matching
from monitoring.tasks import match_imports
from tests.monitoring.world import MEETING, SEPTEMBER, YEAR, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


def recovered(world, code):
    return YearTotals.objects.filter(project_year=world.year_of(code)).aggregate(r=Sum("recovered"))["r"]


def adjusted(world, code):
    return YearTotals.objects.filter(project_year=world.year_of(code)).aggregate(r=Sum("adjusted"))["r"]


# ---------- rules ----------


def test_a_published_rule_never_changes_not_even_by_sql(world):
    rule = world.rule()
    with pytest.raises(Refused, match="已发布，不能再改"):
        services.update_draft(rule=rule, by=world.section, minimum=Decimal(1))
    for sql in ("UPDATE monitoring_recoveryrule SET minimum = 1", "DELETE FROM monitoring_recoveryrule"):
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE monitoring_recoveryrule CASCADE")


def test_a_change_is_the_next_version(world):
    first = world.rule()
    second = services.new_version(rule=first, by=world.section)
    assert (first.number, second.number, second.state) == (1, 2, "draft")
    services.update_draft(rule=second, by=world.section, rate_below=Decimal("0.6"))
    services.publish_rule(rule=second, by=world.section)
    assert [r.rule_set.rate_below for r in RecoveryRule.objects.order_by("number")] == [Decimal("0.5"), Decimal("0.6")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rate_below": None}, "至少填写一项"),
        ({"rate_below": Decimal("1.5")}, "应在 0 与 1 之间"),
        ({"as_of": date(2024, 1, 1)}, "不在 2023 预算年度内"),
    ],
)
def test_a_wrong_rule_is_refused(world, fields, message):
    given = {"rate_below": Decimal("0.5"), "as_of": SEPTEMBER} | fields
    with pytest.raises(Refused, match=message):
        services.draft_rule(fiscal_year=YEAR, by=world.section, **given)
    assert not RecoveryRule.objects.exists()


def test_only_the_section_publishes(world):
    with pytest.raises(Refused, match="绩效科"):
        services.draft_rule(fiscal_year=YEAR, as_of=SEPTEMBER, by=world.budget, rate_below=Decimal("0.5"))


# ---------- runs ----------


def test_a_run_keeps_what_it_saw(world):
    run = world.run()
    assert (run.projects_examined, run.lines_found, run.recoverable) == (4, 4, Decimal(3_200_000))
    assert (run.entries_seen, run.budget_seen, run.paid_seen) == (8, Decimal(4_000_000), Decimal(800_000))
    assert [batch["name"] for batch in run.batches] == ["凭证", "项目"]
    line = world.lines(run)[0]
    assert line.explanation == (
        "全年预算 1,000,000.00 元，截至 2023-09-30 已支付 200,000.00 元，执行率 20.00% 低于 50.00%；"
        "扣除本年必须支付 0.00 元，可收回 800,000.00 元（规则 2023-1 版）"
    )


def test_computing_twice_changes_nothing(world):
    run = world.run()
    before = list(run.lines.values())
    assert services.compute(run_id=run.pk) == 4
    assert list(run.lines.values()) == before


def test_two_runs_of_the_same_rule_at_once_are_refused(world):
    rule = world.rule()
    services.start_run(rule=rule, by=world.section)
    with pytest.raises(Refused, match="正在进行中"), transaction.atomic():
        services.start_run(rule=rule, by=world.section)
    assert RecoveryRun.objects.count() == 1


def test_a_draft_rule_is_not_run(world):
    rule = services.draft_rule(fiscal_year=YEAR, as_of=SEPTEMBER, by=world.section, rate_below=Decimal("0.5"))
    with pytest.raises(Refused, match="尚未发布"):
        services.start_run(rule=rule, by=world.section)


# ---------- opinions ----------


def test_opinion_with_must_pay_becomes_a_commitment_and_the_preview_follows(world):
    run = world.consulted()
    line = world.lines(run)[0]
    services.give_opinion(
        line=line,
        by=world.unit_reviewers[0],
        version=line.version,
        stance="object",
        accepted=Decimal(500_000),
        must_pay=Decimal(250_050),
        must_pay_reason="工程进度款",
        evidence_note="合同第 8 条",
        text="年底到期",
    )
    commitment = Commitment.objects.get()
    assert (commitment.allocation, commitment.amount) == (line.allocation, Decimal("250050.00"))
    line = RecoveryLine.objects.get(pk=line.pk)
    # The line keeps what it was judged by; the review is offered what the same statement gives now.
    assert (line.recoverable, services.preview(line)) == (Decimal(800_000), Decimal("549900.00"))
    assert [record.action for record in line.flow.all()] == ["request", "object"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stance": "object", "text": ""}, "须填写理由"),
        ({"stance": "object", "text": "x", "accepted": Decimal(800_000)}, "请选择“同意”"),
        ({"stance": "agree", "must_pay": Decimal(1)}, "事由和佐证"),
        ({"stance": "object", "text": "x", "accepted": Decimal(-1)}, "不能为负"),
    ],
)
def test_a_faulty_opinion_is_refused_and_writes_nothing(world, given, message):
    line = world.lines(world.consulted())[0]
    with pytest.raises(Refused, match=message):
        services.give_opinion(line=line, by=world.unit_reviewers[0], version=line.version, **given)
    assert not line.opinions.exists()
    assert line.flow.count() == 1


def test_another_department_has_no_say(world):
    line = world.lines(world.consulted())[0]
    with pytest.raises(Refused, match="预算单位、主管部门和归口科室"):
        services.give_opinion(line=line, by=world.reviewers[1], version=line.version, stance="agree")


def test_silence_waits_for_the_deadline_then_consents_or_needs_a_reason(world):
    run = world.run()
    services.request_opinions(run=run, by=world.section, deadline=date(2999, 1, 1), silence_consents=True)
    outcome = services.submit_review(lines=world.lines(run), by=world.section)
    assert (outcome.done, len(outcome.left_out)) == (0, 4)
    assert "期限至 2999-01-01" in outcome.left_out[0][1]
    line = world.lines(run)[0]
    services.give_opinion(line=line, by=world.reviewers[0], version=line.version, stance="agree")
    assert services.submit_review(lines=world.lines(run), by=world.section).done == 1
    RecoveryRun.objects.filter(pk=run.pk).update(opinion_deadline=MEETING, silence_consents=False)
    outcome = services.submit_review(lines=world.lines(run), by=world.section)
    assert outcome.done == 0
    assert "须填写理由" in outcome.left_out[0][1] or "当前状态" in outcome.left_out[0][1]
    RecoveryRun.objects.filter(pk=run.pk).update(silence_consents=True)
    assert services.submit_review(lines=world.lines(run), by=world.section).done == 3
    silent = world.lines(run)[1]
    assert "视为同意" in silent.flow.last().warning


# ---------- review and decision ----------


def test_review_keeps_reduces_drops(world):
    run = world.consulted()
    services.submit_review(lines=world.lines(run), by=world.section)
    keep, reduce, drop, left = world.lines(run)
    services.review(line=keep, verdict="keep", by=world.budget, version=keep.version)
    with pytest.raises(Refused, match="须填写理由"):
        services.review(line=reduce, verdict="reduce", by=world.budget, version=reduce.version, amount=Decimal(1))
    for amount in (Decimal(0), Decimal(800_000), Decimal(900_000)):
        with pytest.raises(Refused, match="应大于 0 且小于"):
            services.review(
                line=reduce, verdict="reduce", by=world.budget, version=reduce.version, amount=amount, comment="x"
            )
    services.review(
        line=reduce, verdict="reduce", by=world.budget, version=reduce.version, amount=Decimal(300_000), comment="合同"
    )
    services.review(line=drop, verdict="drop", by=world.section, version=drop.version, comment="救灾")
    _, decision = world.decided(run)
    states = {line.pk: (line.state, line.decided) for line in world.lines(run)}
    assert states[keep.pk] == (LineState.DECIDED, Decimal(800_000))
    assert states[reduce.pk] == (LineState.DECIDED, Decimal(300_000))
    assert states[drop.pk] == (LineState.DROPPED, Decimal(0))
    assert states[left.pk] == (LineState.REVIEWING, None)
    found = line_queries.stages(run.lines.all())
    assert found == ((1, Decimal(800_000)), (2, Decimal(1_100_000)), (0, 0))
    assert decision.lines.count() == 3


def test_the_decision_looks_at_what_is_left_now(world):
    run = world.reviewed()
    world.import_entries(
        [EntryRow("late", "P00000", "payment", Decimal(700_000), date(YEAR, 10, 10), allocation="Z-P00000")]
    )
    with pytest.raises(Refused, match=r"项目P00000 现余 100,000\.00 元，会审 800,000\.00 元"):
        world.decided(run)
    assert not run.decisions.exists()


# ---------- execution ----------


def test_execution_by_hand_posts_one_entry_each(world):
    run = world.executed()
    for line in world.lines(run):
        assert line.state == LineState.EXECUTED
        assert (line.entry.kind, line.entry.amount, line.entry.allocation) == (
            "recovery",
            -line.decided,
            line.allocation,
        )
        assert recovered(world, line.project_year.project.code) == Decimal(-800_000)
    assert LedgerEntry.objects.filter(kind="recovery").count() == 4
    line = world.lines(run)[0]
    before = line_queries.before_recovery(line)
    assert (before["before"], before["after"]) == (Decimal(1_000_000), Decimal(200_000))
    assert (before["rate_before"], before["rate_after"]) == (Decimal("0.2"), Decimal(1))


def test_execution_twice_is_refused(world):
    run = world.pending()
    line = world.lines(run)[0]
    once = {"lines": [(line, line.version)], "document_number": "文", "executed_on": MEETING, "by": world.budget}
    services.confirm_execution(**once)
    with pytest.raises(Refused, match="不在待执行状态"):
        services.confirm_execution(**once)
    assert LedgerEntry.objects.filter(kind="recovery").count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"document_number": " "}, "指标调整文号"),
        ({"executed_on": date(2999, 1, 1)}, "不能晚于今天"),
        ({"executed_on": date(YEAR, 10, 19)}, "不能早于决定日期"),
    ],
)
def test_execution_needs_document_and_date(world, change, message):
    run = world.pending()
    given = {
        "lines": [(line, line.version) for line in world.lines(run)],
        "document_number": "文",
        "executed_on": MEETING,
        "by": world.budget,
    }
    with pytest.raises(Refused, match=message):
        services.confirm_execution(**(given | change))
    with pytest.raises(Refused, match="由预算科确认"):
        services.confirm_execution(**(given | {"by": world.section}))
    assert not LedgerEntry.objects.filter(kind="recovery").exists()


def test_a_line_of_project_level_data_needs_its_allocation_first():
    world = World(allocations=False)
    run = world.pending()
    line = world.lines(run)[0]
    assert line.allocation is None
    given = {"document_number": "文", "executed_on": MEETING, "by": world.budget}
    with pytest.raises(Refused, match="未分解到指标"):
        services.confirm_execution(lines=[(line, line.version)], **given)
    services.assign_allocation(line=line, allocation="青财预〔2023〕1号", by=world.budget, version=line.version)
    services.confirm_execution(lines=[(line, line.version)], **given)
    assert LedgerEntry.objects.get(kind="recovery").allocation == "青财预〔2023〕1号"


def test_withdrawing_needs_a_reason_and_leaves_no_entry(world):
    line = world.lines(world.pending())[0]
    with pytest.raises(Refused, match="须填写理由"):
        services.withdraw(line=line, by=world.section, version=line.version, comment="")
    services.withdraw(line=line, by=world.section, version=line.version, comment="另有安排")
    assert line.state == LineState.DROPPED
    assert not LedgerEntry.objects.filter(kind="recovery").exists()


# ---------- matching ----------


def reduction(kind="reduction", amount="-800000", key="r1", code="P00000", allocation="Z-P00000", day=MEETING):
    return EntryRow(key, code, kind, Decimal(amount), day, allocation=allocation)


@pytest.mark.parametrize("kind", ["recovery", "reduction"])
def test_an_import_brings_the_reduction(world, kind):
    run = world.pending()
    world.import_entries([reduction(kind)])
    result = services.match_entries(fiscal_year=YEAR, by=world.section)
    assert (result.executed, result.linked, result.unclear) == (1, 0, 0)
    line = world.lines(run)[0]
    assert (line.state, line.entry.kind, line.executed_on) == (LineState.EXECUTED, "recovery", MEETING)
    # The budget fell once, and as 收回.
    assert (adjusted(world, "P00000"), recovered(world, "P00000")) == (Decimal(200_000), Decimal(-800_000))
    # The same file again: nothing new in the ledger, nothing new to match.
    counts = world.import_entries([reduction(kind)])
    assert (counts.created, counts.updated) == (0, 0)
    again = services.match_entries(fiscal_year=YEAR, by=world.section)
    assert (again.executed, again.linked, again.reopened, again.unclear) == (0, 0, 0, 0)


def test_what_an_import_brings_is_matched_without_asking(world):
    run = world.pending()
    world.import_entries([reduction()])
    assert match_imports() == 1
    line = world.lines(run)[0]
    assert line.state == LineState.EXECUTED
    assert line.flow.last().actor_name == "系统"
    assert match_imports() == 0


@pytest.mark.parametrize("kind", ["recovery", "reduction"])
def test_a_later_import_links_to_what_was_confirmed_by_hand(world, kind):
    run = world.executed()
    own = world.lines(run)[0].entry_id
    world.import_entries([reduction(kind)])
    result = services.match_entries(fiscal_year=YEAR, by=world.section)
    assert (result.executed, result.linked, result.unclear) == (0, 1, 0)
    line = world.lines(run)[0]
    assert (line.entry_id, line.imported_entry.source) == (own, world.vouchers)
    assert (adjusted(world, "P00000"), recovered(world, "P00000")) == (Decimal(200_000), Decimal(-800_000))
    assert services.match_entries(fiscal_year=YEAR, by=world.section).linked == 0


@pytest.mark.parametrize(
    "row", [reduction(amount="-700000"), reduction(allocation="Z-OTHER"), reduction(allocation="")], ids=str
)
def test_an_unclear_match_waits_for_a_person(world, row):
    run = world.pending()
    world.import_entries([row])
    assert services.match_entries(fiscal_year=YEAR, by=world.section).unclear == 1
    line = world.lines(run)[0]
    (item,) = matching.unclear_entries(YEAR)
    assert item.lines == [line]
    assert line.state == LineState.PENDING
    given = {"line": line, "entry": item.entry, "by": world.budget, "version": line.version}
    with pytest.raises(Refused, match="理由"):
        services.settle(comment=" ", **given)
    if row.amount == Decimal(-700_000):
        with pytest.raises(Refused, match="金额不一致"):
            services.settle(comment="就是它", **given)
        services.dismiss(entry=item.entry, reason="压减一般性支出", by=world.budget)
        assert MatchDismissal.objects.count() == 1
    else:
        services.settle(comment="指标文号录入有误", **given)
        assert world.lines(run)[0].state == LineState.EXECUTED
    assert matching.unclear_entries(YEAR) == []


def test_a_reduction_before_the_decision_is_another_matter(world):
    world.pending()
    world.import_entries([reduction(day=date(YEAR, 5, 1))])
    result = services.match_entries(fiscal_year=YEAR, by=world.section)
    assert (result.executed, result.unclear) == (0, 0)


@pytest.mark.parametrize("kind", ["recovery", "reduction"])
def test_an_imported_row_taken_back_reopens_the_line(world, kind):
    run = world.pending()
    world.import_entries([reduction(kind)])
    services.match_entries(fiscal_year=YEAR, by=world.section)
    world.import_entries([reduction(kind, amount="-100")])
    assert services.match_entries(fiscal_year=YEAR, by=world.section).reopened == 1
    line = world.lines(run)[0]
    assert (line.state, line.entry_id, line.imported_entry_id) == (LineState.PENDING, None, None)
    assert adjusted(world, "P00000") == Decimal("999900.00")
    # By hand it can still be carried out, once.
    services.confirm_execution(lines=[(line, line.version)], document_number="文", executed_on=MEETING, by=world.budget)
    assert adjusted(world, "P00000") == Decimal("199900.00")
    assert recovered(world, "P00000") == Decimal(-800_100) if kind == "recovery" else Decimal(-800_000)


# ---------- the database knows the workflow ----------


@pytest.mark.parametrize(
    "change",
    [
        {"state": "executed"},
        {"state": "decided"},
        {"state": "noted"},
        {"recoverable": Decimal(0)},
        {"verdict": "keep", "reviewed": Decimal(1)},
        {"verdict": "drop"},
        {"exempt_reason": "mark"},
        {"executed_on": MEETING},
    ],
    ids=str,
)
def test_check_constraints_tie_state_dates_and_amounts(world, change):
    line = world.lines(world.run())[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryLine.objects.filter(pk=line.pk).update(**change)
