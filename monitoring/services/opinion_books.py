"""Opinions by workbook: every error at once, all rows or none."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from core.services import Refused
from core.workbooks import Reading, Source, read
from monitoring.enums import Stance
from monitoring.models import Opinion, RecoveryLine
from monitoring.services.consulting import give_opinion, party_of
from monitoring.workbook import OPINION_SHEET, OPINIONS, opinion_lines
from organisations.services.imports import ImportResult, done, log_import, refused


@transaction.atomic
def import_opinions(
    *, files: Iterable[Source], fiscal_year: int, by: Any, dry_run: bool = False, annotate: Path | None = None
) -> ImportResult:
    """Give the opinions of a filled workbook; rows without 意见 are passed over. With errors nothing is written.

    An opinion that says what its party said last is unchanged. `by=None` (a command) speaks for the 主管部门 and
    cannot declare 本年必须支付: that takes a person.
    """
    sources = list(files)
    reading = read(OPINIONS, sources, fiscal_year=fiscal_year)
    rows = [row for row in reading.rows.get(OPINION_SHEET, []) if row.line is not None]
    visible = RecoveryLine.objects.all() if by is None else RecoveryLine.objects.visible_to(by)
    known = {line.pk: line for line in opinion_lines(visible, fiscal_year).filter(pk__in=[row.line for row in rows])}
    given = [row for row in rows if row.stance is not None]
    for row in rows:
        _check(reading, row, known.get(row.line), by=by)
    if not reading.ok:
        return refused(reading, sources, annotate=annotate)
    fresh = [row for row in given if not _said_already(known[row.line], row, by=by)]
    created = sum(not known[row.line].opinions.exists() for row in fresh)
    result = done(reading, created, len(fresh) - created, len(rows) - len(fresh))
    if not dry_run:
        for row in fresh:
            line = known[row.line]
            give_opinion(line=line, by=by, version=line.version, stance=row.stance, **_values(row))
        log_import("收回意见", result, by=by)
    return result


def _values(row: Any) -> dict[str, Any]:
    return {
        "accepted": row.accepted,
        "must_pay": row.must_pay,
        "must_pay_reason": row.must_pay_reason or "",
        "evidence_note": row.evidence_note or "",
        "text": row.text or "",
    }


def _check(reading: Reading, row: Any, line: RecoveryLine | None, *, by: Any) -> None:
    """One row's faults, each at its own cell."""

    def fault(column: str, code: str, message: str) -> None:
        reading.fault(OPINION_SHEET, row, column, code, message)

    if line is None:
        fault("line", "LINE_UNKNOWN", f"清单号 {row.line} 不在您可反馈的范围，或已不在征求意见；请重新下载意见表。")
        return
    if row.stance is None:
        return
    try:
        party_of(line, by)
    except Refused as refusal:
        fault("stance", "NOT_ASKED", refusal.reason)
    if row.stance == Stance.OBJECT and not row.text:
        fault("text", "REASON_MISSING", "有异议的，须在“说明”写明理由。")
    if row.stance == Stance.OBJECT and (row.accepted or Decimal(0)) >= line.recoverable:
        fault("accepted", "NO_OBJECTION", "同意收回的金额不少于拟收回金额，请将意见改为“同意”。")
    for column in ("accepted", "must_pay"):
        if (getattr(row, column) or 0) < 0:
            fault(column, "AMOUNT_NEGATIVE", "金额不能为负，请改正。")
    if row.must_pay is not None:
        if by is None:
            fault("must_pay", "DECLARER_MISSING", "本年必须支付须由申报人登录后在页面填报或上传，命令行不能代报。")
        for column in ("must_pay_reason", "evidence_note"):
            if not getattr(row, column):
                fault(column, "EVIDENCE_MISSING", "申报本年必须支付的，须写明事由和佐证及存放处。")


def _said_already(line: RecoveryLine, row: Any, *, by: Any) -> bool:
    party, organisation = party_of(line, by)
    last = Opinion.objects.filter(line=line, party=party, organisation=organisation).order_by("-pk").first()
    accepted = line.recoverable if row.stance == Stance.AGREE else row.accepted or Decimal(0)
    values = _values(row) | {"accepted": accepted}
    return last is not None and last.stance == row.stance and all(getattr(last, k) == v for k, v in values.items())
