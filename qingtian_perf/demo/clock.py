"""The demonstration's own time: what is done in the demonstration year bears a date of that year."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, datetime, time

from django.utils import timezone


@contextlib.contextmanager
def on(day: date, hour: int = 9) -> Iterator[None]:
    """Within, `timezone.now()` starts at `hour` o'clock of `day` (Asia/Shanghai) and runs on.

    Flow records, deadlines and notices thus bear the dates on which the county did these things; the database's own
    record of changes (history, time of posting) keeps the true time. Only `load_demo` may use it: it runs alone.
    """
    true_now, began = timezone.now, timezone.now()
    start = timezone.make_aware(datetime.combine(day, time(hour)))
    timezone.now = lambda: start + (true_now() - began)
    try:
        yield
    finally:
        timezone.now = true_now
