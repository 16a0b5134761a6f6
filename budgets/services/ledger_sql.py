"""The statements of `budgets.services.ledger`, over its staging table `incoming_entries`."""

# The sign follows the kind; a negative payment is a refund, a negative supplement a reduction.
SIGN = """
UPDATE incoming_entries SET
    kind = CASE WHEN kind = 'payment' AND amount < 0 THEN 'refund'
        WHEN kind = 'supplement' AND amount < 0 THEN 'reduction'
        WHEN kind = 'transfer_in' AND amount < 0 THEN 'transfer_out' ELSE kind END,
    amount = CASE WHEN kind IN ('reduction', 'transfer_out', 'recovery', 'refund') THEN -abs(amount) ELSE amount END
WHERE amount < 0 OR kind IN ('reduction', 'transfer_out', 'recovery', 'refund')
"""

# A row once claimed by a person stays with the project it was given to.
PROJECT_OF_ROW = """
    LEFT JOIN budgets_project p ON p.code = i.project_code
    LEFT JOIN budgets_projectyear y ON y.project_id = p.id AND y.fiscal_year = %(year)s
    LEFT JOIN (
        SELECT h.source_key, h.project_code, c.project_year_id FROM budgets_heldentry h
        JOIN budgets_ledgerentry c ON c.id = h.claimed_entry_id
        WHERE h.source_id = %(source)s AND h.fiscal_year = %(year)s
    ) claimed ON claimed.source_key = i.full_key AND claimed.project_code = i.project_code
"""

RESOLVE = f"""
CREATE TEMPORARY TABLE resolved_entries ON COMMIT DROP AS
WITH latest AS (
    SELECT DISTINCT ON (e.source_key) e.*
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s
    ORDER BY e.source_key, e.revision DESC
), placed AS (
    SELECT i.*, COALESCE(y.id, claimed.project_year_id) AS project_year_id
    FROM (SELECT *, %(year)s || ':' || source_key AS full_key FROM incoming_entries) i{PROJECT_OF_ROW})
SELECT w.place, w.full_key AS source_key, w.project_code, w.project_name, w.unit, w.kind, w.amount, w.date,
    w.allocation, w.vintage, w.fund_source, w.fund_level, w.function_code, w.economic_code, w.summary,
    w.project_year_id, FALSE AS is_reversal, COALESCE(l.revision, 0) AS last_revision,
    CASE WHEN NOT l.is_reversal THEN l.id END AS live_id,
    CASE
        WHEN w.project_year_id IS NULL THEN 'hold'
        WHEN l.id IS NULL THEN 'create'
        WHEN l.is_reversal THEN 'repost'
        WHEN (l.project_year_id, l.kind, l.amount, l.date, l.allocation, l.vintage, l.fund_source, l.fund_level,
              l.function_code, l.economic_code, l.summary)
            IS DISTINCT FROM (w.project_year_id, w.kind::varchar, w.amount, w.date, w.allocation::varchar, w.vintage,
              w.fund_source::varchar, w.fund_level::varchar, w.function_code::varchar, w.economic_code::varchar,
              w.summary::varchar)
            THEN 'change'
        ELSE 'keep'
    END AS action
FROM placed w LEFT JOIN latest l ON l.source_key = w.full_key
"""  # noqa: S608

# A balance says what was paid up to its date: compared with what this source has posted up to that date.
RESOLVE_BALANCE = f"""
CREATE TEMPORARY TABLE resolved_entries ON COMMIT DROP AS
WITH placed AS (
    SELECT i.*, COALESCE(y.id, claimed.project_year_id) AS project_year_id
    FROM (SELECT *, %(year)s || ':' || source_key AS full_key FROM incoming_entries) i{PROJECT_OF_ROW}), posted AS (
    SELECT e.source_key, SUM(e.amount) FILTER (WHERE e.date <= i.date) AS amount, MAX(e.revision) AS revision
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    JOIN placed i ON i.full_key = e.source_key
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s GROUP BY e.source_key
)
SELECT w.place, w.full_key AS source_key, w.project_code, w.project_name, w.unit,
    CASE WHEN w.amount >= COALESCE(l.amount, 0) THEN 'payment' ELSE 'correction' END AS kind,
    CASE WHEN w.project_year_id IS NULL THEN w.amount ELSE w.amount - COALESCE(l.amount, 0) END AS amount, w.date,
    w.allocation, w.vintage, w.fund_source, w.fund_level, w.function_code, w.economic_code, w.summary,
    w.project_year_id, FALSE AS is_reversal, COALESCE(l.revision, 0) AS last_revision, NULL::bigint AS live_id,
    CASE
        WHEN w.project_year_id IS NULL THEN 'hold'
        WHEN w.amount = COALESCE(l.amount, 0) AND (l.revision IS NOT NULL OR w.amount = 0) THEN 'keep'
        WHEN l.revision IS NULL THEN 'create'
        ELSE 'add'
    END AS action
FROM placed w LEFT JOIN posted l ON l.source_key = w.full_key
"""  # noqa: S608

