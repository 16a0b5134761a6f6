"""`load_demo` killed in the middle, again and again, ends in the same county as an undisturbed load."""

import signal
import sys
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from django.db import connection

from tests.system.conftest import House, house, ready  # noqa: F401 - the fixture

# What the county looks like without ids and times.
QUERIES = {
    "organisations": "SELECT kind, code, name, short_name, is_active FROM organisations_organisation",
    "names": "SELECT name, valid_from, valid_to FROM organisations_organisationname",
    "users": "SELECT username, full_name, is_active FROM organisations_user",
    "roles": "SELECT u.username, o.code, m.role, m.valid_from FROM organisations_membership m "
    "JOIN organisations_user u ON u.id = m.user_id JOIN organisations_organisation o ON o.id = m.organisation_id",
    "projects": "SELECT p.code, y.fiscal_year, y.name, o.code, y.category, y.kind, y.marks, y.is_key, y.is_sampled "
    "FROM budgets_projectyear y JOIN budgets_project p ON p.id = y.project_id "
    "JOIN organisations_organisation o ON o.id = y.unit_id",
    "ledger": r"SELECT s.name, regexp_replace(e.source_key, '(recovery|offset):\d+', '\1'), e.revision, p.code, "
    "e.kind, e.amount, e.date, e.allocation, e.vintage, e.is_reversal FROM budgets_ledgerentry e "
    "JOIN budgets_source s ON s.id = e.source_id JOIN budgets_projectyear y ON y.id = e.project_year_id "
    "JOIN budgets_project p ON p.id = y.project_id",
    "held": "SELECT project_code, amount, date FROM budgets_heldentry",
    "vanished": "SELECT e.source_key, v.state FROM budgets_vanishedentry v "
    "JOIN budgets_ledgerentry e ON e.id = v.entry_id",
    "commitments": "SELECT amount, reason, evidence FROM budgets_commitment",
    "rules": "SELECT fiscal_year, number, state, as_of, rate_below, exempt_marks FROM monitoring_recoveryrule",
    "runs": "SELECT as_of, projects_examined, lines_found, recoverable, opinion_deadline FROM monitoring_recoveryrun",
    "lines": "SELECT r.as_of, p.code, l.allocation, l.state, l.status, l.adjusted, l.paid, l.recoverable, l.verdict, "
    "l.reviewed, l.decided, l.document_number, l.executed_on, l.version FROM monitoring_recoveryline l "
    "JOIN monitoring_recoveryrun r ON r.id = l.run_id JOIN budgets_projectyear y ON y.id = l.project_year_id "
    "JOIN budgets_project p ON p.id = y.project_id",
    "flow": "SELECT p.code, f.actor_name, f.action, f.from_state, f.to_state, f.comment, f.warning, f.version "
    "FROM monitoring_recoverylineflow f JOIN monitoring_recoveryline l ON l.id = f.subject_id "
    "JOIN budgets_projectyear y ON y.id = l.project_year_id JOIN budgets_project p ON p.id = y.project_id",
    "opinions": "SELECT party, stance, accepted, must_pay, text FROM monitoring_opinion",
    "notices": "SELECT title, code, year, serial, state, context FROM notices_notice",
    "parts": "SELECT name, part, confirmed_at IS NULL FROM notices_recipient",
}
# Steps in whose middle the process is killed: the line that tells of the step before.
MOMENTS = ("机构", "2022 年度项目与流水", "征求意见", "预算科确认执行", "按导入流水认定执行")


def county(cursor: Any) -> dict[str, tuple[int, str]]:
    found = {}
    for name, query in QUERIES.items():
        rows = "string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")"
        cursor.execute(f"SELECT count(*), md5(coalesce({rows}, '')) FROM ({query}) AS t")
        found[name] = cursor.fetchone()
    return found


@pytest.mark.system
def test_killed_in_the_middle_it_completes(demo: dict[str, Any], house: House) -> None:  # noqa: F811
    ready(house.client())
    manage: Callable[..., Any] = lambda *words: house.start([sys.executable, "manage.py", *words])  # noqa: E731
    said, _ = manage("migrate", "-v0").communicate(timeout=180)
    for moment in MOMENTS:
        process = manage("load_demo")
        for line in process.stdout:
            if line.startswith(f"{moment}：") or "created" in line:
                break
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    process = manage("load_demo", "--json")
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    address = f"host={house.local / 'sockets'} user=postgres dbname=qingtian_demo"
    with psycopg2.connect(address) as other, other.cursor() as there, connection.cursor() as here:
        assert county(there) == county(here)
    other.close()
