"""The loaded year: organisations, accounts, ledgers, and that loading again changes nothing."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.management import call_command
from django.db import connection
from django.db.models import F, Q, Sum
from django.test import Client, RequestFactory
from django.urls import reverse

from budgets.enums import PAYMENT_KINDS, SourceKind
from budgets.models import HeldEntry, LedgerEntry, ProjectYear, VanishedEntry, YearTotals
from core.services import Refused
from organisations.enums import Role
from organisations.models import Membership, Organisation, User
from qingtian_perf.demo import PASSWORD, accounts
from qingtian_perf.demo.county import BUREAU_CODE, RENAMED
from qingtian_perf.demo.loading import ANSWER, load

PAYMENTS = Q(kind__in=PAYMENT_KINDS)


def fingerprint() -> dict[str, Any]:
    """Rows and a digest of every table of the house."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{table}\" AS t")
            found[table] = cursor.fetchone()
    return found


def test_answer_names_what_there_is(demo: dict[str, Any]) -> None:
    assert demo["departments"] == 101
    assert demo["created"] > 40_000
    assert all(1750 <= demo["projects_by_year"][str(year)] <= 1850 for year in (2022, 2023))
    assert demo["projects"] == sum(demo["projects_by_year"].values()) == ProjectYear.objects.count()
    assert tuple(demo) == ANSWER


def test_loading_again_changes_nothing(demo: dict[str, Any]) -> None:
    before, out = fingerprint(), StringIO()
    call_command("load_demo", "--json", stdout=out, verbosity=0)
    answer = json.loads(out.getvalue())
    assert answer["created"] == 0
    assert {key: answer[key] for key in answer if key != "created"} == {
        key: demo[key] for key in demo if key != "created"
    }
    assert fingerprint() == before


@pytest.mark.parametrize(("label", "username", "password", "hint"), accounts())
def test_shown_accounts_log_in_and_hold_a_role_today(
    demo: dict[str, Any], label: str, username: str, password: str, hint: str
) -> None:
    user = authenticate(RequestFactory().post("/login/"), username=username, password=password)
    assert user is not None, label
    assert user.role_set
    assert not user.password_expired
    assert hint


def test_login_page_takes_an_account(demo: dict[str, Any], client: Client) -> None:
    _, username, password, _ = accounts()[0]
    answer = client.post(reverse("login"), {"username": username, "password": password})
    assert (answer.status_code, answer["Location"]) == (302, reverse("desk"))
    assert client.session["_auth_user_id"] == str(User.objects.get(username=username).pk)


def test_accounts_show_every_role() -> None:
    assert len({username for _, username, _, _ in accounts()}) == len(accounts()) == 13


def test_every_role_is_held(demo: dict[str, Any]) -> None:
    assert set(Membership.objects.values_list("role", flat=True)) == set(Role.values)


def test_shared_password_obeys_the_rules(demo: dict[str, Any]) -> None:
    for username in ("jixiao", "tianbao214"):
        validate_password(PASSWORD, User(username=username))


def test_two_people_in_the_performance_section(demo: dict[str, Any]) -> None:
    assert Membership.objects.filter(role=Role.PERFORMANCE_SECTION).count() == 2


def test_renamed_department_has_dated_names(demo: dict[str, Any]) -> None:
    department = Organisation.objects.get(code=RENAMED.code)
    assert department.name_on(date(2023, 6, 30)) == RENAMED.earlier
    assert department.name_on(date(2023, 7, 1)) == department.name != RENAMED.earlier


def test_rows_say_that_they_are_invented(demo: dict[str, Any]) -> None:
    assert "演示数据" in Organisation.objects.get(code=BUREAU_CODE).short_name
    imported = LedgerEntry.objects.exclude(source__kind=SourceKind.SYSTEM)
    assert imported.count() > 40_000
    assert not imported.exclude(summary__startswith="演示数据").exists()


def test_totals_are_those_of_the_ledger(demo: dict[str, Any]) -> None:
    booked = LedgerEntry.objects.aggregate(total=Sum("amount", filter=~PAYMENTS), paid=Sum("amount", filter=PAYMENTS))
    kept = YearTotals.objects.aggregate(total=Sum("adjusted"), paid=Sum("paid"))
    assert kept == booked
    assert kept["paid"] > Decimal("10_0000_0000")


def test_ledger_runs_to_the_end_of_each_year(demo: dict[str, Any]) -> None:
    for year in (2022, 2023):
        dates = LedgerEntry.objects.filter(project_year__fiscal_year=year).dates("date", "month")
        assert [day.month for day in dates] == list(range(1, 13))
        assert {day.year for day in dates} == {year}


def test_execution_is_plausible(demo: dict[str, Any]) -> None:
    """County-wide about two thirds are spent by September and nearly all by December; single lines differ widely."""
    months = sum((F(f"paid_{month:02}") for month in range(2, 10)), F("paid_01"))
    lines = YearTotals.objects.filter(project_year__fiscal_year=2023, adjusted__gt=0)
    sums = lines.aggregate(budget=Sum("adjusted"), september=Sum(months), december=Sum("paid"))
    assert Decimal("0.55") < sums["september"] / sums["budget"] < Decimal("0.75")
    assert Decimal("0.90") < sums["december"] / sums["budget"] < 1
    assert lines.filter(paid=F("adjusted")).count() > 200
    assert lines.filter(paid__lt=F("adjusted") * Decimal("0.9")).count() > 200


def test_some_rows_wait_for_a_person(demo: dict[str, Any]) -> None:
    assert HeldEntry.objects.filter(claimed_entry=None).count() == 4
    assert VanishedEntry.objects.filter(state="open").count() == 1
    assert YearTotals.objects.filter(allocation="", project_year__fiscal_year=2023).count() > 20


def test_selections_of_the_report(demo: dict[str, Any]) -> None:
    sampled = ProjectYear.objects.of_year(2022).filter(is_sampled=True)
    assert sampled.count() == 217
    assert sampled.values("department").distinct().count() == 11
    assert YearTotals.objects.filter(project_year__in=sampled).aggregate(s=Sum("adjusted"))["s"] == 358_000_000


def test_refuses_a_database_with_a_real_bureau(demo: dict[str, Any]) -> None:
    Organisation.objects.filter(code=BUREAU_CODE).update(code="331121000")
    before = fingerprint()
    with pytest.raises(Refused, match="已有正式机构或用户"):
        load()
    assert fingerprint() == before


@pytest.mark.parametrize("name", ["bureau", ""])
def test_refuses_any_database_but_its_own(name: str, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DATABASE = name
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("load_demo", "--json", stdout=out)
    assert ended.value.code == 1
    answer = json.loads(out.getvalue())
    assert answer["errors"][0]["code"] == "not_demo"
    assert set(answer) == set(ANSWER)
    assert "演示数据只能载入演示数据库" in capsys.readouterr().err
