"""Every write of recovery, in the order of its steps."""

from monitoring.services.consulting import give_opinion, opinion_form, request_opinions
from monitoring.services.deciding import hand_over, record_decision, withdraw
from monitoring.services.execution import assign_allocation, confirm_execution
from monitoring.services.matching import Matched, dismiss, match_entries, match_waiting, settle
from monitoring.services.notifying import draft_notice
from monitoring.services.reviewing import Outcome, preview, review, review_many, submit_review
from monitoring.services.rule_versions import draft_rule, new_version, publish_rule, rule_from_file, update_draft
from monitoring.services.runs import compute, start_run

__all__ = [
    "Matched",
    "Outcome",
    "assign_allocation",
    "compute",
    "confirm_execution",
    "dismiss",
    "draft_notice",
    "draft_rule",
    "give_opinion",
    "hand_over",
    "match_entries",
    "match_waiting",
    "new_version",
    "opinion_form",
    "preview",
    "publish_rule",
    "record_decision",
    "request_opinions",
    "review",
    "review_many",
    "rule_from_file",
    "settle",
    "start_run",
    "submit_review",
    "update_draft",
    "withdraw",
]
