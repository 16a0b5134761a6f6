"""Numbers, issuing and receipts."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from core.services import Refused
from notices.enums import NoticeState
from notices.models import Notice, NumberSequence, Recipient
from notices.rules import number_text, parse_number
from organisations.enums import Kind, Role
from organisations.models import Organisation
from organisations.roles import BY_DEPARTMENT, BY_UNIT

DEFAULT_CODE = "青财绩效"


def issuing_code() -> str:
    """The bureau's 机关代字."""
    bureau = Organisation.objects.filter(kind=Kind.BUREAU).exclude(issuing_code="").order_by("pk").first()
    return bureau.issuing_code if bureau else DEFAULT_CODE


def next_number(year: int) -> str:
    """The number that would be given next; not reserved."""
    code = issuing_code()
    last = NumberSequence.objects.filter(code=code, year=year).values_list("last", flat=True).first() or 0
    used = Notice.objects.filter(code=code, year=year).aggregate(top=Max("serial"))["top"] or 0
    return number_text(code, year, max(last, used) + 1)


@transaction.atomic
def issue(*, notice: Notice, by: Any, issued_on: date | None = None, number: str = "") -> Notice:
    """Give the notice its number and date; from then on it never changes.

    `number` entered by hand must be written as the standard wants and be unused; without it the next of the year is
    taken. Numbers are taken one at a time, so two people never get the same.
    """
    if by is None or Role.PERFORMANCE_SECTION not in by.role_set:
        raise Refused("公文由绩效科印发，您没有该权限。", code="forbidden")
    issued_on = issued_on or timezone.localdate()
    given = parse_number(number) if number.strip() else None
    if number.strip() and given is None:
        raise Refused(
            f"发文字号“{number.strip()}”不规范，应如 {number_text(DEFAULT_CODE, issued_on.year, 31)}："
            "六角括号、年份四位、序号不编虚位、不加“第”字。",
            code="NUMBER_INVALID",
        )
    code, year, serial = given or (issuing_code(), issued_on.year, 0)
    NumberSequence.objects.get_or_create(code=code, year=year)
    sequence = NumberSequence.objects.select_for_update().get(code=code, year=year)
    locked = Notice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
    if locked.state != NoticeState.DRAFT:
        raise Refused(f"该公文已印发（{locked.number}）。", code="issued")
    used = Notice.objects.filter(code=code, year=year)
    serial = serial or max(sequence.last, used.aggregate(top=Max("serial"))["top"] or 0) + 1
    if used.filter(serial=serial).exists():
        raise Refused(f"发文字号 {number_text(code, year, serial)} 已被使用。", code="NUMBER_USED")
    locked.code, locked.year, locked.serial = code, year, serial
    locked.state, locked.issued_on, locked.issued_by = NoticeState.ISSUED, issued_on, by
    locked.save()
    sequence.last = max(sequence.last, serial)
    sequence.save(update_fields=["last"])
    return locked


@transaction.atomic
def confirm_receipt(*, recipient: Recipient, by: Any) -> Recipient:
    """确认收悉 by somebody of the organisation itself; a second time changes nothing."""
    locked = Recipient.objects.select_for_update(of=("self",)).select_related("notice").get(pk=recipient.pk)
    if locked.notice.state != NoticeState.ISSUED:
        raise Refused("该公文尚未印发。", code="draft")
    if locked.organisation_id not in by.ids_where(BY_DEPARTMENT | BY_UNIT):
        raise Refused(f"由{locked.name}的人员确认收悉，您没有该权限。", code="forbidden")
    if locked.confirmed_at is None:
        locked.confirmed_at, locked.confirmed_by = timezone.now(), by
        locked.save(update_fields=["confirmed_at", "confirmed_by"])
    return locked
