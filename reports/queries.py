"""Reads of the desk: which years there are, what waits, how far the year is. Every figure comes from rows."""

from __future__ import annotations

from django.db.models import Max, Min
from django.utils import timezone

from budgets.models import ProjectYear


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
