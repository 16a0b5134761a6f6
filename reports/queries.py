"""Reads of the desk: which years there are, what waits, how far the year is. Every figure comes from rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db.models import Case, Count, DecimalField, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum, When
from django.utils import timezone

from budgets.models import MONTHS, ProjectYear
from budgets.queries import paid_as_of
from monitoring.enums import AWAITING, UNDECIDED, LineState, Party
from monitoring.models import Opinion, RecoveryLine
from organisations.models import Membership

# Execution rates of the chart, in percent: [0, 10), [10, 20) … [90, 100), 100 and above.
BANDS = tuple(range(0, 101, 10))


def known_years() -> range:
    """Work years with projects on record; without any, the present year. Two index probes, one query."""
    found = ProjectYear.objects.aggregate(first=Min("fiscal_year"), last=Max("fiscal_year"))
    if found["first"] is None:
        this_year = timezone.localdate().year
        return range(this_year, this_year + 1)
    return range(found["first"], found["last"] + 1)


def default_year(years: range) -> int:
    """The year to open when none is asked for: this one if it is on record, else the latest before it."""
    this_year = timezone.localdate().year
    return min(years[-1], this_year) if years[0] <= this_year else years[0]


@dataclass(frozen=True)
class YearMoney:
    """Figures of one fiscal year as far as the user sees it; money in yuan, `as_of` is the 截至日 of the payments."""

    projects: int
    initial: Decimal
    adjusted: Decimal
    paid: Decimal
    recovered: Decimal
    as_of: date | None

    @property
    def rate(self) -> Decimal | None:
        """已支付 ÷ 全年预算; undefined without a budget."""
        return self.paid / self.adjusted if self.adjusted else None

    @property
    def elapsed(self) -> Decimal | None:
        """Completed months ÷ 12 at the 截至日, the yardstick of the rate."""
        if self.as_of is None:
            return None
        return Decimal(completed_months(self.as_of)) / 12


def completed_months(day: date) -> int:
    """Months of the year that have ended on `day`: 9 on 30 September, 8 on the 29th."""
    following = date.fromordinal(day.toordinal() + 1)
    return 12 if following.year > day.year else following.month - 1


def projects_of(user: Any, year: int) -> QuerySet[ProjectYear]:
    return ProjectYear.objects.visible_to(user).of_year(year)


def year_money(user: Any, year: int) -> YearMoney:
    """Two queries: projects with their money, 截至日."""
    money = projects_of(user, year).aggregate(
        projects=Count("pk"),
        initial=Sum("figures__initial"),
        adjusted=Sum("figures__adjusted"),
        paid=Sum("figures__paid"),
        recovered=Sum("figures__recovered"),
    )
    projects = money.pop("projects")
    figures = {key: value or Decimal(0) for key, value in money.items()}
    return YearMoney(projects=projects, as_of=paid_as_of(year), **figures)


@dataclass(frozen=True)
class DepartmentProgress:
    """One 主管部门: number of projects, 全年预算 and 已支付 in yuan."""

    department_id: int
    department: str
    projects: int
    adjusted: Decimal
    paid: Decimal

    @property
    def rate(self) -> Decimal | None:
        return self.paid / self.adjusted if self.adjusted else None


def slowest_departments(user: Any, year: int, limit: int = 8) -> list[DepartmentProgress]:
    """Departments with the lowest execution rate; those without any budget are left out."""
    rows = (
        projects_of(user, year)
        .values("department_id", "department__name")
        .annotate(projects=Count("pk", distinct=True), adjusted=Sum("totals__adjusted"), paid=Sum("totals__paid"))
        .order_by()
    )
    found = [
        DepartmentProgress(row["department_id"], row["department__name"], row["projects"], row["adjusted"], row["paid"])
        for row in rows
        if row["adjusted"]
    ]
    return sorted(found, key=lambda one: (one.rate or 0, one.department))[:limit]


def slowest_projects(user: Any, year: int, limit: int = 8) -> QuerySet[ProjectYear]:
    """The user's projects with the lowest rate, with `adjusted`, `paid` and `rate` (null without a budget)."""
    amount = DecimalField(max_digits=18, decimal_places=2)
    return (
        projects_of(user, year)
        .select_related("unit")
        .annotate(adjusted=Sum("figures__adjusted"), paid=Sum("figures__paid"))
        .filter(adjusted__gt=0)
        .annotate(rate=Case(When(adjusted__gt=0, then=F("paid") / F("adjusted")), output_field=amount))
        .order_by("rate", "pk")[:limit]
    )


