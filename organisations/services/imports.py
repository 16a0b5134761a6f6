"""What an import of organisations or users answers, and what both share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.services import record_security_event
from core.workbooks import CellError, Form, Reading, Source, mark, read
from organisations.models import User
from organisations.services.authority import require_keeper


@dataclass
class ImportResult:
    """Counts of rows; all of them or none. `passwords`: (user name, name, temporary password), told once.

    `classified`: something is marked as a state secret, so the uploaded file must not be kept.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[CellError] = field(default_factory=list)
    warnings: list[CellError] = field(default_factory=list)
    annotated: Path | None = None
    passwords: list[tuple[str, str, str]] = field(default_factory=list)
    classified: bool = False

    @property
    def ok(self) -> bool:
        return not self.errors

    def as_dict(self) -> dict[str, Any]:
        """The shape that scripts rely on."""
        return {
            "rows": self.rows,
            "accepted": self.rows if self.ok else 0,
            "rejected": 0 if self.ok else self.rows,
            "held": 0,
            "created": self.created if self.ok else 0,
            "updated": self.updated if self.ok else 0,
            "unchanged": self.unchanged if self.ok else 0,
            "reversed": 0,
            "errors": [error.as_dict() for error in self.errors],
            "warnings": [warning.as_dict() for warning in self.warnings],
            "annotated": str(self.annotated) if self.annotated else None,
        }


def begin(form: Form, files: Iterable[Source], *, by: User | None) -> tuple[Reading, list[Source]]:
    """Check who asks, then read the files."""
    require_keeper(by)
    sources = list(files)
    return read(form, sources), sources


def refused(reading: Reading, sources: list[Source], *, annotate: Path | None) -> ImportResult:
    """The answer to a workbook with errors: all of them, and at `annotate` the user's file with every error marked."""
    reading.sort()
    if annotate is not None and sources:
        mark(reading, sources, annotate)
    return ImportResult(
        rows=reading.data_rows,
        errors=reading.errors,
        warnings=reading.warnings,
        annotated=annotate if sources else None,
        classified=reading.classified,
    )


def done(reading: Reading, created: int, updated: int, unchanged: int) -> ImportResult:
    return ImportResult(reading.data_rows, created, updated, unchanged, warnings=reading.warnings)


def log_import(what: str, result: ImportResult, *, by: User | None) -> None:
    counts = f"新增 {result.created}，更新 {result.updated}，未变 {result.unchanged}"
    record_security_event("import", user=by, what=f"导入{what} {result.rows} 行：{counts}")
