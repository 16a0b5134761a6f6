"""Taking the effect of an imported entry off again without touching it: the same matter stands elsewhere already."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Sum

from budgets.enums import SourceKind
from budgets.models import LedgerEntry, Source

SYSTEM_SOURCE = "本系统"


def system_source() -> Source:
    """The source of entries that people post here, not imported ones."""
    return Source.objects.get_or_create(name=SYSTEM_SOURCE, defaults={"kind": SourceKind.SYSTEM})[0]


@transaction.atomic
def offset_entry(*, entry: LedgerEntry, by: Any) -> LedgerEntry | None:
    """Post the opposite of `entry`, once: 冲销 of the same kind, date and 指标. None where it stands already.

    The imported row stays as its source has it, so importing the file again changes nothing.
    """
    return _post(entry, offset=True)


@transaction.atomic
def undo_offset(*, entry: LedgerEntry, by: Any) -> LedgerEntry | None:
    """Take an offset back, where its entry itself was taken back by its source. None where there is none."""
    return _post(entry, offset=False)


def _post(entry: LedgerEntry, *, offset: bool) -> LedgerEntry | None:
    source, key = system_source(), f"offset:{entry.pk}"
    posted = LedgerEntry.objects.filter(source=source, source_key=key)
    standing = posted.aggregate(amount=Sum("amount"))["amount"] or 0
    wanted = -entry.amount if offset else 0
    if standing == wanted:
        return None
    return LedgerEntry.objects.create(
        project_year_id=entry.project_year_id,
        source=source,
        source_key=key,
        revision=posted.count() + 1,
        is_reversal=True,
        kind=entry.kind,
        amount=wanted - standing,
        date=entry.date,
        allocation=entry.allocation,
        vintage=entry.vintage,
        fund_source=entry.fund_source,
        fund_level=entry.fund_level,
        function_code=entry.function_code,
        economic_code=entry.economic_code,
        summary="冲销：与本系统已记的收回为同一笔",
    )
