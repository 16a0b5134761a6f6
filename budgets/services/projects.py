"""Projects, their years and their budget columns: one COPY into a staging table, then a few statements over sets.

A budget column of a project table is cumulative: what is posted is the difference to what is already there, as a
further revision of the same source key. Undated amounts count from 1 January of their fiscal year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction

from budgets.models import Source
from budgets.services import staging
from budgets.services.results import Counts, Problem, RowsRefused
from core.pinyin import initials


class ProjectRow(NamedTuple):
    """One project in one fiscal year. Money in yuan, signed or not: 调减 and 调剂转出 lower the budget either way.

    `unit`, `department`, `division` are codes; where a code is "" the exact name beside it is looked up; where both
    are "" the department is the unit's own and the division the department's 归口科室. An amount of None makes no
    statement (what is posted stays), 0 says zero. `kind` "" is worked out: 延续 if the project has an earlier year.
    `is_key`, `is_sampled`, `marks` of None leave what is there. `users` are codes of further 使用单位.
    `place` is the caller's row number, given back in problems.
    """

    code: str
    name: str
    unit: str = ""
    category: str = "3"
    kind: str = ""
    fund_source: str = ""
    fund_level: str = ""
    initial: Decimal | None = None
    carried_over: Decimal | None = None
    supplements: Decimal | None = None
    reductions: Decimal | None = None
    transfers_in: Decimal | None = None
    transfers_out: Decimal | None = None
    adjustment: Decimal | None = None
    unit_name: str = ""
    department: str = ""
    department_name: str = ""
    division: str = ""
    division_name: str = ""
    users: Sequence[str] | None = None
    start_year: int | None = None
    term: int | None = None
    is_key: bool | None = None
    is_sampled: bool | None = None
    marks: Sequence[str] | None = None
    place: int | None = None


_COLUMNS = (
    ("code", "text"),
    ("name", "text"),
    ("unit", "text"),
    ("category", "text"),
    ("kind", "text"),
    ("fund_source", "text"),
    ("fund_level", "text"),
    ("initial", "numeric(18,2)"),
    ("carried_over", "numeric(18,2)"),
    ("supplements", "numeric(18,2)"),
    ("reductions", "numeric(18,2)"),
    ("transfers_in", "numeric(18,2)"),
    ("transfers_out", "numeric(18,2)"),
    ("adjustment", "numeric(18,2)"),
    ("unit_name", "text"),
    ("department", "text"),
    ("department_name", "text"),
    ("division", "text"),
    ("division_name", "text"),
    ("users", "text"),
    ("start_year", "smallint"),
    ("term", "smallint"),
    ("is_key", "boolean"),
    ("is_sampled", "boolean"),
    ("marks", "jsonb"),
    ("place", "bigint"),
    ("initials", "text"),
)
_USERS, _MARKS = ProjectRow._fields.index("users"), ProjectRow._fields.index("marks")


def upsert_projects(
    *,
    rows: Iterable[ProjectRow],
    source: Source,
    fiscal_year: int,
    as_of: date,
    by: Any,
    adjusted_on: date | None = None,
    files: Sequence[Any] = (),
    write: bool = True,
) -> Counts:
    """Create or change the projects of one fiscal year and post their budget columns. All rows or none.

    `as_of` is the 截至日 shown beside the figures. 追加, 调减, 调剂 and 调整数 are dated `adjusted_on`, by default
    1 January. Held payments of a project that now has its year are claimed. `write=False` checks and counts only; an
    unsaved `source` is created with the first rows. Raises `RowsRefused` with every problem.
    """
    with transaction.atomic():
        source = staging.begin(source)
        counts = Counts(rows=staging.stage("incoming_projects", _COLUMNS, _staged(rows)))
        if found := [*_row_problems(), *_organisation_problems()]:
            raise RowsRefused(found, rows=counts.rows)
        staging.drop("resolved_projects")
        staging.execute(_RESOLVE, {"year": fiscal_year})
        staging.execute("ANALYZE resolved_projects")
        _plan_amounts(source=source, fiscal_year=fiscal_year, adjusted_on=adjusted_on or date(fiscal_year, 1, 1))
        counts.warnings.extend([*_name_warnings(), *_budget_twice(source)])
        ((counts.created, counts.updated, counts.unchanged),) = staging.fetch(_COUNT)
        held = _held_of_new_projects(fiscal_year)
        counts.claimed = len(held)
        if write:
            _write_projects(fiscal_year)
            source = staging.saved(source)
            counts.batch = staging.record_batch(
                source=source, fiscal_year=fiscal_year, as_of=as_of, files=files, counts=counts, by=by
            )
            staging.execute(_POST, {"source": source.pk, "batch": counts.batch.pk})
            _claim(held, by=by)
        staging.drop("incoming_projects", "named_organisations", "resolved_projects", "planned_amounts")
    return counts


def _staged(rows: Iterable[ProjectRow]) -> Iterator[list[Any]]:
    import json

    for row in rows:
        values: list[Any] = list(row)
        if row.users is not None:
            values[_USERS] = ",".join(row.users)
        if row.marks is not None:
            values[_MARKS] = json.dumps(list(row.marks), ensure_ascii=False)
        values.append(initials(row.name))
        yield values


# --- checks -----------------------------------------------------------------------------------------------------------


def _row_problems() -> list[Problem]:
    twice = staging.fetch(
        "SELECT place, code FROM (SELECT place, code, row_number() OVER (PARTITION BY code ORDER BY place) AS nth"
        " FROM incoming_projects) AS numbered WHERE nth > 1 ORDER BY place"
    )
    found = staging.problems("DUPLICATE_KEY", "code", "项目代码“{}”在本次导入中出现多次，请删除或改正其中一行", twice)
    for column, label in (("code", "项目代码"), ("name", "项目名称")):
        blank = staging.fetch(f"SELECT place FROM incoming_projects WHERE {column} IS NULL OR {column} = ''")  # noqa: S608
        found += staging.problems("REQUIRED", column, f"“{label}”必填，请补填", blank)
    for column, label in (("initial", "年初预算"), ("carried_over", "上年结转")):
        negative = staging.fetch(f"SELECT place, {column} FROM incoming_projects WHERE {column} < 0")  # noqa: S608
        found += staging.problems(
            "AMOUNT_NEGATIVE", column, f"{label}不能为负数（{{}} 元），请改正或填入调整数", negative
        )
    return found


def _organisation_problems() -> list[Problem]:
    """Resolve codes and names once, into a small table; one problem for each row that names nobody known."""
    staging.drop("named_organisations")
    staging.execute(_NAMED)
    found: list[Problem] = []
    for column, label, required in (
        ("unit", "预算单位", True),
        ("department", "主管部门", False),
        ("division", "归口科室", False),
    ):
        kinds = "('division')" if column == "division" else "('unit', 'department')"
        unknown = staging.fetch(
            f"SELECT i.place, COALESCE(NULLIF(i.{column}, ''), i.{column}_name) FROM incoming_projects i "  # noqa: S608
            f"LEFT JOIN named_organisations o ON o.token = COALESCE(NULLIF(i.{column}, ''), i.{column}_name)"
            f" AND o.by_code = (i.{column} <> '') AND o.kind IN {kinds} "
            f"WHERE o.id IS NULL AND (i.{column} <> '' OR i.{column}_name <> '') ORDER BY i.place"
        )
        found += staging.problems(
            "UNKNOWN_ORGANISATION", column, f"没有{label}“{{}}”，请核对代码或名称，或先在机构中新增", unknown
        )
        if required:
            blank = staging.fetch(
                f"SELECT place FROM incoming_projects WHERE {column} = '' AND {column}_name = '' ORDER BY place"  # noqa: S608
            )
            found += staging.problems("REQUIRED", column, f"“{label}”必填，请填写代码或名称", blank)
    unknown_users = staging.fetch(
        "SELECT i.place, u.code FROM incoming_projects i, unnest(string_to_array(i.users, ',')) AS u(code) "
        "WHERE i.users <> '' AND NOT EXISTS (SELECT 1 FROM named_organisations o WHERE o.token = u.code AND o.by_code "
        "AND o.kind IN ('unit', 'department')) ORDER BY i.place"
    )
    return found + staging.problems("UNKNOWN_ORGANISATION", "users", "没有使用单位“{}”，请核对代码", unknown_users)


def _name_warnings() -> list[Problem]:
    """A code whose organisation is called otherwise, and a unit that belongs to another department, are told."""
    found: list[Problem] = []
    for column, label in (("unit", "预算单位"), ("department", "主管部门"), ("division", "归口科室")):
        differing = staging.fetch(
            f"SELECT i.place, i.{column}, i.{column}_name, o.name FROM incoming_projects i "  # noqa: S608
            f"JOIN organisations_organisation o ON o.code = i.{column} "
            f"WHERE i.{column}_name <> '' AND i.{column}_name NOT IN (o.name, o.short_name) AND NOT EXISTS ("
            "SELECT 1 FROM organisations_organisationname n WHERE n.organisation_id = o.id "
            f"AND n.name = i.{column}_name) ORDER BY i.place"
        )
        found += staging.problems(
            "NAME_DIFFERS",
            f"{column}_name",
            f"{label}代码 {{}} 与名称“{{}}”不一致，系统中为“{{}}”，已按代码导入",
            differing,
        )
    elsewhere = staging.fetch(
        "SELECT r.place, u.name, d.name FROM resolved_projects r JOIN organisations_organisation u ON u.id = r.unit_id "
        "JOIN organisations_organisation d ON d.id = r.department_id "
        "WHERE r.department_id <> COALESCE(CASE WHEN u.kind = 'unit' THEN u.parent_id END, u.id) ORDER BY r.place"
    )
    return found + staging.problems(
        "UNIT_ELSEWHERE", "department", "预算单位“{}”不属于主管部门“{}”，已按表中填写的导入，请核对", elsewhere
    )


def _budget_twice(source: Source) -> list[Problem]:
    """年初预算 or 上年结转 that another source has posted for the same project already: perhaps counted twice."""
    found = staging.fetch(
        "SELECT DISTINCT r.place, r.code, s.name FROM planned_amounts a "
        "JOIN resolved_projects r ON r.project_year_id = a.project_year_id AND NOT r.is_new_year "
        "JOIN budgets_ledgerentry e ON e.project_year_id = a.project_year_id AND e.kind = a.kind "
        "JOIN budgets_source s ON s.id = e.source_id "
        "WHERE a.kind IN ('initial', 'carried_over') AND e.source_id IS DISTINCT FROM %s ORDER BY r.place",
        [source.pk],
    )
    return staging.problems(
        "BUDGET_TWICE", "initial", "项目 {} 的年初预算或上年结转已由“{}”导入，两处相加，请核对是否重复", found
    )


# --- writes -----------------------------------------------------------------------------------------------------------


def _plan_amounts(*, source: Source, fiscal_year: int, adjusted_on: date) -> None:
    staging.drop("planned_amounts")
    first = date(fiscal_year, 1, 1)
    staging.execute(
        _PLAN,
        {"source": source.pk, "year": fiscal_year, "first": first, "adjusted_on": adjusted_on},
    )


def _write_projects(fiscal_year: int) -> None:
    for statement in (_INSERT_PROJECTS, _UPDATE_PROJECTS, _INSERT_YEARS, _UPDATE_YEARS, _UNLINK_USERS, _LINK_USERS):
        staging.execute(statement, {"year": fiscal_year})


def _held_of_new_projects(fiscal_year: int) -> list[int]:
    found = staging.fetch(
        "SELECT h.id FROM budgets_heldentry h JOIN resolved_projects r ON r.code = h.project_code "
        "WHERE h.claimed_entry_id IS NULL AND h.fiscal_year = %s ORDER BY h.id",
        [fiscal_year],
    )
    return [held for (held,) in found]


def _claim(held: list[int], *, by: Any) -> None:
    if held:
        from budgets.services.claims import claim_by_code

        claim_by_code(held_ids=held, by=by)


_NAMED = """
CREATE TEMPORARY TABLE named_organisations ON COMMIT DROP AS
WITH names AS (
    SELECT id, kind, name AS token FROM organisations_organisation
    UNION SELECT id, kind, short_name FROM organisations_organisation WHERE short_name <> ''
    UNION SELECT o.id, o.kind, n.name FROM organisations_organisationname n
          JOIN organisations_organisation o ON o.id = n.organisation_id
)
SELECT id, kind, code AS token, TRUE AS by_code FROM organisations_organisation
UNION ALL
SELECT MIN(id), kind, token, FALSE FROM names GROUP BY kind, token HAVING COUNT(DISTINCT id) = 1
"""

# A department that is also its own unit may share its name with one of its units: then the unit is meant.
_RESOLVE = """
CREATE TEMPORARY TABLE resolved_projects ON COMMIT DROP AS
WITH pick AS (
    SELECT DISTINCT ON (token, by_code) token, by_code, id FROM named_organisations
    WHERE kind IN ('unit', 'department') ORDER BY token, by_code, kind DESC
), department AS (
    SELECT DISTINCT ON (token, by_code) token, by_code, id FROM named_organisations
    WHERE kind IN ('unit', 'department') ORDER BY token, by_code, kind
), division AS (
    SELECT token, by_code, id FROM named_organisations WHERE kind = 'division'
), placed AS (
    SELECT i.*, u.id AS unit_id,
        COALESCE(d.id, CASE WHEN uo.kind = 'unit' THEN uo.parent_id END, u.id) AS department_id,
        v.id AS named_division_id
    FROM incoming_projects i
    JOIN pick u ON u.token = COALESCE(NULLIF(i.unit, ''), i.unit_name) AND u.by_code = (i.unit <> '')
    JOIN organisations_organisation uo ON uo.id = u.id
    LEFT JOIN department d
        ON d.token = COALESCE(NULLIF(i.department, ''), i.department_name) AND d.by_code = (i.department <> '')
    LEFT JOIN division v
        ON v.token = COALESCE(NULLIF(i.division, ''), i.division_name) AND v.by_code = (i.division <> '')
), known AS (
    SELECT w.*, COALESCE(w.named_division_id, o.division_id) AS division_id,
        p.id AS known_project, y.id AS known_year, p.name AS old_name,
        p.start_year AS old_start_year, p.term AS old_term,
        later.project_id IS NOT NULL AS has_later,
        COALESCE(NULLIF(w.kind, ''), y.kind, CASE WHEN earlier.project_id IS NULL THEN 'new' ELSE 'continued' END)
            AS new_kind,
        COALESCE(w.is_key, y.is_key, FALSE) AS new_is_key,
        COALESCE(w.is_sampled, y.is_sampled, FALSE) AS new_is_sampled,
        COALESCE(w.marks, y.marks, '[]'::jsonb) AS new_marks,
        (y.name, y.unit_id, y.department_id, y.division_id, y.category, y.kind, y.fund_source, y.fund_level, y.is_key,
         y.is_sampled, y.marks) AS old_values
    FROM placed w
    JOIN organisations_organisation o ON o.id = w.department_id
    LEFT JOIN budgets_project p ON p.code = w.code
    LEFT JOIN budgets_projectyear y ON y.project_id = p.id AND y.fiscal_year = %(year)s
    LEFT JOIN (SELECT DISTINCT project_id FROM budgets_projectyear WHERE fiscal_year > %(year)s) later
        ON later.project_id = p.id
    LEFT JOIN (SELECT DISTINCT project_id FROM budgets_projectyear WHERE fiscal_year < %(year)s) earlier
        ON earlier.project_id = p.id
)
SELECT code, name, initials, place, category, new_kind AS kind, fund_source, fund_level, start_year, term, users,
    new_is_key AS is_key, new_is_sampled AS is_sampled, new_marks AS marks,
    unit_id, department_id, division_id,
    initial, carried_over, supplements, reductions, transfers_in, transfers_out, adjustment,
    known_project IS NULL AS is_new_project, known_year IS NULL AS is_new_year,
    COALESCE(known_project, nextval(pg_get_serial_sequence('budgets_project', 'id'))) AS project_id,
    COALESCE(known_year, nextval(pg_get_serial_sequence('budgets_projectyear', 'id'))) AS project_year_id,
    known_project IS NOT NULL AND (
        (NOT has_later AND old_name <> name)
        OR (start_year IS NOT NULL AND start_year IS DISTINCT FROM old_start_year)
        OR (term IS NOT NULL AND term IS DISTINCT FROM old_term)) AS project_changed,
    has_later,
    known_year IS NOT NULL AND (
        name::varchar, unit_id, department_id, division_id, category::varchar, new_kind::varchar,
        fund_source::varchar, fund_level::varchar, new_is_key, new_is_sampled, new_marks)
        IS DISTINCT FROM old_values AS year_changed
