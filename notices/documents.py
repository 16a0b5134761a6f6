"""Letter and parts of a notice, drawn from its frozen context."""

from __future__ import annotations

from core.documents import Letter, ListSheet
from notices.kinds import KINDS, RecoveryNotice
from notices.models import Notice, Recipient


def context_of(notice: Notice) -> RecoveryNotice:
    return KINDS[notice.kind].from_json(notice.context)


def letter_of(notice: Notice) -> Letter:
    """The letter; a draft has neither number nor date."""
    return context_of(notice).letter(number=notice.number, signed_on=notice.issued_on)


def part_of(recipient: Recipient) -> ListSheet:
    """The recipient's own 告知单. Needs `notice`."""
    notice = recipient.notice
    return context_of(notice).part(recipient.name, recipient.part, signed_on=notice.issued_on)