COUNT = """
SELECT COUNT(*) FILTER (WHERE action = 'hold'), COUNT(*) FILTER (WHERE action = 'create'),
    COUNT(*) FILTER (WHERE action IN ('change', 'repost', 'add')), COUNT(*) FILTER (WHERE action = 'keep'),
    COUNT(*) FILTER (WHERE action = 'change')
FROM resolved_entries
"""

POST = """
INSERT INTO budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, batch_id, recorded_at)
SELECT e.project_year_id, e.source_id, e.source_key, e.revision + 1, TRUE, e.kind, -e.amount, e.date,
    e.allocation, e.vintage, e.fund_source, e.fund_level, e.function_code, e.economic_code, e.summary, %(batch)s, now()
FROM resolved_entries r JOIN budgets_ledgerentry e ON e.id = r.live_id WHERE r.action = 'change'
UNION ALL
SELECT project_year_id, %(source)s, source_key, last_revision + CASE WHEN action = 'change' THEN 2 ELSE 1 END, FALSE,
    kind, amount, date, allocation, vintage, fund_source, fund_level, function_code, economic_code, summary,
    %(batch)s, now()
FROM resolved_entries WHERE action IN ('create', 'change', 'repost', 'add')
ORDER BY 1, 8, 3, 4
"""

HOLD_CHANGED = """
UPDATE budgets_heldentry h SET kind = r.kind, amount = r.amount, date = r.date, allocation = r.allocation,
    vintage = r.vintage, fund_source = r.fund_source, fund_level = r.fund_level, function_code = r.function_code,
    economic_code = r.economic_code, summary = r.summary, project_code = r.project_code, project_name = r.project_name,
    batch_id = %(batch)s
FROM resolved_entries r
WHERE r.action = 'hold' AND h.source_id = %(source)s AND h.source_key = r.source_key AND h.claimed_entry_id IS NULL
    AND (h.kind, h.amount, h.date, h.allocation, h.vintage, h.fund_source, h.fund_level, h.function_code,
         h.economic_code, h.summary, h.project_code, h.project_name)
    IS DISTINCT FROM (r.kind::varchar, r.amount, r.date, r.allocation::varchar, r.vintage, r.fund_source::varchar,
         r.fund_level::varchar, r.function_code::varchar, r.economic_code::varchar, r.summary::varchar,
         r.project_code::varchar, r.project_name::varchar)
"""

HOLD = """
INSERT INTO budgets_heldentry (source_id, batch_id, fiscal_year, project_code, project_name, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, source_key)
SELECT %(source)s, %(batch)s, %(year)s, r.project_code, r.project_name, r.kind, r.amount, r.date,
    r.allocation, r.vintage, r.fund_source, r.fund_level, r.function_code, r.economic_code, r.summary, r.source_key
FROM resolved_entries r
WHERE r.action = 'hold' AND NOT EXISTS (
    SELECT 1 FROM budgets_heldentry h WHERE h.source_id = %(source)s AND h.source_key = r.source_key
        AND h.claimed_entry_id IS NULL)
ORDER BY r.place, r.source_key
"""

# The file now names a known project for a row that was held: the row is posted, nothing is left to claim.
DROP_HELD = """
DELETE FROM budgets_heldentry h USING resolved_entries r
WHERE r.action IN ('create', 'repost', 'add') AND h.source_id = %(source)s AND h.source_key = r.source_key
    AND h.claimed_entry_id IS NULL
"""

# A row that was missing and has come back needs no decision any more.
REAPPEARED = """
UPDATE budgets_vanishedentry v SET state = 'kept', decided_by_id = %(by)s, decided_at = now(),
    reason = '该行在后来的文件中重新出现'
FROM budgets_ledgerentry e, resolved_entries r
WHERE v.state = 'open' AND e.id = v.entry_id AND e.source_id = %(source)s AND r.source_key = e.source_key
"""

# Still posted, dated no later than the file reaches, not in the file, and not already before a person.
VANISHED = """
SELECT e.id FROM (
    SELECT DISTINCT ON (e.source_key) e.id, e.source_key, SUM(e.amount) OVER (PARTITION BY e.source_key) AS posted
    FROM budgets_ledgerentry e JOIN budgets_projectyear y ON y.id = e.project_year_id
    WHERE e.source_id = %(source)s AND y.fiscal_year = %(year)s AND e.date <= %(reach)s
    ORDER BY e.source_key, e.revision DESC
) e
WHERE e.posted <> 0
    AND NOT EXISTS (SELECT 1 FROM resolved_entries r WHERE r.source_key = e.source_key)
    AND NOT EXISTS (SELECT 1 FROM budgets_vanishedentry v WHERE v.entry_id = e.id AND v.state <> 'reversed')
"""