FROM known ORDER BY code
"""

# The amounts that differ from what this source has posted so far, each as one further entry. Where the fund has changed
# all that was posted is taken back and the whole amount posted anew.
_PLAN = """
CREATE TEMPORARY TABLE planned_amounts ON COMMIT DROP AS
WITH stated AS (
    SELECT r.project_year_id, r.code, r.fund_source, r.fund_level, s.*,
        %(year)s || ':' || r.code || ':' || s.part AS source_key
    FROM resolved_projects r
    CROSS JOIN LATERAL (VALUES
        ('initial', 'initial', r.initial, %(first)s::date),
        ('carried_over', 'carried_over', r.carried_over, %(first)s::date),
        ('supplements', 'supplement', abs(r.supplements), %(adjusted_on)s::date),
        ('reductions', 'reduction', -abs(r.reductions), %(adjusted_on)s::date),
        ('transfers_in', 'transfer_in', abs(r.transfers_in), %(adjusted_on)s::date),
        ('transfers_out', 'transfer_out', -abs(r.transfers_out), %(adjusted_on)s::date),
        ('adjustment', '', r.adjustment, %(adjusted_on)s::date)
    ) AS s(part, kind, amount, date)
    WHERE s.amount IS NOT NULL
), posted AS (
    SELECT DISTINCT ON (e.source_key) e.source_key, e.revision, e.kind, e.date, e.fund_source, e.fund_level,
        SUM(e.amount) OVER (PARTITION BY e.source_key) AS amount
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s ORDER BY e.source_key, e.revision DESC
), compared AS (
    SELECT s.*, COALESCE(p.amount, 0) AS posted, COALESCE(p.revision, 0) AS last_revision, p.kind AS posted_kind,
        p.date AS posted_date, p.fund_source AS posted_source, p.fund_level AS posted_level,
        COALESCE(p.amount, 0) <> 0 AND (p.fund_source, p.fund_level) <> (s.fund_source, s.fund_level) AS refunded
    FROM stated s LEFT JOIN posted p ON p.source_key = s.source_key
), due AS (
    SELECT project_year_id, source_key, posted_source AS fund_source, posted_level AS fund_level, posted_date AS date,
        -posted AS amount, last_revision + 1 AS revision, posted_kind AS kind, TRUE AS is_reversal
    FROM compared WHERE refunded
    UNION ALL
    SELECT project_year_id, source_key, fund_source, fund_level,
        CASE WHEN refunded THEN posted_date ELSE date END,
        amount - CASE WHEN refunded THEN 0 ELSE posted END,
        last_revision + CASE WHEN refunded THEN 2 ELSE 1 END,
        COALESCE(NULLIF(kind, ''), CASE
            WHEN amount >= CASE WHEN refunded THEN 0 ELSE posted END THEN 'supplement' ELSE 'reduction' END),
        kind <> '' AND CASE WHEN kind IN ('reduction', 'transfer_out')
            THEN amount > CASE WHEN refunded THEN 0 ELSE posted END
            ELSE amount < CASE WHEN refunded THEN 0 ELSE posted END END
    FROM compared WHERE amount <> CASE WHEN refunded THEN 0 ELSE posted END
)
SELECT * FROM due
"""

_COUNT = """
SELECT COUNT(*) FILTER (WHERE is_new_year),
    COUNT(*) FILTER (WHERE NOT is_new_year AND (project_changed OR year_changed OR has_amount)),
    COUNT(*) FILTER (WHERE NOT is_new_year AND NOT (project_changed OR year_changed OR has_amount))
