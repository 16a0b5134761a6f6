"""Recovery over a whole county's ledger: a run of ours against one bare SQL statement, and against an ORM loop.

The tables are filled in a scratch database by SQL: each project-year has one budget entry, one supplement and eight
payments on one 指标. Every tenth lies below the limit, about as many as in a county. The bare statement does what
somebody would write by hand for exactly these rows (no exemptions, no declared 本年必须支付, no project-level lines, a
month's end) into the same tables, and records the same counts of entries; so both sides end with equal lines and an
equal run.
"""

from __future__ import annotations

import os
import time
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bench.harness import Row, alternate, main, prove, row

YEAR = 2023
AS_OF = date(YEAR, 9, 30)
SIZES = [int(size) for size in os.environ.get("BENCH_RECOVERY_SIZES", "10000,1000000").split(",")]
SLICE = 2_000

_FILL = """
INSERT INTO budgets_project (id, code, name, initials) SELECT n, 'B' || lpad(n::text, 8, '0'), '项目' || n, ''
FROM generate_series(1, %(count)s) n;
INSERT INTO budgets_projectyear (id, project_id, fiscal_year, name, unit_id, department_id, category, kind,
    fund_source, fund_level, is_key, is_sampled, marks)
SELECT n, n, %(year)s, '项目' || n, %(unit)s, %(department)s, '3', 'new', '一般公共预算', 'own', FALSE, FALSE, '[]'
FROM generate_series(1, %(count)s) n;
INSERT INTO budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, recorded_at)
SELECT n, %(source)s, n || ':' || k, 1, FALSE,
    CASE k WHEN 1 THEN 'initial' WHEN 2 THEN 'supplement' ELSE 'payment' END,
    CASE WHEN k <= 2 THEN 500000 WHEN n %% 10 = 0 THEN 1000 + n %% 49000 ELSE 80000 + n %% 20000 END,
    make_date(%(year)s, k, 1 + n %% 27), 'Z' || n, %(year)s, '一般公共预算', 'own', '', '', '', now()
FROM generate_series(%(low)s, %(high)s) n, generate_series(1, 10) k ORDER BY n, k;
"""

# By hand: what a person would write for these rows, and no more.
_BARE = """
WITH found AS (
    SELECT t.project_year_id, t.allocation, t.adjusted, s.paid,
        floor((t.adjusted - s.paid) / 100) * 100 AS amount
    FROM budgets_yeartotals t
    JOIN budgets_projectyear y ON y.id = t.project_year_id
    CROSS JOIN LATERAL (SELECT t.paid_01 + t.paid_02 + t.paid_03 + t.paid_04 + t.paid_05 + t.paid_06 + t.paid_07
        + t.paid_08 + t.paid_09 AS paid) s
    WHERE y.fiscal_year = %(year)s AND t.adjusted > 0 AND s.paid < 0.50 * t.adjusted
), stored AS (
    INSERT INTO monitoring_recoveryline (run_id, project_year_id, allocation, adjusted, paid, must_pay, rate, elapsed,
        reason, status, recoverable, exempt_reason, exempt_value, state, version, verdict, execution_allocation,
        document_number)
    SELECT %(run)s, project_year_id, allocation, adjusted, paid, 0, round(paid / adjusted, 4), 0.75, 'rate',
        CASE WHEN amount >= 10000 THEN 'recoverable' ELSE 'below_minimum' END,
        CASE WHEN amount >= 10000 THEN amount ELSE 0 END, '', '',
        CASE WHEN amount >= 10000 THEN 'proposed' ELSE 'noted' END, 1, '', '', ''
    FROM found RETURNING recoverable
), seen AS (
    SELECT COUNT(*) AS entries, SUM(e.amount) FILTER (WHERE e.kind IN ('initial', 'supplement')) AS budget,
        SUM(e.amount) FILTER (WHERE e.kind = 'payment') AS paid
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE y.fiscal_year = %(year)s AND e.date <= %(as_of)s
)
UPDATE monitoring_recoveryrun SET computed_at = now(), lines_found = f.lines, recoverable = f.amount,
    entries_seen = seen.entries, budget_seen = seen.budget, paid_seen = seen.paid,
    projects_examined = (SELECT COUNT(*) FROM budgets_projectyear WHERE fiscal_year = %(year)s)
FROM (SELECT COUNT(*) AS lines, COALESCE(SUM(recoverable), 0) AS amount FROM stored) f, seen WHERE id = %(run)s
"""

_LINES = """
SELECT COUNT(*), SUM(recoverable), md5(string_agg(concat_ws('|', project_year_id, allocation, adjusted, paid, must_pay,
    rate, elapsed, reason, status, recoverable, state), ',' ORDER BY project_year_id))
FROM monitoring_recoveryline WHERE run_id = %s
"""
_RUN = """
SELECT projects_examined, entries_seen, budget_seen, paid_seen, lines_found, recoverable FROM monitoring_recoveryrun
WHERE id = %s
"""


def sql(statement: str, parameters: Any = None) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone() if cursor.description else None


def empty() -> None:
    """An empty scratch database with all tables; never another one."""
    import pgtrigger
    from django.core.management import call_command
    from django.db import connection

    from qingtian_perf.embedded import ensure_database

    name = connection.settings_dict["NAME"]
    assert "bench" in name, name
    ensure_database(name)
    call_command("migrate", verbosity=0)
    with pgtrigger.ignore():
        call_command("flush", interactive=False, verbosity=0)


