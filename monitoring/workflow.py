"""The way of a recovery line, as a table.

Opinions and the review's verdict are moves that stay in their state: each leaves a flow record and steps the version.
"""

from core.workflow import Move, Workflow
from monitoring.enums import LineState
from organisations.enums import Role

_SECTION = {Role.PERFORMANCE_SECTION}
_REVIEWERS = {Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION}
_CONSULTED = {Role.UNIT_REVIEWER, Role.DEPARTMENT_REVIEWER, Role.DIVISION_OFFICER}

RECOVERY_MOVES = Workflow(
    Move("request", {LineState.PROPOSED}, LineState.CONSULTING, label="征求意见", roles=_SECTION),
    Move("agree", {LineState.CONSULTING}, LineState.CONSULTING, label="同意收回", roles=_CONSULTED),
    Move("object", {LineState.CONSULTING}, LineState.CONSULTING, label="提出异议", roles=_CONSULTED, comment=True),
    Move("submit_review", {LineState.CONSULTING}, LineState.REVIEWING, label="提交会审", roles=_SECTION),
    Move("keep", {LineState.REVIEWING}, LineState.REVIEWING, label="会审收回", roles=_REVIEWERS),
    Move("reduce", {LineState.REVIEWING}, LineState.REVIEWING, label="会审减少", roles=_REVIEWERS, comment=True),
    Move("drop", {LineState.REVIEWING}, LineState.REVIEWING, label="会审不收回", roles=_REVIEWERS, comment=True),
    Move("decide", {LineState.REVIEWING}, LineState.DECIDED, label="决定收回", roles=_SECTION),
    Move("decide_drop", {LineState.REVIEWING}, LineState.DROPPED, label="决定不收回", roles=_SECTION),
    Move("hand_over", {LineState.DECIDED}, LineState.PENDING, label="交预算科执行", roles=_SECTION),
    Move("assign", {LineState.PENDING}, LineState.PENDING, label="分解到指标", roles=_REVIEWERS),
    Move(
        "execute",
        {LineState.PENDING},
        LineState.EXECUTED,
        label="确认执行",
        roles={Role.BUDGET_DIVISION},
        apart_from={"decide"},
    ),
    Move(
        "match",
        {LineState.PENDING},
        LineState.EXECUTED,
        label="按导入流水认定执行",
        roles=_REVIEWERS,
    ),
    # A later import brings what 预算科 confirmed by hand: it is linked, not posted a second time.
    Move("link", {LineState.EXECUTED}, LineState.EXECUTED, label="对应导入流水", roles=_REVIEWERS),
    # The imported row that carried the recovery out was taken back by its source.
    Move("reopen", {LineState.EXECUTED}, LineState.PENDING, label="恢复待执行", roles=_REVIEWERS, comment=True),
    Move(
        "withdraw",
        {LineState.DECIDED, LineState.PENDING},
        LineState.DROPPED,
        label="撤销收回",
        roles=_SECTION,
        comment=True,
    ),
    state_labels=lambda state: LineState(state).label,
    role_labels=lambda role: Role(role).label,
)
