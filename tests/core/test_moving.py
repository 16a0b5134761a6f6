"""Two people pressing the same button: exactly one of them moves the object.

The races run on a recovery line under review: 会审 leaves it in its state, so only the row lock and the version
stand between the two. Both connections are real and released by one barrier. Tried by hand: without
`select_for_update`, and without the version check, the hundred rounds end at the first one with two records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from budgets.enums import EntryKind
from budgets.models import LedgerEntry, Project, ProjectYear, Source
from core.services import Refused, move
from core.workflow import Move, Workflow
from monitoring.enums import LineState, RuleState, Verdict
from monitoring.models import RecoveryDecision, RecoveryLine, RecoveryLineFlow, RecoveryRule, RecoveryRun
from organisations.enums import Role
from organisations.models import User
from tests.factories import MembershipFactory, OrganisationFactory, user_with

ROUNDS = 100
PATIENCE = 30
YEAR, AS_OF, MEETING = 2023, date(2023, 9, 30), date(2023, 10, 20)
FULL, HALF = Decimal("500000.00"), Decimal("250000.00")


@pytest.fixture
def line(db: None) -> RecoveryLine:
    """One line under review: 500,000 yuan of a project that spent nothing."""
    unit = OrganisationFactory(unit=True)
    year = ProjectYear.objects.create(
        project=Project.objects.create(code="P00001", name="山塘整治"),
        fiscal_year=YEAR,
        name="山塘整治",
        unit=unit,
        department=unit.department,
        category="3",
        kind="new",
    )
    LedgerEntry.objects.create(
        project_year=year,
        source=Source.objects.create(name="凭证", kind="vouchers"),
        source_key="1",
        kind=EntryKind.INITIAL,
        amount=FULL,
        date=date(YEAR, 1, 1),
        allocation="Z1",
    )
    rule = RecoveryRule.objects.create(
        fiscal_year=YEAR,
        number=1,
        state=RuleState.PUBLISHED,
        as_of=AS_OF,
        rate_below=Decimal("0.5"),
        published_at=timezone.now(),
    )
    run = RecoveryRun.objects.create(rule=rule, fiscal_year=YEAR, as_of=AS_OF, computed_at=timezone.now())
    return RecoveryLine.objects.create(
        run=run,
        project_year=year,
        allocation="Z1",
        state=LineState.REVIEWING,
        adjusted=FULL,
        paid=0,
        must_pay=0,
        rate=0,
        elapsed=Decimal("0.75"),
        reason="rate",
        status="recoverable",
        recoverable=FULL,
    )


@pytest.fixture
def section(line: RecoveryLine) -> User:
    return user_with(Role.PERFORMANCE_SECTION, full_name="绩效科甲")


@pytest.fixture
def budget(line: RecoveryLine) -> User:
    return user_with(Role.BUDGET_DIVISION, full_name="预算科乙")


def verdict(word: str, amount: Decimal) -> Callable[[RecoveryLine], None]:
    def change(locked: RecoveryLine) -> None:
        locked.verdict, locked.reviewed = word, amount

    return change


KEEP = ("keep", verdict(Verdict.KEEP, FULL))
REDUCE = ("reduce", verdict(Verdict.REDUCE, HALF))


def stored(line: RecoveryLine) -> tuple[Any, ...]:
    """What the database says of the line, and how many records it has."""
    now = RecoveryLine.objects.get(pk=line.pk)
    return now.state, now.version, now.verdict, now.reviewed, now.flow.count()


# ---------- two at the same moment ----------


@pytest.fixture
def two(transactional_db: None) -> Iterator[ThreadPoolExecutor]:
    """Two threads with a connection each, closed at the end."""
    with ThreadPoolExecutor(2) as pool:
        yield pool
        both = Barrier(2)

        def close() -> None:
            both.wait(PATIENCE)
            connection.close()

        for closed in [pool.submit(close), pool.submit(close)]:
            closed.result(PATIENCE)


def pressed(line: RecoveryLine, by: User, action: str, change: Any, barrier: Barrier) -> Any:
    """What one person gets who saw the line before the barrier fell: the record or the refusal."""
    seen = RecoveryLine.objects.get(pk=line.pk)
    barrier.wait(PATIENCE)
    try:
        return move(seen, action, by=by, version=seen.version, comment=f"{by}已核", change=change)
    except Refused as refused:
        return refused


def test_of_two_at_once_one_moves_and_the_other_learns_who_and_when(
    two: ThreadPoolExecutor, line: RecoveryLine, section: User, budget: User
) -> None:
    won = {section: 0, budget: 0}
    for turn in range(1, ROUNDS + 1):
        barrier = Barrier(2)
        people = [(section, *KEEP), (budget, *REDUCE)]
        # Who is handed to the first thread alternates.
        asked = [two.submit(pressed, line, *who, barrier) for who in people[:: 1 if turn % 2 else -1]]
        answers = [one.result(PATIENCE) for one in asked]

        records = [one for one in answers if isinstance(one, RecoveryLineFlow)]
        refusals = [one for one in answers if isinstance(one, Refused)]
        assert (len(records), len(refusals)) == (1, 1), f"round {turn}: {answers}"
        (record,), (refusal,) = records, refusals

        keeps = record.actor == section
        assert stored(line) == (
            LineState.REVIEWING,
            turn + 1,
            Verdict.KEEP if keeps else Verdict.REDUCE,
            FULL if keeps else HALF,
            turn,
        )
        assert (record.version, record.actor_name) == (turn + 1, "绩效科甲" if keeps else "预算科乙")
        assert refusal.code == "stale"
        at = timezone.localtime(record.at)
        label = "会审收回" if keeps else "会审减少"
        assert f"{record.actor_name}已于{at:%Y-%m-%d %H:%M:%S}办理“{label}”" in refusal.reason
        assert "当前状态为“会审”" in refusal.reason
        won[record.actor] += 1
    # The rounds were races: nobody won them all by always being first.
    assert min(won.values()) > 0, won


def test_the_second_waits_until_the_first_has_ended(
    two: ThreadPoolExecutor, line: RecoveryLine, section: User, budget: User
) -> None:
    holding, go_on = Event(), Event()

    def slowly(locked: RecoveryLine) -> None:
        KEEP[1](locked)
        holding.set()
        assert go_on.wait(PATIENCE)

    first = two.submit(pressed, line, section, "keep", slowly, Barrier(1))
    assert holding.wait(PATIENCE)
    second = two.submit(pressed, line, budget, *REDUCE, Barrier(1))
    with pytest.raises(TimeoutError):
        second.result(0.5)
    go_on.set()
    assert isinstance(first.result(PATIENCE), RecoveryLineFlow)
    refusal = second.result(PATIENCE)
    assert isinstance(refusal, Refused)
    assert "绩效科甲已于" in refusal.reason
    assert stored(line) == (LineState.REVIEWING, 2, Verdict.KEEP, FULL, 1)


def test_the_second_goes_on_where_the_first_was_undone(
    two: ThreadPoolExecutor, line: RecoveryLine, section: User, budget: User
) -> None:
    def broken(locked: RecoveryLine) -> None:
        raise RuntimeError("lost")

    failed = two.submit(pressed, line, section, "keep", broken, Barrier(1))
    with pytest.raises(RuntimeError, match="lost"):
        failed.result(PATIENCE)
    done = two.submit(pressed, line, budget, *REDUCE, Barrier(1)).result(PATIENCE)
    assert isinstance(done, RecoveryLineFlow)
    assert stored(line) == (LineState.REVIEWING, 2, Verdict.REDUCE, HALF, 1)


# ---------- one at a time ----------


def test_a_move_writes_state_version_and_record_together_and_refreshes_the_object(
    line: RecoveryLine, section: User
) -> None:
    other_copy = RecoveryLine.objects.get(pk=line.pk)
    record = move(line, "keep", by=section, version=1, comment=" 同意 ", change=KEEP[1])
    assert (line.state, line.version, line.verdict, line.reviewed) == (LineState.REVIEWING, 2, Verdict.KEEP, FULL)
    assert (record.subject, record.actor, record.actor_name) == (line, section, "绩效科甲")
    assert (record.action, record.label, record.comment) == ("keep", "会审收回", "同意")
    assert (record.from_state, record.to_state, record.version) == (LineState.REVIEWING, LineState.REVIEWING, 2)
    assert record.warning == ""
    # Another copy in hand knows nothing of it, and is told so by its version.
    assert other_copy.version == 1
    with pytest.raises(Refused, match="绩效科甲已于"):
        move(other_copy, "keep", by=section, version=other_copy.version)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_a_wrong_version_is_refused_though_nobody_has_moved_it(line: RecoveryLine, section: User, version: int) -> None:
    before = stored(line)
    with pytest.raises(Refused, match="该表单已被他人修改，请刷新后再办理") as refused:
        move(line, "keep", by=section, version=version, change=KEEP[1])
    assert refused.value.code == "stale"
    assert stored(line) == before


@pytest.mark.parametrize("role", [Role.LEADER, Role.DIVISION_OFFICER, Role.DEPARTMENT_REVIEWER, Role.SYSTEM_ADMIN])
def test_a_wrong_role_is_refused(line: RecoveryLine, role: str) -> None:
    before = stored(line)
    with pytest.raises(Refused, match="会审收回由绩效科、预算科办理，您没有该权限") as refused:
        move(line, "keep", by=user_with(role), version=1, change=KEEP[1])
    assert refused.value.code == "refused"
    assert stored(line) == before


def test_a_role_towards_another_project_does_not_count(line: RecoveryLine) -> None:
    RecoveryLine.objects.filter(pk=line.pk).update(state=LineState.CONSULTING)
    stranger = user_with(Role.UNIT_REVIEWER)
    with pytest.raises(Refused, match="您没有该权限"):
        move(line, "agree", by=stranger, version=1)
    own = user_with(Role.UNIT_REVIEWER, line.project_year.unit)
    assert move(line, "agree", by=own, version=1).version == 2


def test_a_wrong_state_and_an_unknown_action_are_refused(line: RecoveryLine, section: User) -> None:
    before = stored(line)
    with pytest.raises(Refused, match="当前状态为“会审”，只有“已决定”时才能交预算科执行"):
        move(line, "hand_over", by=section, version=1)
    with pytest.raises(Refused, match="没有“publish”这一操作"):
        move(line, "publish", by=section, version=1)
    assert stored(line) == before


@pytest.mark.parametrize("comment", ["", "   ", "\n\t"])
def test_a_comment_is_demanded_where_a_reason_is_due(line: RecoveryLine, budget: User, comment: str) -> None:
    before = stored(line)
    with pytest.raises(Refused, match="会审减少须填写理由"):
        move(line, "reduce", by=budget, version=1, comment=comment, change=REDUCE[1])
    assert stored(line) == before
    assert move(line, "reduce", by=budget, version=1, comment="合同已签", change=REDUCE[1]).comment == "合同已签"


def test_change_sees_the_locked_row_and_its_error_undoes_the_move(line: RecoveryLine, section: User) -> None:
    seen: list[RecoveryLine] = []

    def change(locked: RecoveryLine) -> None:
        seen.append(locked)
        locked.verdict, locked.reviewed = Verdict.KEEP, FULL

    RecoveryLine.objects.filter(pk=line.pk).update(execution_allocation="Z9")
    move(line, "keep", by=section, version=1, change=change)
    assert seen[0] is not line
    assert seen[0].execution_allocation == "Z9"
    assert (line.execution_allocation, line.verdict) == ("Z9", Verdict.KEEP)

    def fails(locked: RecoveryLine) -> None:
        locked.verdict, locked.reviewed = Verdict.DROP, Decimal(0)
        raise RuntimeError("no")

    before = stored(line)
    with pytest.raises(RuntimeError, match="no"):
        move(line, "drop", by=section, version=2, comment="不收回", change=fails)
    assert stored(line) == before


def test_four_eyes_is_recorded_and_does_not_block(line: RecoveryLine, section: User, budget: User) -> None:
    MembershipFactory(user=section, organisation=OrganisationFactory(section=True), role=Role.BUDGET_DIVISION)
    both = User.objects.get(pk=section.pk)
    decision = RecoveryDecision.objects.create(
        run=line.run, meeting="局长办公会", date=MEETING, signatory="局长", recorded_by=both
    )

    def decide(locked: RecoveryLine) -> None:
        locked.decision, locked.decided = decision, locked.reviewed

    def execute(locked: RecoveryLine) -> None:
        locked.entry, locked.executed_on = LedgerEntry.objects.get(), MEETING

    for action, change in [("keep", KEEP[1]), ("decide", decide), ("hand_over", None)]:
        assert move(line, action, by=both, version=line.version, change=change).warning == ""
    record = move(line, "execute", by=both, version=line.version, change=execute, warning="逾期补记")
    told = "您已办理过“决定收回”，本步骤宜由他人办理；系统将如实记录。"
    assert record.warning == f"逾期补记；{told}"
    assert RecoveryLineFlow.objects.get(pk=record.pk).warning == record.warning
    assert (line.state, line.version) == (LineState.EXECUTED, 5)


def test_another_person_gets_no_four_eyes_warning(line: RecoveryLine, section: User, budget: User) -> None:
    decision = RecoveryDecision.objects.create(
        run=line.run, meeting="局长办公会", date=MEETING, signatory="局长", recorded_by=section
    )

    def decide(locked: RecoveryLine) -> None:
        locked.decision, locked.decided = decision, locked.reviewed

    def execute(locked: RecoveryLine) -> None:
        locked.entry, locked.executed_on = LedgerEntry.objects.get(), MEETING

    for action, change in [("keep", KEEP[1]), ("decide", decide), ("hand_over", None)]:
        move(line, action, by=section, version=line.version, change=change)
    assert move(line, "execute", by=budget, version=line.version, change=execute).warning == ""


@pytest.mark.parametrize("own_department", [True, False])
def test_the_departments_step_falls_away_where_the_unit_is_its_own_department(
    line: RecoveryLine, section: User, monkeypatch: pytest.MonkeyPatch, own_department: bool
) -> None:
    table = Workflow(
        Move("submit", {LineState.REVIEWING}, LineState.PROPOSED, label="提交", roles={Role.PERFORMANCE_SECTION}),
        Move(
            "check",
            {LineState.PROPOSED},
            LineState.CONSULTING,
            label="主管部门审核",
            roles={Role.DEPARTMENT_REVIEWER},
            of_department=True,
        ),
    )
    monkeypatch.setattr(RecoveryLine, "MOVES", table)
    monkeypatch.setattr(RecoveryLine, "unit_is_department", own_department)
    record = move(line, "submit", by=section, version=line.version)
    assert (record.action, record.to_state) == ("submit", LineState.PROPOSED)
    steps = [(r.action, r.actor, r.to_state, r.version) for r in line.flow.all()]
    submitted = ("submit", section, LineState.PROPOSED, 2)
    if own_department:
        assert steps == [submitted, ("check", None, LineState.CONSULTING, 3)]
        assert line.flow.last().warning == "预算单位即主管部门，本步骤跳过"
        assert (line.state, line.version) == (LineState.CONSULTING, 3)
    else:
        assert steps == [submitted]
        assert (line.state, line.version) == (LineState.PROPOSED, 2)
