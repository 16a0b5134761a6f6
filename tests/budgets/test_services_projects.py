"""Projects over sets: created once, changed where they differ, refused as a whole."""

from datetime import date
from decimal import Decimal

import pytest

from budgets.enums import SourceKind
from budgets.models import HeldEntry, ImportBatch, LedgerEntry, Project, ProjectYear, YearTotals
from budgets.services import RowsRefused, upsert_projects
from core.history import changes
from tests.budgets.builders import AS_OF, YEAR, county, payment, post, project_rows, projects, source

pytestmark = pytest.mark.django_db


def upsert(rows, **options):
    defaults = {"source": source(SourceKind.PROJECTS), "fiscal_year": YEAR, "as_of": AS_OF, "by": None}
    return upsert_projects(rows=rows, **(defaults | options))


def test_projects_are_created_with_their_organisations_and_totals():
    places = county()
    counts = upsert(project_rows(3, carried_over=Decimal(5000), reductions=Decimal("200.50"), transfers_in=Decimal(1)))
    assert (counts.rows, counts.created, counts.updated, counts.unchanged) == (3, 3, 0, 0)
    year = ProjectYear.objects.get(project__code="P00002")
    assert (year.unit, year.department, year.division) == (places["unit1"], places["department1"], places["division1"])
    assert year.kind == "new"
    assert year.project.initials == "xmp2"
    assert list(year.project.units.all()) == [places["unit1"]]
    totals = YearTotals.objects.get(project_year=year)
    assert (totals.initial, totals.carried_over, totals.reductions) == (100000, 5000, Decimal("-200.50"))
    assert totals.adjusted == Decimal("104800.50")
    assert set(LedgerEntry.objects.values_list("date", flat=True)) == {date(YEAR, 1, 1)}


def test_the_same_rows_again_change_nothing():
    county()
    upsert(project_rows(3))
    before = (LedgerEntry.objects.count(), ImportBatch.objects.count())
    counts = upsert(project_rows(3))
    assert (counts.created, counts.updated, counts.unchanged) == (0, 0, 3)
    assert (LedgerEntry.objects.count(), ImportBatch.objects.count()) == before


def test_a_changed_amount_posts_the_difference_and_a_changed_name_is_told_in_history():
    county()
    upsert(project_rows(2, supplements=Decimal(100)))
    rows = project_rows(2, supplements=Decimal(100))
    rows[0] = rows[0]._replace(initial=Decimal(90000), supplements=Decimal(150), name="改名")
    counts = upsert(rows, adjusted_on=date(YEAR, 8, 1))
    assert (counts.created, counts.updated, counts.unchanged) == (0, 1, 1)
    entries = LedgerEntry.objects.filter(project_year__project__code="P00001").order_by("pk")
    assert [(e.kind, e.amount, e.revision, e.is_reversal) for e in entries] == [
        ("initial", 100000, 1, False),
        ("supplement", 100, 1, False),
        ("initial", -10000, 2, True),
        ("supplement", 50, 2, False),
    ]
    assert entries.last().date == date(YEAR, 8, 1)
    project = Project.objects.get(code="P00001")
    assert (project.name, project.initials) == ("改名", "gm")
    assert [(c["old"], c["new"]) for c in changes(project) if c["field"] == "项目名称"] == [("项目P1", "改名")]


def test_the_net_adjustment_may_turn_and_none_leaves_what_is_posted():
    county()
    upsert(project_rows(1, adjustment=Decimal(50)))
    upsert(project_rows(1, adjustment=Decimal(-20)))
    upsert(project_rows(1, adjustment=None))
    totals = YearTotals.objects.get()
    assert (totals.supplements, totals.reductions, totals.adjusted) == (50, -70, 99980)


def test_an_earlier_year_neither_renames_the_project_nor_is_it_new():
    county()
    upsert(project_rows(1))
    rows = [project_rows(1)[0]._replace(name="旧名")]
    upsert(rows, fiscal_year=YEAR - 1)
    assert Project.objects.get().name == "项目P1"
    assert ProjectYear.objects.get(fiscal_year=YEAR - 1).name == "旧名"
    upsert(project_rows(1), fiscal_year=YEAR + 1)
    assert ProjectYear.objects.get(fiscal_year=YEAR + 1).kind == "continued"


