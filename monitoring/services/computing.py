"""What the command asks: a run or a what-if, answered in the one shape that scripts rely on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from core.jobs import run_now
from core.services import Refused
from monitoring.enums import LineStatus
from monitoring.models import RecoveryRule, RecoveryRun
from monitoring.queries import recovery
from monitoring.services.rule_versions import rule_from_file, rule_set_of
from monitoring.services.runs import start_run


def compute_recovery(
    *, fiscal_year: int, as_of: date, rules: Mapping[str, Any] | None, what_if: bool, by: Any
) -> dict[str, Any]:
    """Run the rule set (a rules file, or the year's published rule) as of a date; `what_if` writes nothing.

    Answers contracts.md's object: money and rates as strings. Raises `RulesInvalid`, or `Refused` where no rule is
    published or the date lies outside the year.
    """
    if as_of.year != fiscal_year:
        raise Refused(f"截至日 {as_of} 不在 {fiscal_year} 预算年度内。", code="AS_OF_OUTSIDE_YEAR")
    given = None if rules is None else rule_set_of(rules)
    if what_if:
        published = None if given else published_rule(fiscal_year, as_of)
        rule_set = given or published.rule_set  # type: ignore[union-attr]
        return _told(None, recovery.Question(rule_set, fiscal_year, as_of), str(published or "规则文件"))
    rule = (
        rule_from_file(rules=given, fiscal_year=fiscal_year, as_of=as_of, by=by)
        if given
        else published_rule(fiscal_year, as_of)
    )
    run = start_run(rule=rule, as_of=as_of, by=by)
    assert run.job is not None
    job = run_now(run.job)
    run.refresh_from_db()
    if run.computed_at is None:
        raise Refused(job.message or "测算没有完成，请查看后台作业。", code="job_failed")
    return stored_result(run)


def published_rule(fiscal_year: int, as_of: date) -> RecoveryRule:
    """The newest published version for that date; where none names it, the year's newest."""
    published = RecoveryRule.objects.published().filter(fiscal_year=fiscal_year).order_by("-number")
    found = published.filter(as_of=as_of).first() or published.first()
    if found is None:
        raise Refused(
            f"{fiscal_year} 年度还没有已发布的收回规则，请先发布规则，或用 --rules 指定规则文件。", code="NO_RULE"
        )
    return found


def _told(run: RecoveryRun | None, question: recovery.Question, rule_name: str) -> dict[str, Any]:
    lines = recovery.candidates(question)
    return {
        "run": run.pk if run else None,
        "projects_examined": recovery.projects_examined(question.fiscal_year),
        "recoverable": f"{sum((line.recoverable for line in lines), Decimal(0)):.2f}",
        "lines": [_line(line, line.explanation(question, rule_name)) for line in lines],
    }


def stored_result(run: RecoveryRun) -> dict[str, Any]:
    """The same object of a stored run, from its lines."""
    lines = (
        run.lines.select_related("project_year__project", "run__rule")
        .order_by("project_year__project__code", "allocation")
        .iterator(chunk_size=2000)
    )
    told = []
    for line in lines:
        values = [getattr(line, name) for name in recovery.COLUMNS]
        told.append(
            _line(recovery.Candidate._make([*values, line.project_year.project.code, "", "", None]), line.explanation)
        )
    return {
        "run": run.pk,
        "projects_examined": run.projects_examined,
        "recoverable": f"{run.recoverable:.2f}",
        "lines": told,
    }


def _line(line: recovery.Candidate, explanation: str) -> dict[str, Any]:
    return {
        "project_code": line.project_code,
        "allocation": line.allocation,
        "adjusted": f"{line.adjusted:.2f}",
        "paid": f"{line.paid:.2f}",
        "must_pay": f"{line.must_pay:.2f}",
        "rate": f"{line.rate:.4f}",
        "elapsed": f"{line.elapsed:.4f}",
        "status": LineStatus(line.status).value,
        "recoverable": f"{line.recoverable:.2f}",
        "exempt_reason": line.exempt_reason or None,
        "explanation": explanation,
    }
