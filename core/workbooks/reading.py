"""What a reading answers: rows, errors, warnings, control totals, and where each row came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from . import layout as finder
from .declare import Form
from .errors import CellError, Code, cell_position
from .sources import RawSheet, Stamp

_CLASSIFIED = frozenset({Code.CLASSIFIED, Code.CLASSIFIED_SHEET})


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """A 合计 that the file states (yuan for money) and what its rows add up to; None where a row is faulty."""

    file: str
    sheet: str
    cell: str
    key: str
    stated: Decimal | int
    summed: Decimal | int | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sheet's rows came from: file, the sheet's name there, the letter-giving columns, the lines above them."""

    file: str
    raw: RawSheet
    layout: finder.Layout
    titles: list[list[Any]] = field(default_factory=list)


@dataclass
class Reading:
    """What was read. Nothing may be imported while `errors` is not empty.

    rows       sheet name → its rows: named tuples (file_no, row_no, *columns). row_no is the row Excel shows.
               A faulty cell reads None (its error is in `errors`); rows marked as classified are not there at all.
    errors     in the order of files, sheets, rows, columns
    warnings   same shape: what was rounded, skipped or not read
    totals     control totals found
    stamps     what the templates say of themselves, one per file, None for other files
    """

    form: Form
    files: list[str] = field(default_factory=list)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    errors: list[CellError] = field(default_factory=list)
    warnings: list[CellError] = field(default_factory=list)
    totals: list[ControlTotal] = field(default_factory=list)
    stamps: list[Stamp | None] = field(default_factory=list)
    origins: dict[tuple[int, str], Origin] = field(default_factory=dict)
    data_rows: int = 0

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def classified(self) -> bool:
        """Whether anything is marked as a state secret: then the uploaded file itself must not be kept."""
        return any(error.code in _CLASSIFIED for error in self.errors)

    def has(self, sheet: str, key: str) -> bool:
        """Whether any file has the column: absent is not the same as blank."""
        return any(name == sheet and key in origin.layout.columns for (_, name), origin in self.origins.items())

    def cell(self, sheet: str, row: Any, key: str | None) -> CellError:
        """The place of a row's column as an error without text."""
        origin = self.origins[row.file_no, sheet]
        index = origin.layout.columns.get(key or "", 0)
        return CellError(origin.raw.name, origin.raw.cell(row.row_no - 1, index), "", "", origin.file)

    def fault(self, sheet: str, row: Any, key: str | None, code: str, text: str) -> None:
        """Add an error that only the importer can see (unknown code, loop …) at a row's column."""
        place = self.cell(sheet, row, key)
        self.errors.append(CellError(place.sheet, place.cell, code, text, place.file))

    def warn(self, sheet: str, row: Any, key: str | None, code: str, text: str) -> None:
        place = self.cell(sheet, row, key)
        self.warnings.append(CellError(place.sheet, place.cell, code, text, place.file))

    def sort(self) -> None:
        """Order errors, warnings and totals by file, sheet, row, column; call again after adding faults."""
        files = {name: number for number, name in enumerate(self.files)}
        sheets = {(origin.file, origin.raw.name): number for number, origin in enumerate(self.origins.values())}

        def place(error: CellError | ControlTotal) -> tuple[int, int, int, int]:
            number = sheets.get((error.file or "", error.sheet or ""), -1)
            return (files.get(error.file or "", -1), number, *cell_position(error.cell))

        self.errors.sort(key=place)
        self.warnings.sort(key=place)
        self.totals.sort(key=place)
