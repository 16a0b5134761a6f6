"""Shared by the set-based writes: the import lock, the staging table, SQL through Django's cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection

from budgets.models import ImportBatch, Source
from budgets.services.results import Counts, Problem
from core import bulk

# One import at a time in the whole house: a second one waits here, then sees what the first one wrote.
_IMPORT_LOCK = 0x71746A78


def lock_imports() -> None:
    """Wait for the other import, if one is running; held until the transaction ends."""
    execute("SELECT pg_advisory_xact_lock(%s)", [_IMPORT_LOCK])


def begin(source: Source) -> Source:
    """Take the lock; answers the source as it is now: another import may have created it while this one waited."""
    lock_imports()
    return (Source.objects.filter(name=source.name).first() or source) if source._state.adding else source


def execute(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> int:
    """Run one statement; returns the number of rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return int(cursor.rowcount)


def fetch(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall())


def stage(table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> int:
    """`core.bulk.stage`, also for the second time within one transaction."""
    drop(table)
    return bulk.stage(table, columns, rows)


def drop(*tables: str) -> None:
    for table in tables:
        execute(f"DROP TABLE IF EXISTS pg_temp.{table}")


def saved(source: Source) -> Source:
    """A new source is kept with the first import that succeeds."""
    if source._state.adding:
        source.save()
    return source


def problems(code: str, column: str | None, message: str, found: list[tuple[Any, ...]]) -> list[Problem]:
    """One problem for each found row: its first value is the place, the others fill `message` in order."""
    return [Problem(place, column, code, message.format(*values)) for place, *values in found]


def record_batch(
    *, source: Source, fiscal_year: int, as_of: date, files: Sequence[Any], counts: Counts, by: Any
) -> ImportBatch:
    """The batch row of this import.

    An import that changes nothing and says nothing newer than the last one is that same batch: importing a file
    twice leaves every table as it was.
    """
    nothing_new = not (counts.created or counts.updated or counts.reversed or counts.vanished or counts.claimed)
    last = ImportBatch.objects.filter(source=source, fiscal_year=fiscal_year).order_by("-pk").first()
    if nothing_new and last is not None and last.as_of >= as_of and last.counts.get("held", 0) == counts.held:
        return last
    batch = ImportBatch.objects.create(
        source=source, fiscal_year=fiscal_year, as_of=as_of, counts=counts.as_dict(), imported_by=by
    )
    batch.files.set(files)
    return batch


def below_zero(project_year_id: int) -> bool:
    """Whether a project's payments, added up by date, are below zero on some day."""
    found = fetch(
        "SELECT 1 FROM (SELECT SUM(SUM(amount)) OVER (ORDER BY date) AS paid FROM budgets_ledgerentry "
        "WHERE project_year_id = %s AND kind IN ('payment', 'refund', 'correction') GROUP BY date) AS days "
        "WHERE paid < 0",
        [project_year_id],
    )
    return bool(found)
