"""Every write of notices."""

from notices.services.drafting import Addressee, draft
from notices.services.issuing import confirm_receipt, issue, next_number
from notices.services.printing import draw_parts, start_batch

__all__ = ["Addressee", "confirm_receipt", "draft", "draw_parts", "issue", "next_number", "start_batch"]
