"""The ledger over sets: once, changed, vanished, held, below zero, one basis."""

from datetime import date
from decimal import Decimal

import pytest

from budgets.enums import SourceKind
from budgets.models import HeldEntry, ImportBatch, LedgerEntry, VanishedEntry, YearTotals
from budgets.services import RowsRefused, claim
from core.services import Refused
from tests.budgets.builders import YEAR, county, payment, post, projects

pytestmark = pytest.mark.django_db


@pytest.fixture
def years():
    county()
    return projects(3)


def counts_of(counts):
    return (counts.created, counts.updated, counts.unchanged, counts.reversed, counts.held, counts.vanished)


ROWS = [
    payment("V1-1", "P00001", "100.00", date(YEAR, 2, 1)),
    payment("V1-2", "P00001", "-40.00", date(YEAR, 3, 1)),
    payment("V2-1", "P00002", "7.50", date(YEAR, 3, 2), allocation="青财预〔2023〕1号"),
]


def test_the_same_rows_again_change_nothing(years):
    assert counts_of(post(ROWS)) == (3, 0, 0, 0, 0, 0)
    before = (LedgerEntry.objects.count(), ImportBatch.objects.count())
    assert counts_of(post(ROWS)) == (0, 0, 3, 0, 0, 0)
    assert (LedgerEntry.objects.count(), ImportBatch.objects.count()) == before
    line = YearTotals.objects.get(project_year=years[0], allocation="")
    assert (line.paid_02, line.paid_03, line.paid) == (100, -40, 60)
    assert LedgerEntry.objects.get(amount=-40).kind == "refund"


def test_a_changed_row_is_reversed_and_posted_again(years):
    post(ROWS)
    changed = [ROWS[0]._replace(amount=Decimal("120.00"), date=date(YEAR, 2, 20)), *ROWS[1:]]
    assert counts_of(post(changed)) == (0, 1, 2, 1, 0, 0)
    entries = LedgerEntry.objects.filter(source_key=f"{YEAR}:V1-1").order_by("revision")
    assert [(e.revision, e.amount, e.date, e.is_reversal) for e in entries] == [
        (1, 100, date(YEAR, 2, 1), False),
        (2, -100, date(YEAR, 2, 1), True),
        (3, 120, date(YEAR, 2, 20), False),
    ]
    assert counts_of(post(changed)) == (0, 0, 3, 0, 0, 0)


def test_a_row_moved_to_another_project_leaves_the_first(years):
    post(ROWS[2:])
    post([ROWS[2]._replace(project_code="P00003")])
    assert {t.project_year_id: t.paid for t in YearTotals.objects.exclude(allocation="")} == {
        years[1].pk: 0,
        years[2].pk: Decimal("7.50"),
    }


def test_a_vanished_row_is_listed_once_and_never_removed(years):
    post(ROWS)
    assert counts_of(post(ROWS[:2])) == (0, 0, 2, 0, 0, 1)
    assert counts_of(post(ROWS[:2])) == (0, 0, 2, 0, 0, 0)
    vanished = VanishedEntry.objects.get()
    assert (vanished.entry.source_key, vanished.state) == (f"{YEAR}:V2-1", "open")
    assert YearTotals.objects.get(project_year=years[1], allocation="青财预〔2023〕1号").paid == Decimal("7.50")
    post(ROWS)
    vanished.refresh_from_db()
    assert vanished.state == "kept"


def test_an_older_file_makes_no_later_row_vanish(years):
    post(ROWS)
    assert post(ROWS[:1]).vanished == 0  # reaches to the end of February
    assert post(ROWS[:1], as_of=date(YEAR, 12, 31)).vanished == 2
    assert post(ROWS[:1], as_of=date(YEAR, 12, 31), complete=False).vanished == 0


def test_unknown_projects_are_refused_or_held_and_claimed(years):
    rows = [*ROWS, payment("V9", "X1", "5.00", place=9)]
    with pytest.raises(RowsRefused) as refused:
        post(rows)
    assert [(p.place, p.code) for p in refused.value.problems] == [(9, "UNKNOWN_PROJECT")]
    assert not LedgerEntry.objects.filter(kind="payment").exists()
    assert counts_of(post(rows, hold_unknown=True)) == (3, 0, 0, 0, 1, 0)
    assert counts_of(post(rows, hold_unknown=True)) == (0, 0, 3, 0, 1, 0)
    held = HeldEntry.objects.get()
    entry = claim(held=held, project_year=years[2], by=None)
    assert (entry.amount, entry.project_year) == (5, years[2])
    with pytest.raises(Refused):
        claim(held=held, project_year=years[2], by=None)
    assert counts_of(post(rows)) == (0, 0, 4, 0, 0, 0)


def test_a_held_row_that_changes_is_held_as_it_is_now(years):
    post([payment("V9", "X1", "5.00")], hold_unknown=True)
    post([payment("V9", "X1", "6.00")], hold_unknown=True)
    assert HeldEntry.objects.get().amount == 6
    post([payment("V9", "P00001", "6.00")])
    assert not HeldEntry.objects.exists()


