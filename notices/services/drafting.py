"""Drafting: the context and every recipient's part are filled by the stage that sends the notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from core.services import Refused
from notices.enums import NoticeState
from notices.kinds import Context
from notices.models import Notice, Recipient
from organisations.models import Organisation


@dataclass(frozen=True)
class Addressee:
    """One recipient with its own part as JSON; `name` is the organisation's name on the notice."""

    organisation: Organisation
    name: str
    part: dict[str, Any]


@transaction.atomic
def draft(
    *, context: Context, fiscal_year: int, addressees: Sequence[Addressee], source_key: str, by: Any
) -> tuple[Notice, dict[int, Recipient]]:
    """Draft (or draft anew) the notice of one matter; returns it with its recipients by organisation id.

    `source_key` names the matter: as long as its notice is a draft there is one, rewritten. Raises `Refused` once it
    is issued.
    """
    if not addressees:
        raise Refused("没有主送机关，无法拟稿。", code="nobody")
    known = Notice.objects.select_for_update(of=("self",)).filter(source_key=source_key).first()
    if known is not None and known.state != NoticeState.DRAFT:
        raise Refused(f"“{known.title}”已印发（{known.number}），不能重拟。", code="issued")
    notice = known or Notice(source_key=source_key, created_by=by)
    notice.kind, notice.fiscal_year = context.CODE, fiscal_year
    notice.title, notice.context = context.title, context.as_json()
    notice.save()
    # Parts never change once written; those of a draft are written anew.
    notice.recipients.all().delete()
    recipients = {
        one.organisation.pk: Recipient.objects.create(
            notice=notice, organisation=one.organisation, name=one.name, part=one.part
        )
        for one in addressees
    }
    return notice, recipients