FROM (
    SELECT r.is_new_year, r.project_changed, r.year_changed, a.project_year_id IS NOT NULL AS has_amount
    FROM resolved_projects r
    LEFT JOIN (SELECT DISTINCT project_year_id FROM planned_amounts) a ON a.project_year_id = r.project_year_id
) AS told
"""

_INSERT_PROJECTS = """
INSERT INTO budgets_project (id, code, name, initials, start_year, term)
SELECT project_id, code, name, initials, start_year, term FROM resolved_projects WHERE is_new_project
ORDER BY project_id
"""

# The project keeps the name of its latest year; an import of an earlier year does not take it back.
_UPDATE_PROJECTS = """
UPDATE budgets_project p SET
    name = CASE WHEN r.has_later THEN p.name ELSE r.name END,
    initials = CASE WHEN r.has_later THEN p.initials ELSE r.initials END,
    start_year = COALESCE(r.start_year, p.start_year), term = COALESCE(r.term, p.term)
FROM resolved_projects r WHERE r.project_changed AND p.id = r.project_id
"""

_INSERT_YEARS = """
INSERT INTO budgets_projectyear (id, project_id, fiscal_year, name, unit_id, department_id, division_id, category, kind,
    fund_source, fund_level, is_key, is_sampled, marks)
SELECT project_year_id, project_id, %(year)s, name, unit_id, department_id, division_id, category, kind,
    fund_source, fund_level, is_key, is_sampled, marks
