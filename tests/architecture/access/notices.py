"""通知公文: the bureau all of them; a department what is addressed to it, once issued."""

from typing import Any

from django.db.models import Model
from django.utils import timezone

from core.models import Job
from notices.enums import NoticeState
from notices.kinds import RecoveryNotice
from notices.models import Notice, NoticeBatch, NumberSequence, Recipient
from organisations.enums import Role
from organisations.roles import BUREAU_STAFF
from tests.architecture.access import Listing, Route, World, any_of, holds, inside

YEAR = 2023


def issued(world: World, *, state: str = NoticeState.ISSUED) -> Notice:
    section = world.user(Role.PERFORMANCE_SECTION)
    number = Notice.objects.count() + 1
    extra: dict[str, Any] = {}
    if state == NoticeState.ISSUED:
        extra = {"code": "青财绩效", "year": YEAR, "serial": number, "issued_by": section}
        extra["issued_on"] = timezone.localdate()
    example = RecoveryNotice.example()
    notice = Notice.objects.create(
        kind=example.CODE,
        fiscal_year=YEAR,
        title=f"关于收回甲机密资金的通知{number}",
        context=example.as_json(),
        state=state,
        source_key=f"t:{number}",
        created_by=section,
        **extra,
    )
    row = {
        "project_code": "甲码",
        "project_name": "甲项目",
        "allocation": "Z",
        "document_number": "文",
        "amount": "1.00",
    }
    Recipient.objects.create(
        notice=notice, organisation=world.department, name="甲甲甲主管部门", part={"amount": "1.00", "lines": [row]}
    )
    return notice


def notice(world: World) -> dict[str, Any]:
    return {"year": YEAR, "pk": issued(world).pk}


def draft(world: World) -> dict[str, Any]:
    return {"year": YEAR, "pk": issued(world, state=NoticeState.DRAFT).pk}


def part(world: World) -> dict[str, Any]:
    return {"year": YEAR, "pk": issued(world).recipients.get().pk}


def names(world: World) -> list[str]:
    return ["甲机密资金", "甲码", "甲项目"]


addressed = any_of(holds(*BUREAU_STAFF), inside(Role.DEPARTMENT_REVIEWER))
section = holds(Role.PERFORMANCE_SECTION)

ROUTES = {
    "notice_list": Route(
        kwargs=lambda world: notice(world) and {"year": YEAR},
        listing=Listing(Notice, "title", only={"fiscal_year__lte": YEAR}),
    ),
    "notice": Route(allowed=addressed, kwargs=notice, secrets=names),
    "notice_issue": Route(
        allowed=section,
        kwargs=draft,
        data=lambda world: {"issued_on": "2023-11-01"},
        post=True,
        refused={403, 404},
    ),
    "notice_batch": Route(allowed=section, kwargs=notice, post=True, refused={403, 404}),
    "notice_letter": Route(allowed=addressed, kwargs=lambda world: notice(world) | {"kind": "docx"}, secrets=names),
    "notice_part": Route(allowed=addressed, kwargs=part, secrets=names),
    "notice_confirm": Route(allowed=addressed, kwargs=part, post=True, secrets=names),
}


def admin_row(model: type[Model], world: World) -> Model:
    """A row of any model of this app."""
    found = issued(world)
    if model is Recipient:
        return found.recipients.get()
    if model is NoticeBatch:
        job = Job.objects.create(kind="notices.draw_notice", key=str(found.pk), title="制作")
        return NoticeBatch.objects.create(notice=found, job=job)
    if model is NumberSequence:
        return NumberSequence.objects.create(code="青财绩效", year=YEAR, last=1)
    assert model is Notice
    return found
