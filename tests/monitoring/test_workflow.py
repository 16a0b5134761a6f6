"""The table of a recovery line: state × action × role, said once more by hand."""

from __future__ import annotations

import itertools

import pytest

from monitoring.enums import LineState
from monitoring.models import RecoveryLine
from monitoring.workflow import RECOVERY_MOVES
from organisations.enums import Role

SECTION, BUDGET = Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION
UNIT, DEPARTMENT, DIVISION = Role.UNIT_REVIEWER, Role.DEPARTMENT_REVIEWER, Role.DIVISION_OFFICER
# action → (from, to, who)
EXPECTED = {
    "request": ({"proposed"}, "consulting", {SECTION}),
    "agree": ({"consulting"}, "consulting", {UNIT, DEPARTMENT, DIVISION}),
    "object": ({"consulting"}, "consulting", {UNIT, DEPARTMENT, DIVISION}),
    "submit_review": ({"consulting"}, "reviewing", {SECTION}),
    "keep": ({"reviewing"}, "reviewing", {SECTION, BUDGET}),
    "reduce": ({"reviewing"}, "reviewing", {SECTION, BUDGET}),
    "drop": ({"reviewing"}, "reviewing", {SECTION, BUDGET}),
    "decide": ({"reviewing"}, "decided", {SECTION}),
    "decide_drop": ({"reviewing"}, "dropped", {SECTION}),
    "hand_over": ({"decided"}, "pending", {SECTION}),
    "assign": ({"pending"}, "pending", {SECTION, BUDGET}),
    "execute": ({"pending"}, "executed", {BUDGET}),
    "match": ({"pending"}, "executed", {SECTION, BUDGET}),
    "link": ({"executed"}, "executed", {SECTION, BUDGET}),
    "reopen": ({"executed"}, "pending", {SECTION, BUDGET}),
    "withdraw": ({"decided", "pending"}, "dropped", {SECTION}),
}
REASONED = {"object", "reduce", "drop", "reopen", "withdraw"}


def test_the_table_has_these_actions_and_no_other():
    assert RecoveryLine.MOVES is RECOVERY_MOVES
    assert set(RECOVERY_MOVES.moves) == set(EXPECTED)


@pytest.mark.parametrize(("action", "state"), list(itertools.product(EXPECTED, LineState.values)))
def test_every_role_in_every_state(action, state):
    sources, target, roles = EXPECTED[action]
    for role in Role.values:
        answer = RECOVERY_MOVES.answer(action, state=state, roles={role}, comment="理由")
        assert answer.allowed == (state in sources and role in roles), (action, state, role)
        if answer.allowed:
            assert answer.move.target == target
        else:
            assert answer.reason


@pytest.mark.parametrize("action", EXPECTED)
def test_a_reason_is_due_where_somebody_loses_something(action):
    sources, _, roles = EXPECTED[action]
    answer = RECOVERY_MOVES.answer(action, state=next(iter(sources)), roles=roles, comment=" ")
    assert answer.allowed == (action not in REASONED)


def test_who_recorded_the_decision_is_warned_when_carrying_it_out():
    given = {"state": "pending", "roles": {BUDGET}}
    assert RECOVERY_MOVES.answer("execute", **given, done_by_actor={"decide"}).warning
    assert not RECOVERY_MOVES.answer("execute", **given, done_by_actor={"keep"}).warning


def test_what_is_not_listed_has_no_way_on():
    assert RECOVERY_MOVES.answers(state="noted", roles=set(Role.values)) == []
    assert RECOVERY_MOVES.answers(state="dropped", roles=set(Role.values)) == []