FROM resolved_projects WHERE is_new_year ORDER BY project_year_id
"""

_UPDATE_YEARS = """
UPDATE budgets_projectyear y SET name = r.name, unit_id = r.unit_id, department_id = r.department_id,
    division_id = r.division_id, category = r.category, kind = r.kind, fund_source = r.fund_source,
    fund_level = r.fund_level, is_key = r.is_key, is_sampled = r.is_sampled, marks = r.marks
FROM resolved_projects r WHERE r.year_changed AND y.id = r.project_year_id
"""

# A given list of 使用单位 is the whole list; without one the main unit is only added.
_UNLINK_USERS = """
DELETE FROM budgets_project_units l USING resolved_projects r, organisations_organisation o
WHERE r.users IS NOT NULL AND NOT r.is_new_project AND l.project_id = r.project_id AND o.id = l.organisation_id
    AND l.organisation_id <> r.unit_id AND o.code <> ALL (string_to_array(r.users, ','))
"""

_LINK_USERS = """
INSERT INTO budgets_project_units (project_id, organisation_id)
SELECT project_id, unit_id FROM resolved_projects r WHERE is_new_project OR NOT EXISTS (
    SELECT 1 FROM budgets_project_units l WHERE l.project_id = r.project_id AND l.organisation_id = r.unit_id)
UNION
SELECT r.project_id, o.id FROM resolved_projects r, unnest(string_to_array(r.users, ',')) AS u(code)
    JOIN organisations_organisation o ON o.code = u.code
WHERE r.users <> ''
ON CONFLICT (project_id, organisation_id) DO NOTHING
"""

_POST = """
INSERT INTO budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, batch_id, recorded_at)
SELECT project_year_id, %(source)s, source_key, revision, is_reversal, kind, amount, date,
    '', NULL, fund_source, fund_level, '', '', '', %(batch)s, now()
FROM planned_amounts ORDER BY project_year_id, source_key, revision
"""

__all__ = ["ProjectRow", "upsert_projects"]
