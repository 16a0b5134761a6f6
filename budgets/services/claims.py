"""待认领: giving held rows to their project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from budgets.models import IMPORTERS, HeldEntry, LedgerEntry, ProjectYear
from budgets.services import staging
from core.services import Refused


@transaction.atomic
def claim(*, held: HeldEntry, project_year: ProjectYear, by: Any) -> LedgerEntry:
    """Post a held row to `project_year` and link the two. Raises `Refused` if claimed already or of another year."""
    if by is not None and not by.role_set & IMPORTERS:
        raise Refused("只有绩效科和预算科可以认领。", code="role")
    staging.lock_imports()
    locked = HeldEntry.objects.select_for_update(of=("self",)).get(pk=held.pk)
    if locked.claimed_entry_id is not None:
        raise Refused("该笔已被认领，请刷新页面。", code="claimed")
    if project_year.fiscal_year != locked.fiscal_year:
        raise Refused(f"该笔属于 {locked.fiscal_year} 年度，请选择同一年度的项目。", code="other_year")
    entry_id = _post([locked.pk], project_year_id=project_year.pk)[0][1]
    if staging.below_zero(project_year.pk):
        raise Refused("认领后该项目的累计支付小于零，请先认领其支付再认领退回。", code="below_zero")
    return LedgerEntry.objects.get(pk=entry_id)


def claim_by_code(*, held_ids: Sequence[int], by: Any) -> int:
    """Post the held rows whose project code now has a project year; called within an import. Returns how many."""
    return len(_post(held_ids, project_year_id=None))


def _post(held_ids: Sequence[int], *, project_year_id: int | None) -> list[tuple[int, int]]:
    """(held id, entry id) of each posted row."""
    staging.execute(_POST, {"held": list(held_ids), "project_year": project_year_id})
    staging.execute(_LINK, {"held": list(held_ids)})
    found = staging.fetch("SELECT id, claimed_entry_id FROM budgets_heldentry WHERE id = ANY(%s)", [list(held_ids)])
    return [(held, entry) for held, entry in found]


# The revision goes on where the key already has entries (claimed, taken back, held again).
_POST = """
INSERT INTO budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, date,
    allocation, vintage, fund_source, fund_level, function_code, economic_code, summary, batch_id, recorded_at)
SELECT COALESCE(%(project_year)s, y.id), h.source_id, h.source_key,
    1 + COALESCE((SELECT MAX(e.revision) FROM budgets_ledgerentry e
        WHERE e.source_id = h.source_id AND e.source_key = h.source_key), 0),
    FALSE, h.kind, h.amount, h.date, h.allocation, h.vintage, h.fund_source, h.fund_level, h.function_code,
    h.economic_code, h.summary, h.batch_id, now()
FROM budgets_heldentry h
LEFT JOIN budgets_project p ON p.code = h.project_code
LEFT JOIN budgets_projectyear y ON y.project_id = p.id AND y.fiscal_year = h.fiscal_year
WHERE h.id = ANY(%(held)s) ORDER BY 1
"""

_LINK = """
UPDATE budgets_heldentry h SET claimed_entry_id = e.id
FROM (
    SELECT DISTINCT ON (source_id, source_key) id, source_id, source_key FROM budgets_ledgerentry
    WHERE (source_id, source_key) IN (SELECT source_id, source_key FROM budgets_heldentry WHERE id = ANY(%(held)s))
    ORDER BY source_id, source_key, revision DESC
) e
WHERE h.id = ANY(%(held)s) AND e.source_id = h.source_id AND e.source_key = h.source_key
"""
