"""Reads of projects and money. A figure of a project-year is the sum over its 指标 lines, worked out here only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, DecimalField, F, Max, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from budgets.enums import SourceKind
from budgets.models import MONTHS, HeldEntry, ImportBatch, ProjectYear, VanishedEntry, YearTotals

ZERO = Decimal("0.00")
# What brings payments; a table of projects and budgets does not.
PAYMENT_SOURCES = (SourceKind.VOUCHERS, SourceKind.REFUNDS, SourceKind.BALANCE)
_MONEY: DecimalField[Decimal, Decimal] = DecimalField(max_digits=18, decimal_places=2)
_RATE: DecimalField[Decimal, Decimal] = DecimalField(max_digits=18, decimal_places=6)


@dataclass(frozen=True)
class Figures:
    """Money of one project-year or of many together, in yuan; `recovered` is zero or negative.

    Rates are fractions; undefined (None) without a budget, never 0.
    """

    initial: Decimal = ZERO
    carried_over: Decimal = ZERO
    supplements: Decimal = ZERO
    reductions: Decimal = ZERO
    transfers_in: Decimal = ZERO
    transfers_out: Decimal = ZERO
    recovered: Decimal = ZERO
    adjusted: Decimal = ZERO
    paid: Decimal = ZERO

    @property
    def adjustment(self) -> Decimal:
        """调整数, 收回 apart."""
        return self.supplements + self.reductions + self.transfers_in + self.transfers_out

    @property
    def rate(self) -> Decimal | None:
        return self.paid / self.adjusted if self.adjusted else None

    @property
    def left(self) -> Decimal:
        return self.adjusted - self.paid

    @property
    def was_recovered(self) -> bool:
        return bool(self.recovered)

    @property
    def adjusted_before(self) -> Decimal:
        """全年预算 before 收回."""
        return self.adjusted - self.recovered

    @property
    def rate_before(self) -> Decimal | None:
        """Execution rate before 收回."""
        return self.paid / self.adjusted_before if self.adjusted_before else None


FIGURES = tuple(field.name for field in fields(Figures))


def figures_of(project_years: Iterable[int]) -> dict[int, Figures]:
    """Figures of the given project-years by id: one query. A project-year without entries has all zero."""
    wanted = list(project_years)
    rows: Any = (
        YearTotals.objects.filter(project_year__in=wanted)
        .order_by()
        .values("project_year_id")
        .annotate(**{f"total_{name}": Sum(name) for name in FIGURES})
    )
    found = {row["project_year_id"]: Figures(**{name: row[f"total_{name}"] for name in FIGURES}) for row in rows}
    return {key: found.get(key, Figures()) for key in wanted}


def with_figures(rows: QuerySet[ProjectYear]) -> QuerySet[ProjectYear]:
    """Annotates what `Figures` names, with rate and rate_before, for lists: a join, no grouping."""

    def amount(name: str) -> Coalesce:
        return Coalesce(F(f"figures__{name}"), ZERO, output_field=_MONEY)

    kept = ("initial", "carried_over", "recovered", "adjusted", "paid")
    return rows.annotate(**{name: amount(name) for name in kept}).annotate(
        adjustment=F("adjusted") - F("initial") - F("carried_over") - F("recovered"),
        rate=Case(When(~Q(adjusted=0), then=F("paid") / F("adjusted")), output_field=_RATE),
        rate_before=Case(
            When(~Q(adjusted=F("recovered")) & ~Q(recovered=0), then=F("paid") / (F("adjusted") - F("recovered"))),
            output_field=_RATE,
        ),
    )


def sums_of(rows: QuerySet[ProjectYear]) -> dict[str, Any]:
    """Number of project-years under "rows" and their money together: one query over `with_figures`."""
    names = ("initial", "carried_over", "recovered", "adjusted", "paid")
    found = rows.order_by().aggregate(
        total_rows=Count("*"), **{f"total_{name}": Sum(f"figures__{name}") for name in names}
    )
    sums: dict[str, Any] = {name: found[f"total_{name}"] or ZERO for name in names}
    sums["adjustment"] = sums["adjusted"] - sums["initial"] - sums["carried_over"] - sums["recovered"]
    sums["rate"] = sums["paid"] / sums["adjusted"] if sums["adjusted"] else None
    return {"rows": found["total_rows"], **sums}


# --- where the figures come from ---


@dataclass(frozen=True)
class SourceLabel:
    """Where a year's figures come from and how far they reach."""

    source: str
    as_of: date
    pays: bool

    def __str__(self) -> str:
        return f"{self.source}，截至 {self.as_of:%Y-%m-%d}"


