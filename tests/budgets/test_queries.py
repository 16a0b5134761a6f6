"""Figures, the curve, and where they come from."""

from datetime import date
from decimal import Decimal

import pytest

from budgets.models import ProjectYear
from budgets.queries import (
    Figures,
    as_of_label,
    completed_months,
    execution_curve,
    figures_of,
    held_of,
    lines_of,
    sums_of,
    with_figures,
)
from tests.budgets.builders import YEAR, county, payment, post, projects


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (date(2023, 1, 1), 0),
        (date(2023, 1, 31), 1),
        (date(2023, 9, 29), 8),
        (date(2023, 9, 30), 9),
        (date(2024, 2, 28), 1),
        (date(2024, 2, 29), 2),
        (date(2023, 12, 31), 12),
    ],
)
def test_completed_months(day, months):
    assert completed_months(day) == months


def test_a_rate_without_budget_is_undefined():
    assert Figures(paid=Decimal(5)).rate is None
    assert Figures(adjusted=Decimal(-5), recovered=Decimal(-5)).rate_before is None
    assert Figures(adjusted=Decimal(80), recovered=Decimal(-20), paid=Decimal(40)).rate_before == Decimal("0.4")


@pytest.mark.django_db
def test_figures_add_the_lines_and_agree_everywhere(django_assert_num_queries):
    county()
    years = projects(2, supplements=Decimal(500))
    post(
        [
            payment("V1", "P00001", "300.00", date(YEAR, 2, 1), allocation="A"),
            payment("V2", "P00001", "200.00", date(YEAR, 5, 1)),
            payment("R1", "P00001", "1000.00", date(YEAR, 8, 1), kind="recovery", allocation="A"),
        ]
    )
    with django_assert_num_queries(1):
        figures = figures_of(year.pk for year in years)
    own = figures[years[0].pk]
    assert (own.adjusted, own.paid, own.recovered, own.adjustment) == (99500, 500, -1000, 500)
    assert figures[years[1].pk].adjusted == 100500
    listed = with_figures(ProjectYear.objects.all()).get(pk=years[0].pk)
    assert (listed.adjusted, listed.paid, listed.recovered, listed.adjustment) == (99500, 500, -1000, 500)
    assert abs(listed.rate - own.rate) < Decimal("1E-12")
    with django_assert_num_queries(1):
        sums = sums_of(ProjectYear.objects.all())
    assert (sums["rows"], sums["adjusted"], sums["paid"]) == (2, 200000, 500)

    curve = execution_curve(lines_of(years[0]), own.adjusted, date(YEAR, 5, 31))
    assert curve.paid == [0, 300, 300, 300, 500, *[None] * 7]
    assert curve.rates[4] == Decimal(500) / 99500
    assert curve.rates[5] is None
    assert curve.elapsed[8] == Decimal("0.75")


@pytest.mark.django_db
def test_the_label_names_every_source_with_its_day():
    county()
    projects(1)
    assert as_of_label(YEAR) == f"项目及预算，截至 {YEAR}-09-30"
    post([payment("V1", "P00001", "1.00", date(YEAR, 3, 1))])
    post([payment("V1", "P00001", "1.00", date(YEAR, 3, 1)), payment("V2", "P00001", "1.00", date(YEAR, 4, 9))])
    assert as_of_label(YEAR) == f"项目及预算，截至 {YEAR}-09-30；支付凭证，截至 {YEAR}-04-09"
    assert as_of_label(YEAR - 1) == ""


@pytest.mark.django_db
def test_held_rows_are_counted_until_claimed():
    county()
    projects(1)
    post([payment("V1", "X1", "12.00"), payment("V2", "X2", "-2.00")], hold_unknown=True)
    held = held_of(YEAR)
    assert (held.rows, held.amount) == (2, 10)
    projects(1, prefix="X")  # X00001 is neither
    assert held_of(YEAR).rows == 2
