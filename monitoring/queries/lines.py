"""What pages ask of stored lines and of a what-if."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Sum

from core.templatetags.house import rate_text, wan_text
from monitoring.enums import AWAITING, UNDECIDED, LineState, Stance
from monitoring.models import Opinion, RecoveryLine, RecoveryRun
from monitoring.queries import recovery
from monitoring.queries.recovery import Question

# The limits of the curve, in percent.
CURVE = tuple(range(20, 75, 5))


class Stages(NamedTuple):
    """拟收回, 待执行 and 已执行, always apart: (lines, yuan) each."""

    proposed: tuple[int, Decimal]
    awaiting: tuple[int, Decimal]
    executed: tuple[int, Decimal]


def stages(lines: QuerySet[RecoveryLine]) -> Stages:
    """One query. What is proposed counts with the proposal, what is decided with the decision."""
    sums = lines.aggregate(
        proposed=Count("pk", filter=Q(state__in=UNDECIDED)),
        proposed_amount=Sum("recoverable", filter=Q(state__in=UNDECIDED)),
        awaiting=Count("pk", filter=Q(state__in=AWAITING)),
        awaiting_amount=Sum("decided", filter=Q(state__in=AWAITING)),
        executed=Count("pk", filter=Q(state=LineState.EXECUTED)),
        executed_amount=Sum("decided", filter=Q(state=LineState.EXECUTED)),
    )
    return Stages(
        *((sums[name], sums[f"{name}_amount"] or Decimal(0)) for name in ("proposed", "awaiting", "executed"))
    )


def stage_stats(found: Stages) -> list[dict[str, Any]]:
    """The strip of figures above lists."""
    return [
        {"name": label, "value": wan_text(amount), "unit": "万元", "note": f"{lines} 项"}
        for label, (lines, amount) in zip(("拟收回", "待执行", "已执行"), found, strict=True)
    ]


def for_list(lines: QuerySet[RecoveryLine]) -> QuerySet[RecoveryLine]:
    objected = Opinion.objects.filter(line=OuterRef("pk"), stance=Stance.OBJECT)
    return lines.select_related(
        "project_year__project", "project_year__department", "project_year__division", "run__rule"
    ).annotate(objected=Exists(objected))


def with_story(lines: QuerySet[RecoveryLine]) -> QuerySet[RecoveryLine]:
    """All that the line's own page shows."""
    opinions = Opinion.objects.select_related("organisation", "given_by").prefetch_related("evidence")
    return lines.select_related(
        "run__rule",
        "decision",
        "entry__source",
        "imported_entry__source",
        "recipient__notice",
        "project_year__project",
        "project_year__unit",
        "project_year__department",
        "project_year__division",
    ).prefetch_related(Prefetch("opinions", opinions), "flow", "decision__scans")


def before_recovery(line: RecoveryLine) -> dict[str, Any] | None:
    """Amount and rate before the recovery, beside those after it; None where nothing was recovered yet."""
    if line.state != LineState.EXECUTED:
        return None
    totals = line.project_year.totals.aggregate(adjusted=Sum("adjusted"), paid=Sum("paid"), recovered=Sum("recovered"))
    after = totals["adjusted"] or Decimal(0)
    before = after - (totals["recovered"] or Decimal(0))
    return {
        "before": before,
        "after": after,
        "rate_before": totals["paid"] / before if before > 0 else None,
        "rate_after": totals["paid"] / after if after > 0 else None,
    }


def runs_of(fiscal_year: int, user: Any) -> QuerySet[RecoveryRun]:
    return (
        RecoveryRun.objects.visible_to(user)
        .filter(fiscal_year=fiscal_year)
        .select_related("rule", "job", "started_by")
        .order_by("-pk")
    )


def states_of(run: RecoveryRun) -> dict[str, tuple[int, Decimal]]:
    """Lines and amounts of a run by state; the amount is the proposal's until something is decided."""
    rows = run.lines.values("state").annotate(
        lines=Count("pk"), proposal=Sum("recoverable"), taken=Sum("decided"), verdicts=Count("pk", ~Q(verdict=""))
    )
    return {row["state"]: (row["lines"], row["taken"] or row["proposal"] or Decimal(0)) for row in rows.order_by()}


def reviewed_count(run: RecoveryRun) -> int:
    return run.lines.filter(state=LineState.REVIEWING).exclude(verdict="").count()


def by_department(run: RecoveryRun) -> list[dict[str, Any]]:
    """Each department's lines and amounts, what was executed apart; largest first."""
    rows = (
        run.lines.exclude(state=LineState.NOTED)
        .values(name=F("project_year__department__name"))
        .annotate(
            lines=Count("pk"),
            proposed=Sum("recoverable"),
            awaiting=Sum("decided", filter=Q(state__in=AWAITING)),
            executed=Sum("decided", filter=Q(state=LineState.EXECUTED)),
        )
        .order_by("-proposed", "name")
    )
    return [dict(row) for row in rows]


def choices_of_year(fiscal_year: int) -> tuple[list[str], list[str]]:
    """Marks and fund sources that the year's projects carry: what a rule can exempt."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT m.mark FROM budgets_projectyear y, jsonb_array_elements_text(y.marks) AS m(mark) "
            "WHERE y.fiscal_year = %s ORDER BY 1",
            [fiscal_year],
        )
        marks = [mark for (mark,) in cursor.fetchall()]
        cursor.execute(
            "SELECT DISTINCT fund_source FROM budgets_projectyear WHERE fiscal_year = %s AND fund_source <> '' "
            "ORDER BY 1",
            [fiscal_year],
        )
        return marks, [source for (source,) in cursor.fetchall()]


def data_labels(fiscal_year: int) -> list[dict[str, Any]]:
    """The newest batch of each source: what every figure of the year rests on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (b.source_id) s.name, b.as_of, b.imported_at FROM budgets_importbatch b "
            "JOIN budgets_source s ON s.id = b.source_id WHERE b.fiscal_year = %s AND s.kind <> 'system' "
            "ORDER BY b.source_id, b.id DESC",
            [fiscal_year],
        )
        return [{"name": name, "as_of": as_of, "imported_at": at} for name, as_of, at in cursor.fetchall()]


def curve_chart(question: Question) -> dict[str, Any]:
    """阈值 → 金额 as ECharts options with its table; the question's own limit is marked."""
    own = question.rules.rate_below
    rates = sorted({Decimal(percent) / 100 for percent in CURVE} | ({own} if own else set()))
    points = recovery.curve(question, rates)
    series = [[float(rate * 100), float(round(amount / 10_000, 2))] for rate, amount, _ in points]
    marked = [
        {"coord": point, "label": {"formatter": f"{point[0]:g}% · {point[1]:,.2f} 万元", "position": "top"}}
        for point, (rate, _, _) in zip(series, points, strict=True)
        if rate == own
    ]
    options = {
        "house": {"tooltip": "执行率低于 {x}%：{y} 万元"},
        "grid": {"left": 12, "right": 24, "top": 30, "bottom": 22, "containLabel": True},
        "xAxis": {
            "type": "value",
            "min": series[0][0],
            "max": series[-1][0],
            "name": "执行率低于（%）",
            "interval": 5,
        },
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "line",
                "smooth": False,
                "symbolSize": 7,
                "data": series,
                "areaStyle": {"opacity": 0.08},
                "markPoint": {"symbol": "circle", "symbolSize": 12, "data": marked},
            }
        ],
    }
    rows = [[rate_text(rate, 0), wan_text(amount), lines] for rate, amount, lines in points]
    return {"options": options, "columns": ["执行率低于", "可收回（万元）", "行数"], "rows": rows}
