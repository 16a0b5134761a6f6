"""The one statement that says which lines are candidates for recovery and for how much.

Run, what-if, preview and decision all select from `statement`; nothing else computes the figure. Money is yuan.

A project-year whose entries all name their 指标 is judged by 指标 line; otherwise as one line without 指标. As of a
date: whole months of payments come from the month columns of `YearTotals`, the days of a broken month from the
ledger, and budget entries dated later are taken off again (partial index `budgets_entry_budget_date`). Limits are
compared by multiplication, so no rounding decides. 本年必须支付 declared for the project as a whole, or for a 指标
that has no line, is deducted from the candidates in order of 指标 until it is used up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction

from budgets.enums import BUDGET_KINDS, PAYMENT_KINDS, EntryKind, FundLevel, ProjectCategory
from monitoring.enums import Exemption, Level, LineState, LineStatus, Vintage
from monitoring.rules import Inputs, RuleSet, elapsed, elapsed_months, explain

_LEVELS = {Level.OWN: FundLevel.OWN, Level.HIGHER: FundLevel.HIGHER}


@dataclass(frozen=True)
class Question:
    """A rule set asked of one fiscal year as of a date; `project_years` (ids) narrows it."""

    rules: RuleSet
    fiscal_year: int
    as_of: date
    project_years: tuple[int, ...] | None = None

    @property
    def months(self) -> int:
        return elapsed_months(self.fiscal_year, self.as_of)

    def with_rate(self, rate_below: Decimal) -> Question:
        return replace(self, rules=replace(self.rules, rate_below=rate_below))


class Candidate(NamedTuple):
    """One line of `statement`, with the names that people know it by. `rate` has four decimals."""

    project_year_id: int
    allocation: str | None
    adjusted: Decimal
    paid: Decimal
    must_pay: Decimal
    rate: Decimal
    elapsed: Decimal
    reason: str
    status: str
    recoverable: Decimal
    exempt_reason: str
    exempt_value: str
    project_code: str = ""
    project_name: str = ""
    department: str = ""
    division: str | None = None

    @property
    def exempt_text(self) -> str:
        """What exempts the line, in words: a category's label, a fund source, a mark."""
        if self.exempt_reason == Exemption.CATEGORY:
            return str(ProjectCategory(self.exempt_value).label)
        return self.exempt_value

    def explanation(self, question: Question, rule_name: str) -> str:
        line = Inputs(
            as_of=question.as_of,
            months=question.months,
            adjusted=self.adjusted,
            paid=self.paid,
            must_pay=self.must_pay,
            status=self.status,
            reason=self.reason,
            recoverable=self.recoverable,
            exempt_reason=self.exempt_reason,
            exempt_value=self.exempt_text,
        )
        return explain(line, question.rules, rule_name)


COLUMNS = Candidate._fields[:12]
_NAMES = Candidate._fields[12:]


class Sums(NamedTuple):
    """Totals over all candidates of a question."""

    lines: int
    projects: int
    departments: int
    recoverable: Decimal
    exempt: int
    below_minimum: int


def statement(question: Question) -> tuple[str, dict[str, Any]]:
    """`WITH …` ending in the table expression `judged` with `COLUMNS`, and its parameters."""
    rules, months = question.rules, question.months
    parameters: dict[str, Any] = {
        "year": question.fiscal_year,
        "as_of": question.as_of,
        "month_start": _month_start(question),
        "rate": rules.rate_below,
        "behind": None if rules.lag_above is None else months - 12 * rules.lag_above,
        "elapsed": elapsed(question.fiscal_year, question.as_of),
        "minimum": rules.minimum,
        "step": rules.round_down_to,
        "categories": list(rules.categories),
        "fund_sources": list(rules.fund_sources),
        "marks": list(rules.marks),
        "only": list(question.project_years or ()),
    }
    pieces = {
        "budget_kinds": _quoted(BUDGET_KINDS),
        "broken_month": _broken_month(question),
        "paid": _paid(question),
        "mine": "t.project_year_id = ANY(%(only)s)" if question.project_years is not None else "TRUE",
        "low": "FALSE" if rules.rate_below is None else "l.paid < %(rate)s * l.adjusted",
        "behind": "FALSE" if rules.lag_above is None else "12 * l.paid < %(behind)s * l.adjusted",
        "scope": " AND ".join(_scope(question)),
        "exempt_value": _exempt_value(rules),
    }
    return _STATEMENT.format(**pieces), parameters


