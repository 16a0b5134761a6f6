"""What a set-based write answers: counts, warnings, or every error at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from budgets.models import ImportBatch
from core.services import Refused


class Problem(NamedTuple):
    """One thing to mend or to know. `place` is the row's own number as the caller gave it (None: the whole import);
    `column` the field of the row type at fault."""

    place: int | None
    column: str | None
    code: str
    message: str


@dataclass
class Counts:
    """Rows of one import. rows = accepted + rejected + held; accepted = created + updated + unchanged.

    `reversed` counts ledger rows that were taken back because they changed; `vanished` those newly listed for a
    person; `claimed` held rows that found their project.
    """

    rows: int = 0
    rejected: int = 0
    held: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    reversed: int = 0
    vanished: int = 0
    claimed: int = 0
    batch: ImportBatch | None = None
    warnings: list[Problem] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return self.created + self.updated + self.unchanged

    def as_dict(self) -> dict[str, int]:
        """What an `ImportBatch` keeps."""
        names = ("rows", "accepted", "rejected", "held", "created", "updated", "unchanged", "reversed", "vanished")
        return {name: getattr(self, name) for name in (*names, "claimed")}


class RowsRefused(Refused):
    """Rows that cannot be taken: nothing was written. `problems` has every one of them."""

    def __init__(self, problems: list[Problem], *, rows: int = 0) -> None:
        first = problems[0].message
        super().__init__(first if len(problems) == 1 else f"共有 {len(problems)} 处错误，未写入任何内容：{first}")
        self.code = problems[0].code
        self.problems = problems
        self.rows = rows

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The shape that a background job shows."""
        return [{"code": p.code, "message": p.message, "where": p.place} for p in self.problems]
