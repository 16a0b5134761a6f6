"""Imported reductions and the recovery lines that wait for them."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from budgets.enums import EntryKind, SourceKind
from budgets.models import LedgerEntry
from monitoring.enums import LineState
from monitoring.models import MatchDismissal, RecoveryLine


def waiting_lines(fiscal_year: int) -> list[RecoveryLine]:
    """Lines that an import may carry out (待执行) or confirm (已执行 by hand), in key order."""
    waiting = Q(state=LineState.PENDING) | Q(state=LineState.EXECUTED, imported_entry__isnull=True)
    return list(
        RecoveryLine.objects.filter(waiting, run__fiscal_year=fiscal_year)
        .select_related("run", "decision", "project_year__project", "entry")
        .order_by("pk")
    )


def _later_revision() -> Exists:
    return Exists(
        LedgerEntry.objects.filter(
            source=OuterRef("source"), source_key=OuterRef("source_key"), revision__gt=OuterRef("revision")
        )
    )


def unmatched_entries(fiscal_year: int) -> list[LedgerEntry]:
    """Standing imported 收回 and 调减 of projects with a waiting line, neither linked nor dismissed."""
    waiting = RecoveryLine.objects.filter(
        Q(state=LineState.PENDING) | Q(state=LineState.EXECUTED, imported_entry__isnull=True),
        project_year=OuterRef("project_year"),
    )
    found: QuerySet[LedgerEntry] = LedgerEntry.objects.filter(
        Exists(waiting),
        ~_later_revision(),
        ~Exists(RecoveryLine.objects.filter(imported_entry=OuterRef("pk"))),
        ~Exists(MatchDismissal.objects.filter(entry=OuterRef("pk"))),
        project_year__fiscal_year=fiscal_year,
        kind__in=[EntryKind.RECOVERY, EntryKind.REDUCTION],
        is_reversal=False,
        amount__lt=0,
    ).exclude(source__kind=SourceKind.SYSTEM)
    return list(found.select_related("project_year__project", "source").order_by("pk"))


class Unclear(NamedTuple):
    """An imported entry that no rule can place, with the lines it might belong to."""

    entry: LedgerEntry
    lines: list[RecoveryLine]


def unclear_entries(fiscal_year: int) -> list[Unclear]:
    """What is left after matching; a reduction dated before every decision of its project is none of ours."""
    lines: dict[int, list[RecoveryLine]] = {}
    for line in waiting_lines(fiscal_year):
        lines.setdefault(line.project_year_id, []).append(line)
    found = []
    for entry in unmatched_entries(fiscal_year):
        possible = [
            line
            for line in lines.get(entry.project_year_id, [])
            if line.decision is None or entry.date >= line.decision.date
        ]
        if possible:
            found.append(Unclear(entry, possible))
    return found


def taken_back(fiscal_year: int) -> list[RecoveryLine]:
    """Executed lines whose imported entry has a later revision: its source reversed or changed it."""
    replaced = LedgerEntry.objects.filter(_later_revision(), pk=OuterRef("imported_entry"))
    return list(
        RecoveryLine.objects.filter(
            Exists(replaced), run__fiscal_year=fiscal_year, state=LineState.EXECUTED, imported_entry__isnull=False
        )
        .select_related("imported_entry", "entry", "run", "project_year__project")
        .order_by("pk")
    )