def _month_start(question: Question) -> date | None:
    """The first day of the month that `as_of` breaks, or None where it is a month's last day or outside the year."""
    day = question.as_of
    if day.year != question.fiscal_year or (day + timedelta(days=1)).month != day.month:
        return None
    return day.replace(day=1)


def _quoted(kinds: Sequence[str]) -> str:
    # Literals, as in the partial index: the planner must see that the index covers the condition.
    return ", ".join(f"'{EntryKind(kind).value}'" for kind in kinds)


def _paid(question: Question) -> str:
    months = question.months
    columns = "t.paid" if months == 12 else " + ".join(f"t.paid_{month:02d}" for month in range(1, months + 1))
    broken = " + COALESCE(broken.amount, 0)" if _month_start(question) else ""
    return f"{columns or '0'}{broken}"


def _broken_month(question: Question) -> str:
    if _month_start(question) is None:
        return "SELECT NULL::bigint AS project_year_id, NULL::text AS allocation, 0::numeric AS amount WHERE FALSE"
    return _BROKEN_MONTH.format(payment_kinds=_quoted(PAYMENT_KINDS))


def _scope(question: Question) -> Iterator[str]:
    """Money whose level or year is unknown or mixed is looked at only where the rule looks at every kind."""
    levels = [_LEVELS[Level(name)].value for name in question.rules.levels]
    if len(levels) < len(_LEVELS):
        yield f"COALESCE(NULLIF(l.fund_level, ''), y.fund_level) = '{levels[0]}'"
    if tuple(question.rules.vintages) == (Vintage.CURRENT,):
        yield "(l.vintage = %(year)s OR (l.vintage IS NULL AND l.carried = 0))"
    elif tuple(question.rules.vintages) == (Vintage.CARRIED,):
        yield (
            "((l.vintage > 0 AND l.vintage < %(year)s) "
            "OR (l.vintage IS NULL AND l.carried <> 0 AND l.carried = l.adjusted))"
        )
    yield "TRUE"


def _exempt_value(rules: RuleSet) -> str:
    """The value that exempts a line, in the fixed order category, fund source, mark; prefixed by its code."""
    cases = []
    if rules.categories:
        cases.append(f"WHEN c.category = ANY(%(categories)s) THEN '{Exemption.CATEGORY.value}:' || c.category")
    if rules.fund_sources:
        cases.append(
            f"WHEN c.fund_source = ANY(%(fund_sources)s) THEN '{Exemption.FUND_SOURCE.value}:' || c.fund_source"
        )
    if rules.marks:
        cases.append(
            f"WHEN c.marks ?| %(marks)s THEN '{Exemption.MARK.value}:' || (SELECT m.mark FROM "  # noqa: S608
            "unnest(%(marks)s) WITH ORDINALITY AS m(mark, place) WHERE c.marks ? m.mark ORDER BY m.place LIMIT 1)"
        )
    return f"CASE {' '.join(cases)} ELSE '' END" if cases else "''"


_BROKEN_MONTH = """
    SELECT e.project_year_id, e.allocation, SUM(e.amount) AS amount
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE y.fiscal_year = %(year)s AND e.kind IN ({payment_kinds})
        AND e.date BETWEEN %(month_start)s AND %(as_of)s
    GROUP BY e.project_year_id, e.allocation"""