def rate_bands(user: Any, year: int) -> list[tuple[str, int]]:
    """How many projects stand in each band of the execution rate; projects without a budget are left out."""
    rated = (
        projects_of(user, year)
        .annotate(adjusted=Sum("totals__adjusted"))
        .filter(adjusted__gt=0)
        .annotate(percent=Sum("totals__paid") * 100 / F("adjusted"))
        .order_by()
    )
    edges = [*pairwise(BANDS), (BANDS[-1], None)]
    counted = rated.aggregate(**{f"from_{low}": Count("pk", filter=_band(low, high)) for low, high in edges})
    return [(f"{low}–{high}%" if high else "100%", counted[f"from_{low}"]) for low, high in edges]


def _band(low: int, high: int | None) -> Q:
    """[low, high) of the annotation `percent`; the first band also takes what is below zero."""
    inside = Q() if low == BANDS[0] else Q(percent__gte=low)
    return inside & Q(percent__lt=high) if high else inside


def monthly_paid(user: Any, year: int) -> list[Decimal]:
    """Cumulative payments in yuan at the end of each of the twelve months."""
    sums = projects_of(user, year).aggregate(**{f"m{month:02}": Sum(f"totals__paid_{month:02}") for month in MONTHS})
    running, cumulative = Decimal(0), []
    for month in MONTHS:
        running += sums[f"m{month:02}"] or Decimal(0)
        cumulative.append(running)
    return cumulative


@dataclass(frozen=True)
class RecoveryMoney:
    """The year's recovery as far as the user sees it: numbers of lines and yuan, the three kinds always apart."""

    proposed: int
    proposed_amount: Decimal
    awaiting: int
    awaiting_amount: Decimal
    executed: int
    executed_amount: Decimal


def recovery_money(user: Any, year: int) -> RecoveryMoney:
    """拟收回, 待执行, 已执行 of the year: one query."""
    lines = RecoveryLine.objects.visible_to(user).filter(run__fiscal_year=year)
    groups = {"proposed": UNDECIDED, "awaiting": AWAITING, "executed": (LineState.EXECUTED,)}
    wanted: dict[str, Any] = {}
    for name, states in groups.items():
        inside = Q(state__in=states)
        wanted[name] = Count("pk", filter=inside)
        wanted[f"{name}_amount"] = Sum("recoverable" if name == "proposed" else "decided", filter=inside)
    found = lines.aggregate(**wanted)
    figures: dict[str, Any] = {name: value or (0 if name in groups else Decimal(0)) for name, value in found.items()}
    return RecoveryMoney(**figures)


@dataclass(frozen=True)
class Silent:
    """A department that was asked for opinions: lines asked and answered, and when anybody there last signed in."""

    department: str
    division: str
    asked: int
    answered: int
    last_login: datetime | None

    @property
    def share(self) -> Decimal:
        return Decimal(self.answered) / self.asked


def silent_departments(user: Any, year: int, limit: int = 8) -> list[Silent]:
    """Who has not answered yet: departments with lines in 征求意见 lacking an opinion of theirs; two queries."""
    answered = Exists(Opinion.objects.filter(line=OuterRef("pk"), party__in=[Party.UNIT, Party.DEPARTMENT]))
    rows = (
        RecoveryLine.objects.visible_to(user)
        .filter(run__fiscal_year=year, state=LineState.CONSULTING)
        .annotate(has_answer=answered)
        .order_by()
        .values("project_year__department_id", "project_year__department__name", "project_year__division__name")
        .annotate(asked=Count("pk"), answered=Count("pk", filter=Q(has_answer=True)))
    )
    behind = sorted(
        (row for row in rows if row["answered"] < row["asked"]), key=lambda row: row["answered"] - row["asked"]
    )
    behind = behind[:limit]
    logins = dict(
        Membership.objects.filter(organisation__in=[row["project_year__department_id"] for row in behind])
        .values_list("organisation")
        .annotate(last=Max("user__last_login"))
        if behind
        else []
    )
    return [
        Silent(
            row["project_year__department__name"],
            row["project_year__division__name"] or "—",
            row["asked"],
            row["answered"],
            logins.get(row["project_year__department_id"]),
        )
        for row in behind
    ]
