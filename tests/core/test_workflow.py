"""The transition table: allowed, or refused with a reason a person can act on."""

import pytest

from core.workflow import Move, Workflow

LABELS = {"draft": "草稿", "submitted": "已提交", "returned": "已退回", "filler": "填报岗", "officer": "科室经办"}

TABLE = Workflow(
    Move("submit", {"draft", "returned"}, "submitted", label="提交", roles={"filler"}),
    Move("return", {"submitted"}, "returned", label="退回", roles={"officer"}, comment=True, apart_from={"submit"}),
    state_labels=LABELS.get,
    role_labels=LABELS.get,
)


@pytest.mark.parametrize("state", ["draft", "submitted", "returned"])
@pytest.mark.parametrize("action", ["submit", "return"])
@pytest.mark.parametrize("role", ["filler", "officer", "stranger"])
def test_state_action_role(state, action, role):
    allowed = (state, action, role) in {
        ("draft", "submit", "filler"),
        ("returned", "submit", "filler"),
        ("submitted", "return", "officer"),
    }
    answer = TABLE.answer(action, state=state, roles={role})
    assert bool(answer) is allowed
    assert bool(answer.reason) is not allowed


def test_refusals_name_the_state_and_the_role():
    wrong_state = TABLE.answer("return", state="draft", roles={"officer"})
    assert wrong_state.reason == "当前状态为“草稿”，只有“已提交”时才能退回。"
    wrong_role = TABLE.answer("submit", state="draft", roles={"officer"})
    assert wrong_role.reason == "提交由填报岗办理，您没有该权限。"


def test_a_return_demands_a_reason():
    assert TABLE.answer("return", state="submitted", roles={"officer"})
    refused = TABLE.answer("return", state="submitted", roles={"officer"}, comment="  ")
    assert refused.reason == "退回须填写理由。"
    assert TABLE.answer("return", state="submitted", roles={"officer"}, comment="时效指标缺期限")


def test_four_eyes_warns_and_does_not_block():
    answer = TABLE.answer("return", state="submitted", roles={"officer"}, comment="改", done_by_actor={"submit"})
    assert answer
    assert "您已办理过“提交”" in answer.warning


def test_unknown_action_is_refused_not_an_error():
    answer = TABLE.answer("fly", state="draft", roles={"filler"})
    assert not answer
    assert answer.move is None


def test_answers_lists_every_move_that_leaves_the_state():
    assert [(a.move.action, bool(a)) for a in TABLE.answers(state="submitted", roles={"filler"})] == [("return", False)]


def test_an_action_stands_once():
    with pytest.raises(ValueError, match="twice"):
        Workflow(
            Move("submit", {"a"}, "b", label="提交", roles={"x"}),
            Move("submit", {"b"}, "c", label="提交", roles={"x"}),
        )