# `mixed`: project-years with both named and unnamed 指标.
_STATEMENT = """
WITH later AS (
    SELECT e.project_year_id, e.allocation, SUM(e.amount) AS amount,
        COALESCE(SUM(e.amount) FILTER (WHERE e.kind = 'carried_over'), 0) AS carried
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE y.fiscal_year = %(year)s AND e.kind IN ({budget_kinds}) AND e.date > %(as_of)s
    GROUP BY e.project_year_id, e.allocation
), broken AS ({broken_month}
), mixed AS (
    SELECT t.project_year_id FROM budgets_yeartotals t WHERE {mine}
    GROUP BY t.project_year_id HAVING COUNT(*) > 1 AND MIN(t.allocation) = ''
), as_it_was AS NOT MATERIALIZED (
    SELECT t.project_year_id, t.allocation, t.vintage, t.fund_source, t.fund_level,
        t.adjusted - COALESCE(later.amount, 0) AS adjusted,
        t.carried_over - COALESCE(later.carried, 0) AS carried,
        {paid} AS paid
    FROM budgets_yeartotals t
    LEFT JOIN later ON later.project_year_id = t.project_year_id AND later.allocation = t.allocation
    LEFT JOIN broken ON broken.project_year_id = t.project_year_id AND broken.allocation = t.allocation
    WHERE {mine}
), lines AS NOT MATERIALIZED (
    SELECT w.project_year_id, NULLIF(w.allocation, '') AS allocation, w.vintage, w.fund_source, w.fund_level,
        w.adjusted, w.carried, w.paid
    FROM as_it_was w WHERE NOT EXISTS (SELECT 1 FROM mixed WHERE mixed.project_year_id = w.project_year_id)
    UNION ALL
    SELECT w.project_year_id, NULL,
        CASE WHEN MIN(w.vintage) = MAX(w.vintage) THEN MIN(w.vintage) WHEN MIN(w.vintage) IS NULL THEN NULL ELSE 0 END,
        CASE WHEN MIN(NULLIF(w.fund_source, '')) = MAX(w.fund_source) THEN MAX(w.fund_source)
            WHEN MAX(w.fund_source) = '' THEN '' ELSE '*' END,
        CASE WHEN MIN(NULLIF(w.fund_level, '')) = MAX(w.fund_level) THEN MAX(w.fund_level)
            WHEN MAX(w.fund_level) = '' THEN '' ELSE '*' END,
        SUM(w.adjusted), SUM(w.carried), SUM(w.paid)
    FROM as_it_was w JOIN mixed ON mixed.project_year_id = w.project_year_id
    GROUP BY w.project_year_id
), candidates AS NOT MATERIALIZED (
    SELECT l.project_year_id, l.allocation, l.adjusted, l.paid, y.category, y.marks,
        COALESCE(NULLIF(NULLIF(l.fund_source, ''), '*'), y.fund_source) AS fund_source,
        {low} AS low, {behind} AS behind
    FROM lines l JOIN budgets_projectyear y ON y.id = l.project_year_id
    WHERE y.fiscal_year = %(year)s AND l.adjusted > 0 AND ({low} OR {behind}) AND {scope}
), declared AS (
    SELECT m.project_year_id, m.allocation, m.amount, t.id IS NULL AS loose
    FROM budgets_commitment m JOIN budgets_projectyear y ON y.id = m.project_year_id AND y.fiscal_year = %(year)s
    LEFT JOIN budgets_yeartotals t ON t.project_year_id = m.project_year_id AND t.allocation = m.allocation
        AND t.allocation <> ''
), must AS (
    SELECT project_year_id, allocation, amount FROM declared WHERE NOT loose
    UNION ALL
    SELECT project_year_id, '', SUM(amount) FROM declared GROUP BY project_year_id
), shares AS (
    SELECT project_year_id, allocation, LEAST(room, GREATEST(0, amount - before)) AS amount
    FROM (
        SELECT r.project_year_id, r.allocation, r.room, r.amount,
            COALESCE(SUM(r.room) OVER (PARTITION BY r.project_year_id ORDER BY r.allocation
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM (
            SELECT c.project_year_id, c.allocation, d.amount,
                GREATEST(0, c.adjusted - c.paid - COALESCE(m.amount, 0)) AS room
            FROM (SELECT project_year_id, SUM(amount) AS amount FROM declared WHERE loose GROUP BY 1) d
            JOIN candidates c ON c.project_year_id = d.project_year_id AND c.allocation IS NOT NULL
            LEFT JOIN must m ON m.project_year_id = c.project_year_id AND m.allocation = c.allocation
        ) r
    ) s
), weighed AS (
    SELECT c.project_year_id, c.allocation, c.adjusted, c.paid,
        COALESCE(m.amount, 0) + COALESCE(s.amount, 0) AS must_pay,
        CASE WHEN c.low AND c.behind THEN 'both' WHEN c.low THEN 'rate' ELSE 'lag' END AS reason,
        {exempt_value} AS exempt,
        div(GREATEST(0, c.adjusted - c.paid - COALESCE(m.amount, 0) - COALESCE(s.amount, 0)), %(step)s::numeric)
            * %(step)s::numeric AS rounded
    FROM candidates c
    LEFT JOIN must m ON m.project_year_id = c.project_year_id AND m.allocation = COALESCE(c.allocation, '')
    LEFT JOIN shares s ON s.project_year_id = c.project_year_id AND s.allocation = c.allocation
), judged AS (
    SELECT project_year_id, allocation, adjusted, paid, must_pay, round(paid / adjusted, 4) AS rate,
        %(elapsed)s::numeric AS elapsed, reason,
        CASE WHEN exempt <> '' THEN 'exempt' WHEN rounded > 0 AND rounded >= %(minimum)s THEN 'recoverable'
            ELSE 'below_minimum' END AS status,
        CASE WHEN exempt = '' AND rounded >= %(minimum)s THEN rounded ELSE 0 END::numeric(18, 2) AS recoverable,
        split_part(exempt, ':', 1) AS exempt_reason,
        substr(exempt, strpos(exempt, ':') + 1) AS exempt_value
    FROM weighed
)
"""

