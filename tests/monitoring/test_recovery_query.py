"""The one statement: against a plain oracle over 10,000 random lines, and at its edges."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from budgets.enums import EntryKind, FundLevel, ProjectCategory
from budgets.models import Commitment, HeldEntry, ImportBatch, LedgerEntry, Project, ProjectYear, Source
from monitoring.queries import recovery
from monitoring.queries.recovery import Question
from monitoring.rules import RuleSet
from organisations.models import User
from tests.factories import OrganisationFactory, UserFactory
from tests.monitoring.oracle import Ledger, expected

YEAR = 2023
SEPTEMBER = date(YEAR, 9, 30)
HALF = RuleSet(rate_below=Decimal("0.50"))
SOURCES = ("", "一般公共预算", "政府性基金")

RULES = {
    "rate": HALF,
    "lag": RuleSet(lag_above=Decimal("0.25")),
    "both": RuleSet(rate_below=Decimal("0.30"), lag_above=Decimal("0.4")),
    "own": RuleSet(rate_below=Decimal("0.60"), levels=("本级",)),
    "higher, current": RuleSet(rate_below=Decimal("0.60"), levels=("上级",), vintages=("当年",)),
    "carried": RuleSet(rate_below=Decimal("0.60"), vintages=("结转",)),
    "exempt": RuleSet(
        rate_below=Decimal("0.70"),
        categories=("21",),
        fund_sources=("政府性基金",),
        marks=("债券", "三保"),
        minimum=Decimal("5000.00"),
        round_down_to=Decimal("1000.00"),
    ),
}
# A month's last day, days that break a month, the first day of the year, the end.
DAYS = [SEPTEMBER, date(YEAR, 9, 15), date(YEAR, 1, 1), date(YEAR, 2, 28), date(YEAR, 10, 31), date(YEAR, 12, 31)]


def scatter(count: int, *, seed: int) -> None:
    """`count` ledger entries over project-years of every shape: whole 指标, none, mixed, empty, over budget."""
    rnd = random.Random(seed)
    unit = OrganisationFactory(unit=True)
    source = Source.objects.create(name="随机", kind="vouchers")
    user = UserFactory()
    years = count // 8
    projects = Project.objects.bulk_create(Project(code=f"R{n:06}", name=f"随机{n}") for n in range(years))
    made = ProjectYear.objects.bulk_create(
        ProjectYear(
            project=project,
            fiscal_year=YEAR if n % 25 else YEAR + 1,
            name=project.name,
            unit=unit,
            department=unit.department,
            category=rnd.choice(ProjectCategory.values),
            kind="new",
            fund_source=rnd.choice(SOURCES),
            fund_level=rnd.choice([FundLevel.OWN, FundLevel.HIGHER, FundLevel.UNKNOWN]),
            marks=rnd.sample(["三保", "债券", "救灾应急"], rnd.choice([0, 0, 1, 2])),
        )
        for n, project in enumerate(projects)
    )
    keys = itertools.count()
    LedgerEntry.objects.bulk_create(
        (entry for year in made for entry in _entries(rnd, year, source, keys)), batch_size=5000
    )
    Commitment.objects.bulk_create(_commitments(rnd, made, user))


def _entries(rnd, year, source, keys):
    allocations = rnd.choice([[""], ["A"], ["A", "B"], ["A", "B", "C"], ["", "A"], ["", "A", "B"]])
    for allocation in allocations:
        level, fund = rnd.choice(["", "own", "higher"]), rnd.choice(SOURCES)
        for number in range(rnd.choice([0, 2, 4, 6, 9])):
            kind = (
                rnd.choice([EntryKind.INITIAL, EntryKind.CARRIED_OVER]) if number == 0 else rnd.choice(EntryKind.values)
            )
            amount = Decimal(rnd.choice([rnd.randrange(1, 10_000_000), 5_000_000, 10_000_000])) / 100
            if kind in (EntryKind.REDUCTION, EntryKind.TRANSFER_OUT, EntryKind.RECOVERY, EntryKind.REFUND):
                amount = -amount / 4
            amount = amount.quantize(Decimal("0.01"))
            yield LedgerEntry(
                project_year=year,
                source=source,
                source_key=str(next(keys)),
                kind=kind,
                amount=amount,
                date=date(YEAR, 1, 1) + timedelta(days=rnd.choice([0, rnd.randrange(365)])),
                allocation=allocation,
                vintage=rnd.choice([None, None, YEAR, YEAR - 1]),
                fund_source=rnd.choice(["", fund, fund, "国有资本"]) if rnd.random() < 0.3 else fund,
                fund_level=rnd.choice(["", level]) if rnd.random() < 0.3 else level,
            )


def _commitments(rnd: random.Random, years: list[ProjectYear], user: User):
    for year in years:
        for allocation in rnd.choice([[], [], ["A"], [""], ["A", ""], ["B", "Z"], ["", "Z"]]):
            yield Commitment(
                project_year=year,
                allocation=allocation,
                amount=Decimal(rnd.randrange(0, 4_000_000)) / 100,
                reason="合同",
                evidence="附件",
                declared_by=user,
            )


def asked(question: Question) -> dict:
    return {(line.project_year_id, line.allocation): tuple(line[2:12]) for line in recovery.candidates(question)}


@pytest.mark.django_db
def test_the_statement_agrees_with_a_plain_oracle_over_random_rows():
    scatter(20_000, seed=20230930)
    assert LedgerEntry.objects.count() >= 10_000
    compared, ledger = 0, Ledger(YEAR)
    for rules in RULES.values():
        for day in DAYS if rules in (HALF, RULES["exempt"]) else DAYS[:2]:
            want = expected(rules, ledger, day)
            assert asked(Question(rules, YEAR, day)) == want
            compared += len(want)
    # The comparison means something only if there was much to compare.
    assert compared > 5_000


# ---------- the edges ----------


@pytest.fixture
def ledger(db):
    """`add(code, budget, *payments)`: a project-year whose entries all name the 指标 "Z1"; payments are (day, yuan)."""
    unit = OrganisationFactory(unit=True)
    source = Source.objects.create(name="凭证", kind="vouchers")
    keys = itertools.count()

    def entry(year, kind, amount, day, allocation):
        return LedgerEntry.objects.create(
            project_year=year,
            source=source,
            source_key=str(next(keys)),
            kind=kind,
            amount=Decimal(amount),
            date=day,
            allocation=allocation,
        )

    def add(code, budget, *payments, allocation="Z1", **fields):
        project, _ = Project.objects.get_or_create(code=code, defaults={"name": f"项目{code}"})
        year, _ = ProjectYear.objects.get_or_create(
            project=project,
            fiscal_year=fields.pop("fiscal_year", YEAR),
            defaults={
                "name": project.name,
                "unit": unit,
                "department": unit.department,
                "category": "3",
                "kind": "new",
                **fields,
            },
        )
        if budget:
            entry(year, EntryKind.INITIAL, budget, date(year.fiscal_year, 1, 1), allocation)
        for day, amount in payments:
            entry(year, EntryKind.PAYMENT, amount, day, allocation)
        return year

    add.entry = entry
    return add


def only(rules=HALF, day=SEPTEMBER):
    return {line.project_code: line for line in recovery.candidates(Question(rules, YEAR, day))}


def test_exactly_half_on_30_september_is_no_candidate(ledger):
    ledger("HALF", "1000000", (SEPTEMBER, "500000"))
    ledger("LESS", "1000000", (SEPTEMBER, "499999.99"))
    found = only()
    assert set(found) == {"LESS"}
    assert (found["LESS"].rate, found["LESS"].recoverable) == (Decimal("0.5000"), Decimal("500000.00"))


def test_lag_on_31_october(ledger):
    october = date(YEAR, 10, 31)
    ledger("P5500", "1000000", (october, "550000"))
    ledger("P5834", "1000000", (october, "583400"))
    assert set(only(RuleSet(lag_above=Decimal("0.25")), october)) == {"P5500"}


def test_either_limit_makes_a_candidate(ledger):
    ledger("RATE", "1000000", (SEPTEMBER, "290000"))
    ledger("LAG", "1000000", (SEPTEMBER, "340000"))
    ledger("NONE", "1000000", (SEPTEMBER, "350000"))
    found = only(RuleSet(rate_below=Decimal("0.30"), lag_above=Decimal("0.40")))
    assert {code: line.reason for code, line in found.items()} == {"RATE": "both", "LAG": "lag"}


def test_v29_contracts_do_not_count_but_must_pay_does(ledger):
    """domain.md V29 scaled to its figures: adjusted 100, paid 20, must pay 5; contracts unpaid 50 are no deduction."""
    year = ledger("V29", "1000000", (date(YEAR, 3, 1), "200000"))
    Commitment.objects.create(
        project_year=year,
        allocation="Z1",
        amount=Decimal("550000"),
        reason="r",
        evidence="e",
        declared_by=UserFactory(),
    )
    assert only()["V29"].recoverable == Decimal("250000.00")


@pytest.mark.parametrize(
    ("paid", "recoverable", "status"),
    [
        ("0", "1000000.00", "recoverable"),
        ("0.01", "999900.00", "recoverable"),
        ("100", "999900.00", "recoverable"),
        ("100.01", "999800.00", "recoverable"),
    ],
)
def test_rounding_down_to_100_yuan(ledger, paid, recoverable, status):
    ledger("R", "1000000", (SEPTEMBER, paid))
    line = only()["R"]
    assert (str(line.recoverable), line.status) == (recoverable, status)


@pytest.mark.parametrize(
    ("budget", "status", "recoverable"),
    [
        ("10000", "recoverable", "10000.00"),
        ("9999.99", "below_minimum", "0.00"),
        ("10099.99", "recoverable", "10000.00"),
    ],
)
def test_minimum(ledger, budget, status, recoverable):
    ledger("M", budget)
    line = only()["M"]
    assert (line.status, str(line.recoverable)) == (status, recoverable)


def test_without_budget_there_is_no_rate_and_no_candidate(ledger):
    year = ledger("ZERO", None)
    ledger.entry(year, EntryKind.SUPPLEMENT, "500", SEPTEMBER, "Z1")
    ledger.entry(year, EntryKind.REDUCTION, "-500", SEPTEMBER, "Z1")
    assert only() == {}


def test_entries_after_the_date_never_count(ledger):
    year = ledger("LATER", "1000000", (date(YEAR, 10, 1), "900000"))
    ledger.entry(year, EntryKind.SUPPLEMENT, "5000000", date(YEAR, 10, 1), "Z1")
    ledger.entry(year, EntryKind.RECOVERY, "-1000000", date(YEAR, 10, 20), "Z1")
    line = only()["LATER"]
    assert (line.adjusted, line.paid) == (Decimal("1000000.00"), Decimal("0.00"))


def test_a_day_within_a_month(ledger):
    ledger("MID", "1000000", (date(YEAR, 8, 31), "100000"), (date(YEAR, 9, 15), "50000"), (date(YEAR, 9, 16), "800000"))
    line = only(day=date(YEAR, 9, 15))["MID"]
    assert (line.paid, line.elapsed) == (Decimal("150000.00"), Decimal("0.6667"))


def test_one_unnamed_entry_makes_it_one_line_of_the_project(ledger):
    year = ledger("MIX", "1000000", (SEPTEMBER, "100000"))
    ledger.entry(year, EntryKind.INITIAL, "1000000", date(YEAR, 1, 1), "Z2")
    lines = recovery.candidates(Question(HALF, YEAR, SEPTEMBER))
    assert [line.allocation for line in lines] == ["Z1", "Z2"]
    ledger.entry(year, EntryKind.PAYMENT, "300000", SEPTEMBER, "")
    (line,) = recovery.candidates(Question(HALF, YEAR, SEPTEMBER))
    assert (line.allocation, line.adjusted, line.paid) == (None, Decimal("2000000.00"), Decimal("400000.00"))


def test_exemptions_are_asked_in_their_order(ledger):
    rules = RuleSet(rate_below=Decimal("0.5"), categories=("1",), fund_sources=("专项债券",), marks=("债券", "三保"))
    every = {"category": "1", "fund_source": "专项债券", "marks": ["三保", "债券"]}
    ledger("ALL", "1000000", **every)
    ledger("FUND", "1000000", **(every | {"category": "3"}))
    ledger("MARK", "1000000", **(every | {"category": "3", "fund_source": ""}))
    ledger("NONE", "1000000")
    found = only(rules)
    assert {c: (x.exempt_reason, x.exempt_value, x.status, x.recoverable) for c, x in found.items()} == {
        "ALL": ("category", "1", "exempt", 0),
        "FUND": ("fund_source", "专项债券", "exempt", 0),
        "MARK": ("mark", "债券", "exempt", 0),
        "NONE": ("", "", "recoverable", Decimal("1000000.00")),
    }


def test_unclaimed_payments_stand_beside_the_totals(ledger):
    ledger("KNOWN", "1000000")
    source = Source.objects.get()
    batch = ImportBatch.objects.create(source=source, fiscal_year=YEAR, as_of=SEPTEMBER)
    for key, day in (("a", SEPTEMBER), ("b", date(YEAR, 10, 1))):
        HeldEntry.objects.create(
            source=source,
            batch=batch,
            fiscal_year=YEAR,
            project_code="KNOWN?",
            kind=EntryKind.PAYMENT,
            amount=Decimal("700000"),
            date=day,
            source_key=key,
        )
    assert recovery.unclaimed(YEAR, SEPTEMBER) == (1, Decimal("700000.00"))
    assert only()["KNOWN"].paid == 0


def test_curve_counts_each_line_at_every_limit_above_its_rate(ledger):
    ledger("P20", "1000000", (SEPTEMBER, "200000"))
    ledger("P40", "1000000", (SEPTEMBER, "400000"))
    rates = [Decimal("0.20"), Decimal("0.40"), Decimal("0.50")]
    assert recovery.curve(Question(HALF, YEAR, SEPTEMBER), rates) == [
        (rates[0], Decimal(0), 0),
        (rates[1], Decimal("800000.00"), 1),
        (rates[2], Decimal("1400000.00"), 2),
    ]
    for rate, amount, _ in recovery.curve(Question(HALF, YEAR, SEPTEMBER), rates):
        assert amount == recovery.sums(Question(HALF, YEAR, SEPTEMBER).with_rate(rate)).recoverable


def test_back_test_looks_at_the_year_before(ledger):
    last = {"fiscal_year": YEAR - 1}
    ledger("KEPT", "1000000", (date(YEAR - 1, 9, 1), "100000"), **last)
    ledger("SPENT", "1000000", (date(YEAR - 1, 9, 1), "100000"), (date(YEAR - 1, 12, 1), "800000"), **last)
    taken = ledger("TAKEN", "1000000", **last)
    ledger.entry(taken, EntryKind.RECOVERY, "-900000", date(YEAR - 1, 10, 20), "Z1")
    found = recovery.back_test(Question(HALF, YEAR, SEPTEMBER))
    assert found == (2, 1, Decimal("1800000.00"), Decimal("900000.00"))


def test_sums_agree_with_the_lines(ledger):
    ledger("A", "1000000")
    ledger("B", "5000")
    ledger("C", "1000000", marks=["债券"])
    question = Question(RuleSet(rate_below=Decimal("0.5"), marks=("债券",)), YEAR, SEPTEMBER)
    assert recovery.sums(question) == (3, 1, 1, Decimal("1000000.00"), 1, 1)
