"""Forms, sheets and columns: what a workbook looks like, declared once for template, parser and export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any


class Kind(StrEnum):
    """What a column holds, and what a parsed row gives for it (blank is always None)."""

    TEXT = "text"  # str, trimmed
    CODE = "code"  # str, half-width, without any blank
    MONEY = "money"  # Decimal, yuan, two places, whatever unit the sheet uses
    INTEGER = "integer"  # int
    RATE = "rate"  # Decimal fraction: 85.5 % → Decimal("0.855")
    DATE = "date"  # datetime.date
    CHOICE = "choice"  # the value (first item) of the choice
    BOOLEAN = "boolean"  # bool


UNITS = {"元": 1, "百元": 100, "千元": 1_000, "万元": 10_000, "百万元": 1_000_000, "亿元": 100_000_000}

TEXT, CODE, MONEY, INTEGER = Kind.TEXT, Kind.CODE, Kind.MONEY, Kind.INTEGER
RATE, DATE, CHOICE, BOOLEAN = Kind.RATE, Kind.DATE, Kind.CHOICE, Kind.BOOLEAN


@dataclass(frozen=True)
class Column:
    """One column.

    aliases    other headings accepted; `组/列` names a column under a merged group heading. Never guessed.
    choices    labels, or (value, label) pairs as Django's `TextChoices.choices` gives them
    unit       unit of bare money: written into the template's heading, and taken for files whose heading,
               title lines and cell name none. None: the file must name it
    locked     prefilled cells of this column are protected in the template
    width      of the column in characters
    help       shown in 填写说明 and as the cell's input hint
    max_length in characters, for text and codes
    fill_down  a vertically merged cell counts for all its rows (otherwise it is an error)
    """

    key: str
    label: str
    kind: Kind | str = Kind.TEXT
    _: KW_ONLY
    required: bool = False
    aliases: Sequence[str] = ()
    choices: Sequence[str | tuple[str, str]] = ()
    unit: str | None = None
    locked: bool = False
    width: int | None = None
    help: str = ""
    max_length: int | None = None
    fill_down: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))
        if not self.key.isidentifier() or self.key.startswith("_"):
            raise ValueError(f"column key {self.key!r} is not a name")
        if (self.kind == Kind.CHOICE) != bool(self.choices):
            raise ValueError(f"column {self.key!r}: choices belong to a choice column, and it needs them")
        if self.unit is not None and (self.unit not in UNITS or self.kind != Kind.MONEY):
            raise ValueError(f"column {self.key!r}: unit {self.unit!r}")

    @cached_property
    def heading(self) -> str:
        """The heading as templates and exports print it."""
        unit = f"（{self.unit}）" if self.unit and "（" not in self.label else ""
        return f"{self.label}{unit}"

    @cached_property
    def options(self) -> tuple[tuple[str, str], ...]:
        """(value, label) pairs."""
        pairs = []
        for choice in self.choices:
            value, label = (choice, choice) if isinstance(choice, str) else choice
            pairs.append((str(value), str(label)))
        return tuple(pairs)

    @cached_property
    def per_unit(self) -> int:
        """Yuan in one of the column's units."""
        return UNITS[self.unit or "元"]


@dataclass(frozen=True)
class Sheet:
    """One sheet.

    key         columns that together may occur once in all files of an import; () for none
    title_rows  whether lines above the heading are tolerated
    total_row   control: a 合计 row must agree with the sum of its column; forbidden: it is an error
    required    whether a workbook without the sheet is refused
    fixed_rows  the template's rows are given, clerks add none (what is locked stays locked below the last row too)
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str] = ()
    _: KW_ONLY
    title_rows: bool = True
    total_row: str = "control"
    required: bool = True
    fixed_rows: bool = False

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if len(set(keys)) != len(keys) or not set(self.key) <= set(keys):
            raise ValueError(f"sheet {self.name!r}: column keys {keys}, key {list(self.key)}")
        if self.total_row not in ("control", "forbidden"):
            raise ValueError(f"sheet {self.name!r}: total_row {self.total_row!r}")
        if {"file_no", "row_no"} & set(keys):
            raise ValueError(f"sheet {self.name!r}: file_no and row_no are the parser's own")

    @cached_property
    def row_type(self) -> Any:
        """The named tuple of a parsed row: file_no, row_no, then the columns in their declared order."""
        from collections import namedtuple

        return namedtuple("Row", ["file_no", "row_no", *(column.key for column in self.columns)])

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)


@dataclass(frozen=True)
class Form:
    """A workbook. `code` and `version` are written into it and checked first when it comes back.

    stamped  only workbooks that carry the code are accepted; otherwise any file with the right headings is
    """

    code: str
    version: int
    title: str
    sheets: Sequence[Sheet]
    instructions: Sequence[str] = ()
    _: KW_ONLY
    stamped: bool = False

    def sheet(self, name: str) -> Sheet:
        return next(sheet for sheet in self.sheets if sheet.name == name)
