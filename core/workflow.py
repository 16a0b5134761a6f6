"""Transition tables as data: who may take an object from which state to which, and why not.

A table can be read aloud and grepped. It knows no Django and no database; `core.services.move` is the only
code that acts on its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Move:
    """One allowed transition.

    `roles` are role codes of which the actor must hold one *towards this object*. `comment` demands a reason.
    `apart_from` names earlier actions whose actor should be somebody else (four-eyes: warns, never blocks).
    `of_department` marks the step of the 主管部门 that falls away where the unit is its own department.
    """

    action: str
    sources: frozenset[str]
    target: str
    label: str
    roles: frozenset[str]
    comment: bool = False
    apart_from: frozenset[str] = field(default_factory=frozenset)
    of_department: bool = False

    def __init__(
        self,
        action: str,
        sources: Iterable[str],
        target: str,
        *,
        label: str,
        roles: Iterable[str],
        comment: bool = False,
        apart_from: Iterable[str] = (),
        of_department: bool = False,
    ) -> None:
        set_ = object.__setattr__
        set_(self, "action", str(action))
        set_(self, "sources", frozenset(str(s) for s in sources))
        set_(self, "target", str(target))
        set_(self, "label", label)
        set_(self, "roles", frozenset(str(r) for r in roles))
        set_(self, "comment", comment)
        set_(self, "apart_from", frozenset(apart_from))
        set_(self, "of_department", of_department)


@dataclass(frozen=True)
class Answer:
    """Allowed, or refused with a reason a person can act on. `move` is None only for an unknown action."""

    move: Move | None
    allowed: bool
    reason: str = ""
    warning: str = ""

    def __bool__(self) -> bool:
        return self.allowed


class Workflow:
    """A closed table of moves. `state_labels` and `role_labels` turn codes into the words of a refusal."""

    def __init__(
        self,
        *moves: Move,
        state_labels: Callable[[str], str] = str,
        role_labels: Callable[[str], str] = str,
    ) -> None:
        self.moves = {move.action: move for move in moves}
        if len(self.moves) != len(moves):
            raise ValueError("an action stands twice in the table")
        self.state_labels = state_labels
        self.role_labels = role_labels

    def answer(
        self,
        action: str,
        *,
        state: str,
        roles: Iterable[str],
        comment: str | None = None,
        done_by_actor: Iterable[str] = (),
    ) -> Answer:
        """Whether `action` is open from `state` to somebody with `roles`.

        `comment=None` asks only whether the button may be shown; a blank string is refused where a reason is due.
        `done_by_actor` are the actions that this actor has already taken on this object.
        """
        move = self.moves.get(action)
        if move is None:
            return Answer(None, False, f"没有“{action}”这一操作。")
        if state not in move.sources:
            expected = "、".join(sorted(self.state_labels(s) for s in move.sources))
            return Answer(move, False, f"当前状态为“{self.state_labels(state)}”，只有“{expected}”时才能{move.label}。")
        if not move.roles & frozenset(roles):
            needed = "、".join(sorted(self.role_labels(r) for r in move.roles))
            return Answer(move, False, f"{move.label}由{needed}办理，您没有该权限。")
        if move.comment and comment is not None and not comment.strip():
            return Answer(move, False, f"{move.label}须填写理由。")
        warning = ""
        if move.apart_from & frozenset(done_by_actor):
            labels = "、".join(self.moves[a].label for a in sorted(move.apart_from) if a in self.moves)
            warning = f"您已办理过“{labels}”，本步骤宜由他人办理；系统将如实记录。"
        return Answer(move, True, warning=warning)

    def falls_away(self, state: str) -> Move | None:
        """The step that is skipped from `state` where the unit is its own department, if there is one."""
        return next((m for m in self.moves.values() if m.of_department and state in m.sources), None)

    def answers(self, *, state: str, roles: Iterable[str], done_by_actor: Iterable[str] = ()) -> list[Answer]:
        """Every move leaving `state`, allowed or greyed with its reason, in the table's order."""
        roles = frozenset(roles)
        return [
            self.answer(m.action, state=state, roles=roles, done_by_actor=done_by_actor)
            for m in self.moves.values()
            if state in m.sources
        ]
