"""Every write of projects, the ledger, sources and the rows that wait for a person."""

from budgets.services.claims import claim
from budgets.services.ledger import EntryRow, post_entries
from budgets.services.projects import ProjectRow, upsert_projects
from budgets.services.results import Counts, Problem, RowsRefused

__all__ = ["Counts", "EntryRow", "Problem", "ProjectRow", "RowsRefused", "claim", "post_entries", "upsert_projects"]
