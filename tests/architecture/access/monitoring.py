"""资金收回: the bureau's desks; a line also for its own division, department and unit once it is asked about."""

from typing import Any

from django.db.models import Model

from core.models import StoredFile
from core.services import move, store
from monitoring.enums import LineState
from monitoring.models import (
    DecisionScan,
    MatchDismissal,
    Opinion,
    OpinionEvidence,
    RecoveryDecision,
    RecoveryLine,
    RecoveryLineFlow,
    RecoveryRule,
    RecoveryRun,
)
from organisations.enums import Role
from organisations.roles import BUREAU_STAFF, COUNTY_WIDE, DEPARTMENT_STAFF
from tests.architecture.access import Listing, Route, World, branch, holds
from tests.monitoring.rows import SEPTEMBER, YEAR, entry_of, line_of, opinion_on, rule_of, run_of

YEAR_ONLY = {"year": YEAR}


def year(world: World) -> dict[str, Any]:
    return YEAR_ONLY


def file() -> StoredFile:
    return store([b"%PDF-1.4 attachment"])


def rule(world: World) -> dict[str, Any]:
    return YEAR_ONLY | {"pk": rule_of(world.user(Role.PERFORMANCE_SECTION)).pk}


def run(world: World) -> dict[str, Any]:
    return YEAR_ONLY | {"pk": run_of(world.user(Role.PERFORMANCE_SECTION)).pk}


def line(world: World, state: str = LineState.CONSULTING) -> dict[str, Any]:
    found = line_of(world.unit, state, by=world.user(Role.PERFORMANCE_SECTION), name="甲部门的待收回项目")
    return YEAR_ONLY | {"pk": found.pk}


def listed(world: World) -> dict[str, Any]:
    """Lines of ours and theirs, before and after they are asked about."""
    section = world.user(Role.PERFORMANCE_SECTION)
    for place, unit in enumerate((world.unit, world.other_unit)):
        for state in (LineState.PROPOSED, LineState.CONSULTING):
            line_of(unit, state, by=section, name=f"收回项目{place}{state}")
    return YEAR_ONLY


def scan(world: World) -> dict[str, Any]:
    section = world.user(Role.PERFORMANCE_SECTION)
    decision = RecoveryDecision.objects.create(
        run=run_of(section), meeting="会", date=SEPTEMBER, signatory="局长", recorded_by=section
    )
    return YEAR_ONLY | {
        "pk": DecisionScan.objects.create(subject=decision, file=file(), name="甲决定.pdf", uploaded_by=section).pk
    }


def evidence(world: World) -> dict[str, Any]:
    found = line_of(world.unit, LineState.CONSULTING, by=world.user(Role.PERFORMANCE_SECTION))
    opinion = opinion_on(found, by=world.user(Role.UNIT_REVIEWER))
    kept = OpinionEvidence.objects.create(
        subject=opinion, file=file(), name="甲合同.pdf", uploaded_by=world.user(Role.UNIT_REVIEWER)
    )
    return YEAR_ONLY | {"pk": kept.pk}


def names(world: World) -> list[str]:
    return ["甲部门的待收回项目"]


def trial(world: World) -> dict[str, Any]:
    return {
        "as_of": "2023-09-30",
        "rate": "50",
        "minimum": "1",
        "round_down_to": "100",
        "levels": ["本级", "上级"],
        "vintages": ["当年", "结转"],
    }


def version(world: World) -> dict[str, Any]:
    return {"version": "1", "stance": "agree", "verdict": "keep"}


section = holds(Role.PERFORMANCE_SECTION)
bureau = holds(*BUREAU_STAFF)
reviewers = holds(Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION)
readers = holds(*BUREAU_STAFF, *DEPARTMENT_STAFF)


def step(**data: Any) -> Route:
    return Route(allowed=section, kwargs=run, data=lambda world: data, post=True, refused={403, 404})


ROUTES = {
    "recovery_list": Route(kwargs=listed, listing=Listing(RecoveryLine, "project_year__name")),
    "recovery_what_if": Route(allowed=bureau, kwargs=year, refused={403}),
    "recovery_what_if_export": Route(allowed=bureau, kwargs=year, data=trial, post=True, refused={403}),
    "recovery_rule_publish": Route(allowed=section, kwargs=year, data=trial, post=True, refused={403}),
    "recovery_run_list": Route(allowed=bureau, kwargs=year, refused={403}),
    "recovery_run_start": Route(allowed=section, kwargs=rule, post=True, refused={403, 404}),
    "recovery_run": Route(allowed=bureau, kwargs=run),
    "recovery_run_request": step(),
    "recovery_run_submit": step(),
    "recovery_run_decide": Route(
        allowed=section, kwargs=run, data=lambda world: {}, post=True, refused={403, 404}, statuses={422}
    ),
    "recovery_run_hand_over": step(),
    "recovery_run_notice": step(),
    "recovery_scan": Route(allowed=bureau, kwargs=scan, secrets=lambda world: ["甲决定"]),
    "recovery_line": Route(allowed=branch, kwargs=line, secrets=names),
    "recovery_line_opinion": Route(allowed=branch, kwargs=line, data=version, post=True, secrets=names, statuses={422}),
    "recovery_line_review": Route(allowed=branch, kwargs=line, data=version, post=True, secrets=names, statuses={422}),
    "recovery_line_assign": Route(allowed=branch, kwargs=line, data=version, post=True, secrets=names, statuses={422}),
    "recovery_line_withdraw": Route(allowed=branch, kwargs=line, data=version, post=True, secrets=names),
    "recovery_evidence": Route(allowed=branch, kwargs=evidence, secrets=lambda world: ["甲合同"]),
    "recovery_pending": Route(
        allowed=holds(*COUNTY_WIDE),
        kwargs=year,
        refused={403},
    ),
    "recovery_match": Route(allowed=reviewers, kwargs=year, post=True, refused={403}),
    "recovery_settle": Route(
        allowed=reviewers,
        kwargs=lambda world: YEAR_ONLY | {"entry_pk": entry_of(world.unit).pk},
        data=lambda world: {"comment": "无关"},
        post=True,
        refused={403, 404},
    ),
    "recovery_opinions": Route(allowed=readers, kwargs=year, refused={403}),
    "recovery_opinion_workbook": Route(
        allowed=readers, kwargs=year, data=lambda world: {"step": "template"}, post=True, refused={403}
    ),
    "api-recovery-line-list": Route(anonymous="401"),
    "api-recovery-line-detail": Route(
        allowed=branch, kwargs=lambda world: {"pk": line(world)["pk"]}, anonymous="401", secrets=names
    ),
}


def admin_row(model: type[Model], world: World) -> Model:
    """A row of any model of this app."""
    section = world.user(Role.PERFORMANCE_SECTION)
    if model in (RecoveryDecision, DecisionScan):
        found = DecisionScan.objects.get(pk=scan(world)["pk"])
        return found if model is DecisionScan else found.subject
    if model in (Opinion, OpinionEvidence):
        kept = OpinionEvidence.objects.get(pk=evidence(world)["pk"])
        return kept if model is OpinionEvidence else kept.subject
    if model is MatchDismissal:
        return MatchDismissal.objects.create(entry=entry_of(world.unit), reason="无关", dismissed_by=section)
    if model is RecoveryRule:
        return rule_of(section)
    if model is RecoveryRun:
        return run_of(section)
    found_line = line_of(world.unit, LineState.PROPOSED, by=section)
    if model is RecoveryLineFlow:
        return move(found_line, "request", by=section, version=found_line.version)
    assert model is RecoveryLine
    return found_line
