"""Two imports at once, on real connections: the second waits and finds everything there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from budgets.enums import SourceKind
from budgets.models import HeldEntry, LedgerEntry, Project, Source, YearTotals
from budgets.services import claim
from budgets.services.checking import differing_totals
from core.services import Refused
from tests.budgets.builders import YEAR, county, payment, post, project_rows, projects

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*actions: Any) -> list[Any]:
    """Run each in a thread with its own connection, released together; an exception is its answer."""
    barrier = Barrier(len(actions))

    def run(action: Any) -> Any:
        try:
            barrier.wait(timeout=20)
            return action()
        except Exception as problem:
            return problem
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(run, action) for action in actions]]


def test_the_same_rows_twice_at_once_are_posted_once() -> None:
    county()
    projects(20)
    rows = [payment(f"V{n}", f"P{n % 20 + 1:05}", "10.00", date(YEAR, 2, 1)) for n in range(400)]
    fresh = [Source(name="国库", kind=SourceKind.VOUCHERS) for _ in range(2)]
    for _ in range(5):
        answers = at_once(*(lambda source=source: post(rows, source=source) for source in fresh))
        assert sorted(answer.created + answer.unchanged for answer in answers) == [400, 400]
    assert LedgerEntry.objects.filter(kind="payment").count() == 400
    assert Source.objects.filter(name="国库").count() == 1
    assert sum(t.paid for t in YearTotals.objects.all()) == 4000
    assert differing_totals() == (0, [])


def test_the_same_new_projects_twice_at_once_are_made_once() -> None:
    from budgets.services import upsert_projects

    county()
    source = Source.objects.create(name="项目", kind=SourceKind.PROJECTS)

    def load() -> Any:
        rows = project_rows(200)
        return upsert_projects(rows=rows, source=source, fiscal_year=YEAR, as_of=date(YEAR, 9, 30), by=None)

    answers = at_once(load, load)
    assert sorted((a.created, a.unchanged) for a in answers) == [(0, 200), (200, 0)]
    assert Project.objects.count() == 200
    assert differing_totals() == (0, [])


def test_two_sources_on_the_same_lines_do_not_lock_each_other_out() -> None:
    county()
    projects(50)
    codes = [f"P{n:05}" for n in range(1, 51)]
    there = [payment(f"A{code}", code, "1.00", date(YEAR, 2, 1)) for code in codes]
    back = [payment(f"B{code}", code, "1.00", date(YEAR, 2, 1)) for code in reversed(codes)]
    answers = at_once(
        lambda: post(there, source=Source.objects.get_or_create(name="一", kind=SourceKind.VOUCHERS)[0]),
        lambda: post(back, source=Source.objects.get_or_create(name="二", kind=SourceKind.VOUCHERS)[0]),
    )
    assert [answer.created for answer in answers] == [50, 50]
    assert {t.paid for t in YearTotals.objects.all()} == {2}


def test_single_entries_beside_an_import_lose_nothing() -> None:
    """What another stage posts does not take the import lock; the trigger's sums must still be exact."""
    county()
    years = projects(10)
    source = Source.objects.create(name="本系统", kind=SourceKind.SYSTEM)

    def by_hand() -> int:
        for n, year in enumerate(years * 5):
            with transaction.atomic():
                LedgerEntry.objects.create(
                    project_year=year,
                    source=source,
                    source_key=f"H{n}",
                    kind="recovery",
                    amount=-1,
                    date=date(YEAR, 3, 1),
                    allocation="指标" if n % 2 else "",
                )
        return 50

    def imports() -> int:
        for n in range(5):
            post([payment(f"V{n}-{y.pk}", y.project.code, "3.00", date(YEAR, 4, 1)) for y in years], complete=False)
        return 50

    assert at_once(by_hand, imports) == [50, 50]
    assert differing_totals() == (0, [])
    assert sum(t.recovered for t in YearTotals.objects.all()) == -50
    assert sum(t.paid for t in YearTotals.objects.all()) == 150


def test_a_held_row_is_claimed_by_one_of_two() -> None:
    county()
    years = projects(2)
    post([payment("V1", "X1", "5.00", date(YEAR, 2, 1))], hold_unknown=True)
    held = HeldEntry.objects.get()
    answers = at_once(*(lambda year=year: claim(held=held, project_year=year, by=None) for year in years))
    assert sorted(type(answer).__name__ for answer in answers) == ["LedgerEntry", "Refused"]
    assert next(a for a in answers if isinstance(a, Refused)).code == "claimed"
    assert LedgerEntry.objects.filter(kind="payment").count() == 1