def as_of_labels(fiscal_year: int) -> list[SourceLabel]:
    """The latest 截至日 of each source of a fiscal year: one query."""
    rows = (
        ImportBatch.objects.filter(fiscal_year=fiscal_year)
        .order_by("source_id", "-as_of", "-pk")
        .distinct("source_id")
        .values_list("source__name", "as_of", "source__kind")
    )
    return [SourceLabel(name, as_of, pays=kind in PAYMENT_SOURCES) for name, as_of, kind in rows]


def paid_as_of(fiscal_year: int) -> date | None:
    """The 截至日 of a year's payments: what elapsed time is compared with, whatever a table of budgets says."""
    batches = ImportBatch.objects.filter(fiscal_year=fiscal_year, source__kind__in=PAYMENT_SOURCES)
    last: date | None = batches.aggregate(last=Max("as_of"))["last"]
    return last


def as_of_label(fiscal_year: int) -> str:
    """Source and 截至日 as one line, to stand beside a year's figures; "" where nothing was imported."""
    return "；".join(str(label) for label in as_of_labels(fiscal_year))


@dataclass(frozen=True)
class Held:
    """待认领 of a fiscal year: number of rows and their money, shown beside every total."""

    rows: int
    amount: Decimal


def held_of(fiscal_year: int) -> Held:
    found = HeldEntry.objects.open().filter(fiscal_year=fiscal_year).aggregate(rows=Count("pk"), amount=Sum("amount"))
    return Held(found["rows"], found["amount"] or ZERO)


def waiting_counts() -> dict[str, int]:
    """What waits for a person: held rows and vanished ones."""
    return {"held": HeldEntry.objects.open().count(), "vanished": VanishedEntry.objects.open().count()}


# --- one project ---


def lines_of(project_year: ProjectYear) -> list[YearTotals]:
    """Its 指标 lines; "" (未分解到指标) first."""
    return list(project_year.totals.order_by("allocation"))


def completed_months(day: date) -> int:
    """Months of the year that have ended on `day`: 9 on 30 September, 8 on the 29th."""
    following = date.fromordinal(day.toordinal() + 1)
    return 12 if following.year > day.year else following.month - 1


@dataclass(frozen=True)
class Curve:
    """Cumulative payments at each month's end up to the 截至日 (None after it), as fractions of the budget."""

    months: Sequence[str]
    paid: Sequence[Decimal | None]
    rates: Sequence[Decimal | None]
    elapsed: Sequence[Decimal]


def execution_curve(lines: Iterable[YearTotals], adjusted: Decimal, until: date | None) -> Curve:
    """The execution curve of one project-year against elapsed time (completed months ÷ 12)."""
    lines = list(lines)
    running, paid = ZERO, []
    last = until.month if until else 12
    for month in MONTHS:
        running += sum((getattr(line, f"paid_{month:02}") for line in lines), ZERO)
        paid.append(running if month <= last else None)
    return Curve(
        months=[f"{month}月" for month in MONTHS],
        paid=paid,
        rates=[amount / adjusted if amount is not None and adjusted else None for amount in paid],
        elapsed=[Decimal(month) / 12 for month in MONTHS],
    )


def found_by(text: str) -> Q:
    """Filter of `ProjectYear`s by what a person types: part of the name, the code's beginning, pinyin initials."""
    text = text.strip()
    wanted = Q(project__name__icontains=text) | Q(name__icontains=text)
    if text.isascii():
        wanted = Q(project__code__startswith=text.upper()) | Q(project__code__startswith=text)
        if compact := "".join(filter(str.isalnum, text.lower())):
            wanted |= Q(project__initials__contains=compact)
        wanted |= Q(name__icontains=text)
    return wanted


def exact_project(text: str, visible: QuerySet[ProjectYear], year: int) -> ProjectYear | None:
    """The project-year that a full code names: of `year`, else its latest one."""
    found = visible.filter(project__code=text.strip())
    return found.filter(fiscal_year=year).first() or found.order_by("-fiscal_year").first()