RECORD_BASIS = """
INSERT INTO budgets_yearbasis (fiscal_year, fund_source, basis)
SELECT DISTINCT %(year)s, fund_source, %(basis)s FROM incoming_entries WHERE kind IN ('payment', 'refund', 'correction')
ON CONFLICT (fiscal_year, fund_source) DO NOTHING
"""

# What the ledger would say after this import: what is posted, what is taken back, what is new. Judged before writing.
AFTERWARDS = """
CREATE TEMPORARY TABLE afterwards ON COMMIT DROP AS
SELECT r.project_year_id, r.kind, r.date, r.amount FROM resolved_entries r
WHERE r.action IN ('create', 'change', 'repost', 'add') AND r.project_year_id IS NOT NULL
UNION ALL
SELECT e.project_year_id, e.kind, e.date, -e.amount FROM resolved_entries r
JOIN budgets_ledgerentry e ON e.id = r.live_id WHERE r.action = 'change'
"""

# Projects with a row whose amount or date cannot be read are not judged.
BELOW_ZERO = """
WITH suspects AS (
    SELECT project_year_id FROM afterwards WHERE amount < 0 AND kind IN ('payment', 'refund', 'correction')
    EXCEPT
    SELECT project_year_id FROM resolved_entries WHERE amount IS NULL OR date IS NULL
), days AS (
    SELECT project_year_id, date, SUM(SUM(amount)) OVER (PARTITION BY project_year_id ORDER BY date) AS paid
    FROM (
        SELECT project_year_id, kind, date, amount FROM afterwards
        UNION ALL
        SELECT project_year_id, kind, date, amount FROM budgets_ledgerentry
        WHERE project_year_id IN (SELECT project_year_id FROM suspects)
    ) AS every_entry
    WHERE project_year_id IN (SELECT project_year_id FROM suspects) AND kind IN ('payment', 'refund', 'correction')
    GROUP BY project_year_id, date
), first_below AS (
    SELECT DISTINCT ON (project_year_id) project_year_id, date, paid FROM days WHERE paid < 0
    ORDER BY project_year_id, date
)
SELECT at_fault.place, p.code, f.date, f.paid
FROM first_below f JOIN budgets_projectyear y ON y.id = f.project_year_id JOIN budgets_project p ON p.id = y.project_id
LEFT JOIN LATERAL (
    SELECT r.place FROM resolved_entries r
    WHERE (r.project_year_id = f.project_year_id OR r.live_id IN (
            SELECT e.id FROM budgets_ledgerentry e WHERE e.project_year_id = f.project_year_id))
        AND r.action <> 'keep' AND r.kind IN ('payment', 'refund', 'correction')
    ORDER BY r.amount >= 0, r.date > f.date, r.date DESC, r.place DESC LIMIT 1
) at_fault ON TRUE
ORDER BY at_fault.place
"""

ABOVE_BUDGET = """
WITH last AS (
    SELECT DISTINCT ON (project_year_id) project_year_id, place FROM resolved_entries
    WHERE project_year_id IS NOT NULL AND kind IN ('payment', 'refund', 'correction')
    ORDER BY project_year_id, date DESC, place DESC
), sums AS (
    SELECT project_year_id, SUM(paid) AS paid, SUM(adjusted) AS adjusted FROM (
        SELECT project_year_id, paid, adjusted FROM budgets_yeartotals
        WHERE project_year_id IN (SELECT project_year_id FROM last)
        UNION ALL
        SELECT project_year_id, CASE WHEN kind IN ('payment', 'refund', 'correction') THEN amount ELSE 0 END,
            CASE WHEN kind IN ('payment', 'refund', 'correction') THEN 0 ELSE amount END FROM afterwards
    ) AS both_sides GROUP BY project_year_id
)
SELECT last.place, p.code, t.paid, t.adjusted
FROM last JOIN sums t ON t.project_year_id = last.project_year_id AND t.paid > t.adjusted
JOIN budgets_projectyear y ON y.id = last.project_year_id JOIN budgets_project p ON p.id = y.project_id
ORDER BY last.place
"""

BUDGET_TWICE = """
SELECT MIN(r.place), r.project_code, o.name FROM resolved_entries r
JOIN budgets_ledgerentry e ON e.project_year_id = r.project_year_id AND e.kind = r.kind
    AND e.source_id IS DISTINCT FROM %(source)s
JOIN budgets_source o ON o.id = e.source_id
WHERE r.action = 'create' AND r.kind IN ('initial', 'carried_over')
GROUP BY r.project_code, o.name ORDER BY 1
"""