_NAMED = """
SELECT {columns}, p.code, y.name, d.name, v.name
FROM judged j
JOIN budgets_projectyear y ON y.id = j.project_year_id
JOIN budgets_project p ON p.id = y.project_id
JOIN organisations_organisation d ON d.id = y.department_id
LEFT JOIN organisations_organisation v ON v.id = y.division_id
"""


def _fetch(question: Question, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        _plan_for_sets(cursor, question)
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _plan_for_sets(cursor: Any, question: Question) -> None:
    """Local to the transaction, so a pooler in between does no harm.

    Over a whole year only hash and merge joins are right; right after an import the planner has no statistics yet
    and would loop over the whole ledger for each line.
    """
    if question.project_years is None:
        cursor.execute("SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '128MB'")


def candidates(
    question: Question, *, limit: int | None = None, offset: int = 0, order: str = "code"
) -> list[Candidate]:
    """All candidates in order of project code and 指标, or by `order="amount"` the largest first."""
    sql, parameters = statement(question)
    sql += _NAMED.format(columns=", ".join(f"j.{name}" for name in COLUMNS))
    sql += "ORDER BY " + ("p.code" if order == "code" else "j.recoverable DESC, j.adjusted DESC, p.code")
    sql += ", j.allocation NULLS FIRST"
    if limit is not None:
        sql += " LIMIT %(limit)s OFFSET %(offset)s"
        parameters |= {"limit": limit, "offset": offset}
    return [Candidate(*row) for row in _fetch(question, sql, parameters)]


def sums(question: Question) -> Sums:
    """Totals over all candidates, in one query."""
    sql, parameters = statement(question)
    sql += f"""
        SELECT COUNT(*), COUNT(DISTINCT j.project_year_id) FILTER (WHERE j.recoverable > 0),
            COUNT(DISTINCT y.department_id) FILTER (WHERE j.recoverable > 0), COALESCE(SUM(j.recoverable), 0),
            COUNT(*) FILTER (WHERE j.status = '{LineStatus.EXEMPT.value}'),
            COUNT(*) FILTER (WHERE j.status = '{LineStatus.BELOW_MINIMUM.value}')
        FROM judged j JOIN budgets_projectyear y ON y.id = j.project_year_id"""  # noqa: S608 - our own constants
    return Sums(*_fetch(question, sql, parameters)[0])


def curve(question: Question, rates: Sequence[Decimal]) -> list[tuple[Decimal, Decimal, int]]:
    """(rate limit, recoverable, lines) for each of `rates`, all from one pass: what other limits would bring.

    Amounts do not depend on the limit, only which lines are in; so lines are found at the highest limit and counted
    at each that they are under. A lag limit of the rule goes on applying beside it.
    """
    sql, parameters = statement(question.with_rate(max(rates)))
    behind = "FALSE" if question.rules.lag_above is None else "12 * j.paid < %(behind)s * j.adjusted"
    sql += f"""
        SELECT limits.rate, COALESCE(SUM(j.recoverable), 0), COUNT(j.project_year_id)
        FROM unnest(%(rates)s::numeric[]) AS limits(rate)
        LEFT JOIN judged j ON j.recoverable > 0 AND (j.paid < limits.rate * j.adjusted OR {behind})
        GROUP BY limits.rate ORDER BY limits.rate"""  # noqa: S608
    found = _fetch(question, sql, parameters | {"rates": list(rates)})
    return [(rate, amount, lines) for rate, amount, lines in found]


class BackTest(NamedTuple):
    """What the same rule would have said a year earlier of lines nobody recovered.

    `unspent` of the `hits` still had at least the proposed amount left at the year's end.
    """

    hits: int
    unspent: int
    amount: Decimal
    amount_unspent: Decimal


def back_test(question: Question) -> BackTest:
    """去年回测, from the rows of the year before at the same month and day."""
    year = question.fiscal_year - 1
    day = question.as_of
    last = day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
    sql, parameters = statement(replace(question, fiscal_year=year, as_of=last))
    sql += """
        SELECT COUNT(*), COUNT(*) FILTER (WHERE e.unspent >= j.recoverable), COALESCE(SUM(j.recoverable), 0),
            COALESCE(SUM(j.recoverable) FILTER (WHERE e.unspent >= j.recoverable), 0)
        FROM judged j
        CROSS JOIN LATERAL (
            SELECT SUM(t.adjusted - t.paid) AS unspent, SUM(t.recovered) AS recovered FROM budgets_yeartotals t
            WHERE t.project_year_id = j.project_year_id AND (j.allocation IS NULL OR t.allocation = j.allocation)
        ) e
        WHERE j.recoverable > 0 AND e.recovered = 0"""
    return BackTest(*_fetch(question, sql, parameters)[0])


class Unclaimed(NamedTuple):
    """待认领 payments up to a date: beside every total, attributed to no project."""

    rows: int
    amount: Decimal


def unclaimed(fiscal_year: int, as_of: date) -> Unclaimed:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*), COALESCE(SUM(amount), 0) FROM budgets_heldentry WHERE fiscal_year = %s AND date <= %s "  # noqa: S608
            f"AND claimed_entry_id IS NULL AND kind IN ({_quoted(PAYMENT_KINDS)})",
            [fiscal_year, as_of],
        )
        return Unclaimed(*cursor.fetchone())