def fill(count: int) -> Any:
    """`count` project-years with ten entries each; answers the published rule."""
    from budgets.models import Source
    from monitoring.services import draft_rule, publish_rule
    from organisations.models import Organisation

    department = Organisation.objects.create(kind="department", code="D1", name="部门")
    unit = Organisation.objects.create(kind="unit", code="D1001", name="单位", parent=department)
    source = Source.objects.create(name="bench", kind="vouchers")
    parts = _FILL.split(";\n")
    given = {"count": count, "year": YEAR, "unit": unit.pk, "department": department.pk, "source": source.pk}
    for statement in parts[:2]:
        sql(statement, given)
    for low in range(1, count + 1, 100_000):
        sql(parts[2], given | {"low": low, "high": min(count, low + 99_999)})
    for table in ("budgets_project", "budgets_projectyear", "budgets_ledgerentry", "budgets_yeartotals"):
        sql(f"VACUUM ANALYZE {table}")
    return publish_rule(rule=draft_rule(fiscal_year=YEAR, as_of=AS_OF, by=None, rate_below=Decimal("0.50")), by=None)


def new_run(rule: Any) -> Any:
    from monitoring.models import RecoveryRun

    return RecoveryRun.objects.create(rule=rule, fiscal_year=YEAR, as_of=AS_OF)


def clear() -> None:
    """Both sides write into tables of the same state."""
    import pgtrigger

    with pgtrigger.ignore():
        for table in ("monitoring_recoveryline", "monitoring_recoveryrun"):
            sql(f"TRUNCATE {table} CASCADE")


def ours(rule: Any) -> int:
    from monitoring.services import compute

    run = new_run(rule)
    compute(run_id=run.pk)
    return int(run.pk)


def bare(rule: Any) -> int:
    run = new_run(rule)
    sql(_BARE, {"run": run.pk, "year": YEAR, "as_of": AS_OF})
    return int(run.pk)


def orm_loop(rule: Any) -> int:
    """Object by object, as a first draft would be written, on a slice of the projects."""
    from budgets.enums import PAYMENT_KINDS
    from budgets.models import LedgerEntry, ProjectYear
    from monitoring.models import RecoveryLine

    run = new_run(rule)
    for year in ProjectYear.objects.filter(fiscal_year=YEAR).order_by("pk")[:SLICE]:
        entries = list(LedgerEntry.objects.filter(project_year=year, date__lte=AS_OF))
        adjusted = sum(e.amount for e in entries if e.kind not in PAYMENT_KINDS)
        paid = sum(e.amount for e in entries if e.kind in PAYMENT_KINDS)
        if adjusted <= 0 or paid >= rule.rate_below * adjusted:
            continue
        amount = (adjusted - paid) // 100 * 100
        enough = amount >= rule.minimum
        RecoveryLine.objects.create(
            run=run,
            project_year=year,
            allocation=entries[0].allocation,
            adjusted=adjusted,
            paid=paid,
            must_pay=0,
            rate=(paid / adjusted).quantize(Decimal("0.0001"), ROUND_HALF_UP),
            elapsed=Decimal("0.75"),
            reason="rate",
            status="recoverable" if enough else "below_minimum",
            recoverable=amount if enough else 0,
            state="proposed" if enough else "noted",
        )
    return int(run.pk)


def state(run_id: int) -> tuple[Any, ...]:
    return (*sql(_LINES, [run_id]), *sql(_RUN, [run_id]))


def _same(rule: Any, size: int) -> None:
    first, second = state(ours(rule)), state(bare(rule))
    prove(first == second, f"{size}: ours {first} and the bare statement {second} differ")
    prove(first[0] > size // 20, f"{size}: only {first[0]} lines, nothing to compare")
    clear()


def _loop_agrees(rule: Any) -> None:
    condition = f"AND project_year_id <= {SLICE}"
    slice_ = _LINES.replace("WHERE run_id = %s", f"WHERE run_id = %s {condition}")
    found = [sql(slice_, [run]) for run in (ours(rule), orm_loop(rule))]
    prove(found[0] == found[1], f"the ORM loop differs: {found}")
    clear()


def rows() -> list[Row]:
    found: list[Row] = []
    ratios: dict[int, float] = {}
    for size in SIZES:
        empty()
        rule = fill(size)
        _same(rule, size)
        # The clearing is not timed: each side begins with empty tables of runs and lines.
        times = 2 if size >= 1_000_000 else 5
        medians = alternate({"ours": lambda r=rule: ours(r), "bare": lambda r=rule: bare(r)}, times=times)
        ratios[size] = medians["ours"] / medians["bare"]
        bound = "≤ 2" if size == max(SIZES) else ""
        note = f"{size:,} project-years, {size * 10:,} entries"
        found.append(
            row("recovery", "run ÷ bare SQL", ours=medians["ours"], peer=medians["bare"], bound=bound, note=note)
        )
        clear()
        if size == max(SIZES):
            _loop_agrees(rule)
            start = time.perf_counter()
            orm_loop(rule)
            each = (time.perf_counter() - start) / SLICE
            found.append(
                row(
                    "recovery",
                    "per project ÷ ORM loop",
                    ours=medians["ours"] / size * 1e6,
                    peer=each * 1e6,
                    bound="≥ 250",
                    unit="µs",
                    note=f"loop over {SLICE:,} projects",
                )
            )
    low, high = min(SIZES), max(SIZES)
    found.append(
        row(
            "recovery",
            f"ratio at {high:,} ÷ ratio at {low:,}",
            ours=ratios[high],
            peer=ratios[low],
            bound="≤ 1.15",
            unit="×",
        )
    )
    return found


if __name__ == "__main__":
    main(rows)
