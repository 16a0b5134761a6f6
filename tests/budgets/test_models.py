"""The ledger's trigger against a plain oracle; what the database refuses."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import IntegrityError, InternalError, connection, transaction

from budgets.enums import BUDGET_KINDS, NEGATIVE_KINDS, PAYMENT_KINDS, EntryKind, SourceKind
from budgets.models import LedgerEntry, ProjectFigures, YearTotals
from budgets.services.checking import differing_totals
from budgets.tasks import check_totals, check_totals_nightly
from core.jobs import enqueue, run_now
from core.models import Job
from tests.budgets.builders import YEAR, county, payment, post, projects, source

pytestmark = pytest.mark.django_db

COLUMNS = {
    EntryKind.INITIAL: "initial",
    EntryKind.CARRIED_OVER: "carried_over",
    EntryKind.SUPPLEMENT: "supplements",
    EntryKind.REDUCTION: "reductions",
    EntryKind.TRANSFER_IN: "transfers_in",
    EntryKind.TRANSFER_OUT: "transfers_out",
    EntryKind.RECOVERY: "recovered",
}


def random_entries(chance: random.Random, years, count: int) -> list[LedgerEntry]:
    vouchers = source(SourceKind.VOUCHERS)
    made = []
    for n in range(count):
        kind = chance.choice(list(EntryKind))
        cents = Decimal(chance.randrange(0, 10**9)) / 100
        signed = -cents if kind in NEGATIVE_KINDS or (kind == EntryKind.CORRECTION and chance.random() < 0.5) else cents
        made.append(
            LedgerEntry(
                project_year=chance.choice(years),
                source=vouchers,
                source_key=f"R{n}",
                kind=kind,
                amount=signed,
                date=date(YEAR, 1, 1) + timedelta(days=chance.randrange(365)),
                allocation=chance.choice(["", "A", "B"]),
                vintage=chance.choice([None, YEAR, YEAR - 1]),
                fund_level=chance.choice(["", "own", "own", "higher"]),
            )
        )
    return made


def agreed(values: set, blank, mixed):
    known = values - {blank}
    return blank if not known else known.pop() if len(known) == 1 else mixed


@pytest.mark.parametrize("seed", range(3))
def test_totals_equal_a_plain_sum_of_1500_random_entries_in_any_batches(seed):
    county()
    years = projects(12, initial=None)
    chance = random.Random(seed)
    entries = random_entries(chance, years, 1500)
    left = list(entries)
    while left:
        size = chance.choice([1, 7, 200])
        LedgerEntry.objects.bulk_create(left[:size])
        left = left[size:]
    oracle = defaultdict(lambda: defaultdict(Decimal))
    words = defaultdict(lambda: defaultdict(set))
    for e in entries:
        line = (e.project_year_id, e.allocation)
        column = COLUMNS.get(e.kind) or f"paid_{e.date.month:02}"
        oracle[line][column] += e.amount
        words[line]["vintage"].add(e.vintage)
        words[line]["fund_level"].add(e.fund_level)
    found = {(t.project_year_id, t.allocation): t for t in YearTotals.objects.all()}
    assert found.keys() == oracle.keys()
    columns = [*COLUMNS.values(), *(f"paid_{month:02}" for month in range(1, 13))]
    for line, totals in found.items():
        assert {c: getattr(totals, c) for c in columns} == {c: oracle[line][c] for c in columns}
        assert totals.adjusted == sum((oracle[line][c] for c in COLUMNS.values()), Decimal(0))
        assert totals.paid == sum((oracle[line][f"paid_{m:02}"] for m in range(1, 13)), Decimal(0))
        assert totals.vintage == agreed(words[line]["vintage"], None, 0)
        assert totals.fund_level == agreed(words[line]["fund_level"], "", "*")
    for figures in ProjectFigures.objects.all():
        own = [e for e in entries if e.project_year_id == figures.project_year_id]
        assert figures.paid == sum((e.amount for e in own if e.kind in PAYMENT_KINDS), Decimal(0))
        assert figures.adjusted == sum((e.amount for e in own if e.kind in BUDGET_KINDS), Decimal(0))
        assert figures.recovered == sum((e.amount for e in own if e.kind == EntryKind.RECOVERY), Decimal(0))
    assert differing_totals() == (0, [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE budgets_ledgerentry SET amount = amount + 1",
        "DELETE FROM budgets_ledgerentry",
        "TRUNCATE budgets_ledgerentry CASCADE",
    ],
)
def test_the_database_refuses_to_change_the_ledger(statement):
    county()
    projects(1)
    before = list(LedgerEntry.objects.values())
    with pytest.raises(InternalError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)
    assert list(LedgerEntry.objects.values()) == before


def test_an_entry_of_the_wrong_sign_and_a_second_of_the_same_revision_are_refused():
    county()
    (year,) = projects(1)
    common = {"project_year": year, "source": source(), "date": date(YEAR, 1, 1)}
    with pytest.raises(IntegrityError, match="budgets_entry_sign"), transaction.atomic():
        LedgerEntry.objects.create(kind="recovery", amount=1, source_key="x", **common)
    LedgerEntry.objects.create(kind="payment", amount=1, source_key="x", **common)
    with pytest.raises(IntegrityError, match="budgets_entry_once"), transaction.atomic():
        LedgerEntry.objects.create(kind="payment", amount=1, source_key="x", **common)


def test_the_nightly_check_tells_the_administrators_what_differs(settings):
    settings.ADMINS = [("管理员", "admin@example.org")]
    county()
    (year,) = projects(1)
    post([payment("V1", "P00001", "7.00")])
    assert run_now(enqueue(check_totals, key="1", title="核对", by=None)).result == {"differing": 0}
    assert mail.outbox == []
    YearTotals.objects.update(paid_09=8)
    ProjectFigures.objects.update(adjusted=1)
    failed = run_now(enqueue(check_totals, key="2", title="核对", by=None))
    assert (failed.state, failed.errors[0]["code"]) == ("failed", "totals_differ")
    assert "共 2 条" in failed.message
    (letter,) = mail.outbox
    assert f"'project_year_id': {year.pk}" in letter.body
    assert "budgets_projectfigures" in letter.body


def test_beat_starts_one_check_a_day():
    check_totals_nightly()
    assert Job.objects.filter(kind="budgets.check_totals").count() == 1