def test_a_refund_below_zero_is_refused_at_its_row(years):
    post(ROWS)
    rows = [*ROWS, payment("V3", "P00001", "-61.00", date(YEAR, 5, 1), place=4)]
    with pytest.raises(RowsRefused) as refused:
        post(rows)
    (problem,) = refused.value.problems
    assert (problem.place, problem.code, problem.column) == (4, "BELOW_ZERO", "amount")
    assert "P00001" in problem.message
    assert "-1.00" in problem.message
    post([*ROWS, payment("V3", "P00001", "-60.00", date(YEAR, 5, 1))])


def test_the_order_of_days_counts_for_below_zero(years):
    rows = [
        payment("A", "P00001", "-10.00", date(YEAR, 1, 5), place=1),
        payment("B", "P00001", "10.00", date(YEAR, 2, 5), place=2),
    ]
    with pytest.raises(RowsRefused) as refused:
        post(rows)
    assert [p.place for p in refused.value.problems] == [1]
    post([rows[0]._replace(date=date(YEAR, 2, 5)), rows[1]])


def test_payments_above_the_budget_are_taken_with_a_warning(years):
    counts = post([payment("A", "P00001", "100000.01", place=7)])
    assert [(w.place, w.code) for w in counts.warnings] == [(7, "ABOVE_BUDGET")]
    assert counts.created == 1


def test_dates_outside_the_year_and_double_keys_are_refused_together(years):
    rows = [
        payment("A", "P00001", "1.00", date(YEAR - 1, 12, 31), place=1),
        payment("B", "P00001", "1.00", place=2),
        payment("B", "P00001", "2.00", place=3),
    ]
    with pytest.raises(RowsRefused) as refused:
        post(rows)
    assert {(p.place, p.code) for p in refused.value.problems} == {(1, "DATE_OUTSIDE_YEAR"), (3, "DUPLICATE_KEY")}


def test_the_sign_follows_the_kind(years):
    post(
        [
            payment("A", "P00001", "10.00", kind="reduction"),
            payment("B", "P00001", "-5.00", kind="supplement"),
            payment("C", "P00001", "3.00", kind="transfer_out"),
            payment("D", "P00001", "2.00", kind="recovery"),
        ]
    )
    totals = YearTotals.objects.get(project_year=years[0])
    assert (totals.reductions, totals.transfers_out, totals.recovered) == (-15, -3, -2)


def test_a_balance_posts_the_difference_of_each_month(years):
    balance = {"kind": SourceKind.BALANCE}
    march = [payment("P00001", "P00001", "100.00", date(YEAR, 3, 31))]
    april = [payment("P00001", "P00001", "130.00", date(YEAR, 4, 30))]
    may = [payment("P00001", "P00001", "125.00", date(YEAR, 5, 31))]
    assert counts_of(post(march, **balance)) == (1, 0, 0, 0, 0, 0)
    assert counts_of(post(april, **balance)) == (0, 1, 0, 0, 0, 0)
    assert counts_of(post(may, **balance)) == (0, 1, 0, 0, 0, 0)
    assert counts_of(post(april, **balance)) == (0, 0, 1, 0, 0, 0)
    totals = YearTotals.objects.get(project_year=years[0])
    assert (totals.paid_03, totals.paid_04, totals.paid_05, totals.paid) == (100, 30, -5, 125)


def test_two_kinds_of_payment_data_for_one_year_and_fund_are_refused(years):
    post(ROWS)
    with pytest.raises(RowsRefused) as refused:
        post([payment("P00001", "P00001", "1.00", fund_source="一般公共预算")], kind=SourceKind.BALANCE)
    assert refused.value.code == "BASIS_MIXED"
    assert "支付凭证" in refused.value.reason
    post([payment("R1", "P00001", "-1.00", date(YEAR, 4, 1))], kind=SourceKind.REFUNDS)


def test_voucher_numbers_may_come_back_next_year(years):
    projects(1, year=YEAR + 1)
    post(ROWS[:1])
    counts = post([ROWS[0]._replace(date=date(YEAR + 1, 2, 1))], year=YEAR + 1)
    assert counts_of(counts) == (1, 0, 0, 0, 0, 0)


def test_names_that_disagree_are_told(years):
    counts = post([payment("A", "P00001", "1.00", project_name="别的", unit="302001", place=5)])
    assert {(w.place, w.code) for w in counts.warnings} == {(5, "NAME_DIFFERS"), (5, "UNIT_DIFFERS")}


def test_a_corrected_fund_does_not_stay_mixed(years):
    rows = [
        payment("V1", "P00001", "10.00", allocation="A", fund_level="own", vintage=YEAR),
        payment("V2", "P00001", "20.00", allocation="A", fund_level="higher", vintage=YEAR),
    ]
    post(rows)
    line = YearTotals.objects.get(allocation="A")
    assert (line.fund_level, line.vintage) == ("*", YEAR)
    post([rows[0]._replace(fund_level="higher"), rows[1]])
    line.refresh_from_db()
    assert (line.fund_level, line.vintage, line.paid) == ("higher", YEAR, 30)