def projects_examined(fiscal_year: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM budgets_projectyear WHERE fiscal_year = %s", [fiscal_year])
        found: int = cursor.fetchone()[0]
        return found


def store_run(run_id: int, question: Question) -> int:
    """Fill a run: its lines and what it saw, in one statement and so from one snapshot. Returns the lines written.

    Writes nothing where the run was computed already. The caller holds the transaction.
    """
    sql, parameters = statement(question)
    columns = ", ".join(COLUMNS)
    sql += _STORE.format(
        columns=columns,
        selected=", ".join(f"j.{name}" for name in COLUMNS),
        payment_kinds=_quoted(PAYMENT_KINDS),
        proposed=LineState.PROPOSED.value,
        noted=LineState.NOTED.value,
        recoverable=LineStatus.RECOVERABLE.value,
    )
    with connection.cursor() as cursor:
        _plan_for_sets(cursor, question)
        cursor.execute(sql, parameters | {"run": run_id})
        found = cursor.fetchone()
        return int(found[0]) if found else 0


_STORE = """
, stored AS (
    INSERT INTO monitoring_recoveryline (run_id, {columns}, state, version, verdict, execution_allocation,
        document_number)
    SELECT %(run)s, {selected}, CASE WHEN j.status = '{recoverable}' THEN '{proposed}' ELSE '{noted}' END, 1, '', '', ''
    FROM judged j
    WHERE EXISTS (SELECT 1 FROM monitoring_recoveryrun r WHERE r.id = %(run)s AND r.computed_at IS NULL)
    ORDER BY j.project_year_id, j.allocation
    RETURNING recoverable
), found AS (
    SELECT COUNT(*) AS lines, COALESCE(SUM(recoverable), 0) AS amount FROM stored
), seen AS (
    SELECT (
            SELECT COUNT(*) FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
            WHERE y.fiscal_year = %(year)s AND e.date <= %(as_of)s
        ) AS entries,
        COALESCE(SUM(w.adjusted), 0) AS budget, COALESCE(SUM(w.paid), 0) AS paid
    FROM as_it_was w JOIN budgets_projectyear y ON y.id = w.project_year_id WHERE y.fiscal_year = %(year)s
), held AS (
    SELECT COALESCE(SUM(h.amount), 0) AS amount FROM budgets_heldentry h
    WHERE h.fiscal_year = %(year)s AND h.date <= %(as_of)s AND h.claimed_entry_id IS NULL
        AND h.kind IN ({payment_kinds})
), sources AS (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('name', s.name, 'as_of', b.as_of, 'imported_at', b.imported_at)
        ORDER BY s.name), '[]'::jsonb) AS labels
    FROM (
        SELECT DISTINCT ON (source_id) source_id, as_of, imported_at FROM budgets_importbatch
        WHERE fiscal_year = %(year)s ORDER BY source_id, id DESC
    ) b JOIN budgets_source s ON s.id = b.source_id AND s.kind <> 'system'
)
UPDATE monitoring_recoveryrun r SET computed_at = now(), lines_found = found.lines, recoverable = found.amount,
    entries_seen = seen.entries, budget_seen = seen.budget, paid_seen = seen.paid, unclaimed_seen = held.amount,
    batches = sources.labels,
    projects_examined = (SELECT COUNT(*) FROM budgets_projectyear y WHERE y.fiscal_year = %(year)s)
FROM found, seen, held, sources
WHERE r.id = %(run)s AND r.computed_at IS NULL
RETURNING r.lines_found
"""
