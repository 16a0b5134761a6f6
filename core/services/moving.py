"""The one place where a state changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from core.models import FlowRecord, Stateful
from core.workflow import Move

FormT = TypeVar("FormT", bound=Stateful)


class Refused(Exception):
    """A write that was not done, with the reason in Chinese for the person who asked. Nothing was written."""

    def __init__(self, reason: str, *, code: str = "refused") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def move(
    obj: FormT,
    action: str,
    *,
    by: Any,
    version: int,
    comment: str = "",
    change: Callable[[FormT], None] | None = None,
    warning: str = "",
) -> FlowRecord:
    """Take `obj` through `action`: locked row, version check, role check, then state and flow record together.

    `version` is the one the person saw. `change(locked)` may set further fields of the locked row before it is
    saved (a decision's date, an amount); it must not save. Raises `Refused` with a reason naming who moved the
    object meanwhile. `obj` is refreshed to the new state.
    """
    model = type(obj)
    with transaction.atomic():
        locked = model._default_manager.select_for_update(of=("self",)).get(pk=obj.pk)
        flow = locked.flow  # type: ignore[attr-defined]
        if locked.version != version:
            raise Refused(_moved_meanwhile(locked, flow.last()), code="stale")
        done = flow.filter(actor=by).values_list("action", flat=True)
        answer = locked.MOVES.answer(
            action, state=locked.state, roles=locked.roles_of(by), comment=comment, done_by_actor=done
        )
        if not answer.allowed or answer.move is None:
            raise Refused(answer.reason, code="refused")
        before = locked.state
        if change is not None:
            change(locked)
        locked.state = answer.move.target
        locked.version += 1
        locked.save()
        record: FlowRecord = flow.create(
            actor=by,
            actor_name=str(by) if by is not None else "系统",
            action=action,
            label=answer.move.label,
            from_state=before,
            to_state=locked.state,
            comment=comment.strip(),
            warning="；".join(part for part in (warning, answer.warning) if part),
            version=locked.version,
        )
        while locked.unit_is_department and (step := locked.MOVES.falls_away(locked.state)):
            _skip(locked, step)
    obj.refresh_from_db()
    return record


def _skip(locked: Stateful, step: Move) -> None:
    """The department's step on the form of a unit that is its own department: nobody's work, and recorded so."""
    before = locked.state
    locked.state = step.target
    locked.version += 1
    locked.save()
    locked.flow.create(  # type: ignore[attr-defined]
        actor=None,
        actor_name="系统",
        action=step.action,
        label=step.label,
        from_state=before,
        to_state=locked.state,
        warning="预算单位即主管部门，本步骤跳过",
        version=locked.version,
    )


def _moved_meanwhile(obj: Stateful, last: FlowRecord | None) -> str:
    if last is None:
        return "该表单已被他人修改，请刷新后再办理；您填写的内容仍在页面上。"
    at = timezone.localtime(last.at)
    return (
        f"{last.actor_name}已于{at:%Y-%m-%d %H:%M:%S}办理“{last.label}”，"
        f"当前状态为“{obj.MOVES.state_labels(obj.state)}”。请刷新后再办理；您填写的内容仍在页面上。"
    )
