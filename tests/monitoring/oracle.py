"""The recovery statement said again in plain Python, from ledger entries alone: what the SQL must agree with."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from budgets.enums import PAYMENT_KINDS
from budgets.models import Commitment, LedgerEntry, ProjectYear
from monitoring.rules import RuleSet

CENT = Decimal("0.01")


class Ledger:
    """All entries, commitments and project-years of one fiscal year, read once."""

    def __init__(self, fiscal_year: int) -> None:
        self.years = list(ProjectYear.objects.filter(fiscal_year=fiscal_year))
        self.entries: dict[int, list[LedgerEntry]] = defaultdict(list)
        for entry in LedgerEntry.objects.filter(project_year__fiscal_year=fiscal_year):
            self.entries[entry.project_year_id].append(entry)
        self.commitments: dict[int, list[Commitment]] = defaultdict(list)
        for commitment in Commitment.objects.all():
            self.commitments[commitment.project_year_id].append(commitment)


def expected(rules: RuleSet, ledger: Ledger, as_of: date) -> dict[tuple[int, str | None], tuple[Any, ...]]:
    """(project year, 指标) → (adjusted, paid, must_pay, rate, elapsed, reason, status, recoverable, code, value)."""
    months = as_of.month if (as_of + timedelta(days=1)).month != as_of.month else as_of.month - 1
    found = {}
    entries, commitments = ledger.entries, ledger.commitments
    for year in ledger.years:
        own = entries[year.pk]
        loose = any(e.allocation == "" for e in own)
        groups = defaultdict(list)
        for entry in own:
            groups[None if loose else entry.allocation].append(entry)
        named = {e.allocation for e in own} - {""}
        project_level = sum((c.amount for c in commitments[year.pk] if c.allocation not in named), Decimal(0))
        for allocation in sorted(groups, key=lambda a: a or ""):
            facts = _facts(year, groups[allocation], rules, as_of, months)
            if facts is None:
                continue
            adjusted, paid, reason, source = facts
            must = sum(
                (c.amount for c in commitments[year.pk] if allocation is None or c.allocation == allocation),
                Decimal(0),
            )
            if allocation is not None:
                share = min(project_level, max(Decimal(0), adjusted - paid - must))
                project_level -= share
                must += share
            found[year.pk, allocation] = _judged(year, rules, months, adjusted, paid, must, reason, source)
    return found


def _facts(year: ProjectYear, entries: list[LedgerEntry], rules: RuleSet, as_of: date, months: int) -> Any:
    before = [e for e in entries if e.date <= as_of]
    adjusted = sum((e.amount for e in before if e.kind not in PAYMENT_KINDS), Decimal(0))
    paid = sum((e.amount for e in before if e.kind in PAYMENT_KINDS), Decimal(0))
    carried = sum((e.amount for e in before if e.kind == "carried_over"), Decimal(0))
    if adjusted <= 0:
        return None
    # What a line is made of is said by all its entries, later ones too: it does not change with the date.
    level = _agreed({e.fund_level for e in entries}) or year.fund_level
    source = _agreed({e.fund_source for e in entries}) or year.fund_source
    source = year.fund_source if source == "*" else source
    vintages = {e.vintage for e in entries if e.vintage is not None}
    vintage = (0 if 0 in vintages or len(vintages) > 1 else vintages.pop()) if vintages else None
    if len(rules.levels) == 1 and level != {"本级": "own", "上级": "higher"}[rules.levels[0]]:
        return None
    if rules.vintages == ("当年",) and not (vintage == year.fiscal_year or (vintage is None and carried == 0)):
        return None
    if rules.vintages == ("结转",) and not (
        (vintage is not None and 0 < vintage < year.fiscal_year)
        or (vintage is None and carried != 0 and carried == adjusted)
    ):
        return None
    rate = Fraction(paid) / Fraction(adjusted)
    low = rules.rate_below is not None and rate < Fraction(rules.rate_below)
    lag = rules.lag_above is not None and Fraction(months, 12) - rate > Fraction(rules.lag_above)
    if not (low or lag):
        return None
    return adjusted, paid, "both" if low and lag else "rate" if low else "lag", source


def _agreed(values: set[str]) -> str:
    known = values - {""}
    return "" if not known else known.pop() if len(known) == 1 else "*"


def _judged(
    year: Any, rules: RuleSet, months: int, adjusted: Any, paid: Any, must: Any, reason: str, source: str
) -> Any:
    code = value = ""
    if year.category in rules.categories:
        code, value = "category", year.category
    elif source in rules.fund_sources:
        code, value = "fund_source", source
    else:
        marked = [mark for mark in rules.marks if mark in year.marks]
        if marked:
            code, value = "mark", marked[0]
    left = max(Decimal(0), adjusted - paid - must)
    rounded = (left / rules.round_down_to).to_integral_value(ROUND_DOWN) * rules.round_down_to
    status = "exempt" if code else "recoverable" if rounded > 0 and rounded >= rules.minimum else "below_minimum"
    return (
        adjusted,
        paid,
        must,
        (paid / adjusted).quantize(Decimal("0.0001"), ROUND_HALF_UP),
        (Decimal(months) / 12).quantize(Decimal("0.0001"), ROUND_HALF_UP),
        reason,
        status,
        rounded if status == "recoverable" else Decimal(0),
        code,
        value,
    )