def test_every_problem_comes_at_once_and_nothing_is_written():
    county()
    rows = [
        *project_rows(1),
        project_rows(1)[0]._replace(place=2),
        project_rows(3)[2]._replace(unit="999", place=3),
        project_rows(4)[3]._replace(unit="", unit_name="没有的单位", place=4),
        project_rows(5)[4]._replace(division="301", place=5),
        project_rows(6)[5]._replace(initial=Decimal(-1), place=6),
        project_rows(7)[6]._replace(unit="", place=7),
    ]
    with pytest.raises(RowsRefused) as refused:
        upsert(rows)
    assert {(p.place, p.column, p.code) for p in refused.value.problems} == {
        (2, "code", "DUPLICATE_KEY"),
        (3, "unit", "UNKNOWN_ORGANISATION"),
        (4, "unit", "UNKNOWN_ORGANISATION"),
        (5, "division", "UNKNOWN_ORGANISATION"),
        (6, "initial", "AMOUNT_NEGATIVE"),
        (7, "unit", "REQUIRED"),
    }
    assert not Project.objects.exists()
    assert not ImportBatch.objects.exists()


def test_names_stand_in_for_codes_and_disagreement_is_told():
    places = county()
    rows = project_rows(3)
    rows[0] = rows[0]._replace(unit="", unit_name="青田县第2局本级")
    rows[1] = rows[1]._replace(unit_name="别的名称")
    rows[2] = rows[2]._replace(department="302")
    counts = upsert(rows)
    years = {y.project.code: y for y in ProjectYear.objects.select_related("project")}
    assert years["P00001"].unit == places["unit2"]
    assert years["P00003"].department == places["department2"]
    assert {(w.place, w.code) for w in counts.warnings} == {(2, "NAME_DIFFERS"), (3, "UNIT_ELSEWHERE")}


def test_a_list_of_users_is_the_whole_list():
    places = county()
    upsert(project_rows(1, users=["302001"]))
    project = Project.objects.get()
    assert set(project.units.all()) == {places["unit1"], places["unit2"]}
    upsert(project_rows(1))
    assert project.units.count() == 2
    upsert(project_rows(1, users=[]))
    assert list(project.units.all()) == [places["unit1"]]


def test_marks_stay_where_the_file_is_silent():
    county()
    upsert(project_rows(1, is_key=True, marks=["三保"]))
    upsert(project_rows(1))
    year = ProjectYear.objects.get()
    assert (year.is_key, year.marks) == (True, ["三保"])


def test_a_project_imported_later_claims_its_held_rows():
    county()
    projects(1)
    post([payment("1", "X00001", "30.00")], hold_unknown=True)
    counts = upsert(project_rows(1, prefix="X"))
    held = HeldEntry.objects.get()
    assert counts.claimed == 1
    assert held.claimed_entry.project_year.project.code == "X00001"
    again = post([payment("1", "X00001", "30.00")])
    assert (again.created, again.updated, again.unchanged, again.held) == (0, 0, 1, 0)


def test_a_corrected_fund_moves_the_whole_amount():
    county()
    upsert(project_rows(1, fund_level="own", supplements=Decimal(50)))
    upsert(project_rows(1, fund_level="own", supplements=Decimal(70)))
    upsert(project_rows(1, fund_level="higher", supplements=Decimal(70)))
    totals = YearTotals.objects.get()
    assert (totals.fund_level, totals.initial, totals.supplements) == ("higher", 100000, 70)
    assert upsert(project_rows(1, fund_level="higher", supplements=Decimal(70))).unchanged == 1


def test_a_budget_that_another_source_has_posted_is_told():
    county()
    upsert(project_rows(2))
    counts = upsert_projects(
        rows=project_rows(2),
        source=source(SourceKind.PROJECTS, name="另一来源"),
        fiscal_year=YEAR,
        as_of=AS_OF,
        by=None,
    )
    assert [w.code for w in counts.warnings] == ["BUDGET_TWICE", "BUDGET_TWICE"]
    assert "两处相加" in counts.warnings[0].message
