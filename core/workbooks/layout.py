"""Finding the heading row and which of its columns is which. Names are declared, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .cells import compact, is_blank, tidy
from .declare import UNITS, Column, Sheet

SEARCHED_ROWS = 30
_UNIT = "百万元|千元|百元|万元|亿元|元"
_UNIT_MARK = re.compile(
    rf"[(\[【](?:金额)?(?:单位:?)?(?:人民币)?({_UNIT})(?:人民币)?[)\]】]|[,/:_-](?:单位:?)?({_UNIT})\Z"
)
_PERCENT_MARK = re.compile(r"[(\[【](?:单位:?)?%[)\]】]|[,/:_-]?%\Z")
_HINT = re.compile(r"[(\[【](?:必填|选填|必选|可选|可不填|下拉选择)[)\]】]")
_TITLE_UNIT = re.compile(rf"单位:(?:人民币)?({_UNIT})(?![\u4e00-\u9fff])")
_SECRECY_HEADINGS = {"密级", "涉密等级", "保密等级", "涉密级别", "保密级别", "是否涉密", "定密"}

Merged = Sequence[tuple[tuple[int, int], tuple[int, int]]]


@dataclass(frozen=True)
class Heading:
    """A heading's bare name, and the unit it names: yuan per unit, or percent."""

    name: str
    per_unit: int | None = None
    percent: bool = False


def normalise(text: object) -> Heading:
    """Full and half width, blanks, line breaks, stars and 必填 hints do not matter; a bracketed unit is taken off."""
    name = _HINT.sub("", compact(str(text)).upper()).strip("*")
    unit = _UNIT_MARK.search(name)
    percent = _PERCENT_MARK.search(name)
    if unit:
        name = name[: unit.start()] + name[unit.end() :]
    elif percent:
        name = name[: percent.start()] + name[percent.end() :]
    return Heading(name.strip("*:"), UNITS[unit[1] or unit[2]] if unit else None, bool(percent and not unit))


@dataclass
class Layout:
    """Where a sheet's columns are. Rows and columns count from 0."""

    header_rows: tuple[int, ...]
    columns: dict[str, int] = field(default_factory=dict)
    headings: dict[int, Heading] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    twice: list[tuple[Column, int, int]] = field(default_factory=list)
    title_unit: int | None = None

    @property
    def data_start(self) -> int:
        return self.header_rows[-1] + 1

    @property
    def score(self) -> int:
        return len(self.columns)

    def missing(self, sheet: Sheet) -> list[Column]:
        return [
            column
            for column in sheet.columns
            if (column.required or column.key in sheet.key) and column.key not in self.columns
        ]

    def unknown(self) -> list[str]:
        used = set(self.columns.values()) | {second for _, _, second in self.twice} | self.secrecy_columns()
        return [text for index, text in sorted(self.texts.items()) if index not in used]

    def per_unit(self, column: Column) -> int | None:
        """Yuan in one unit of a money column: the heading's word, then the title lines', then the declaration's."""
        heading = self.headings[self.columns[column.key]]
        return heading.per_unit or self.title_unit or (column.per_unit if column.unit else None)

    def secrecy_columns(self) -> set[int]:
        return {index for index, heading in self.headings.items() if heading.name.split("/")[-1] in _SECRECY_HEADINGS}


def names_of(column: Column, mapping: Mapping[str, str] | None) -> set[str]:
    """The normalised headings under which a column is found; a mapping's entry replaces the declared ones."""
    if mapping is not None and column.key in mapping:
        given = mapping[column.key]
        return {normalise(given).name} if given else set()
    return {normalise(name).name for name in (column.label, *column.aliases)}


def locate(
    rows: Sequence[Sequence[Any]], merged: Merged, sheet: Sheet, mapping: Mapping[str, str] | None = None
) -> Layout | None:
    """The row, or pair of rows, in which most declared headings stand; None if there is none."""
    wanted = {name: column for column in sheet.columns for name in names_of(column, mapping)}
    best: Layout | None = None
    for number in range(min(len(rows), SEARCHED_ROWS)):
        for layout in _candidates(rows, merged, number):
            _match(layout, wanted)
            # A title line above the heading makes a pair that matches no more than the heading alone.
            if best is None or _rank(layout) > _rank(best):
                best = layout
    if best is None or best.score < min(2, len(sheet.columns)):
        return None
    best.title_unit = _title_unit(rows[: best.header_rows[0]])
    return best


def describe(rows: Sequence[Sequence[Any]], merged: Merged) -> Layout | None:
    """For a file of which nothing is known: the first row that looks like headings (most text cells, all different)."""
    best, best_width = None, 1
    for number, row in enumerate(rows[:SEARCHED_ROWS]):
        texts = [tidy(cell) for cell in row if isinstance(cell, str) and tidy(cell)]
        if (
            len(texts) == len([cell for cell in row if not is_blank(cell)])
            and len(set(texts)) == len(texts) > best_width
        ):
            best, best_width = number, len(texts)
    if best is None:
        return None
    grouped = {top for (top, left), (bottom, right) in merged if top == bottom and right > left}
    upper = best if best in grouped else best - 1
    if upper in grouped and upper + 1 < len(rows) and len([cell for cell in rows[upper] if not is_blank(cell)]) > 1:
        layout = _pair(rows[upper], rows[upper + 1], merged, upper)
    else:
        layout = _candidates(rows, merged, best)[0]
    layout.title_unit = _title_unit(rows[: layout.header_rows[0]])
    return layout


def _rank(layout: Layout) -> tuple[int, int, int]:
    """Most columns; then one row rather than two; then the upper one."""
    return layout.score, -len(layout.header_rows), -layout.header_rows[0]


def _candidates(rows: Sequence[Sequence[Any]], merged: Merged, number: int) -> list[Layout]:
    single = Layout((number,))
    for index, cell in enumerate(rows[number]):
        if isinstance(cell, str) and tidy(cell):
            single.texts[index] = tidy(cell)
            single.headings[index] = normalise(cell)
    if not single.texts:
        return []
    if number + 1 >= len(rows):
        return [single]
    return [single, _pair(rows[number], rows[number + 1], merged, number)]


def _pair(upper: Sequence[Any], lower: Sequence[Any], merged: Merged, number: int) -> Layout:
    """Group headings above, sub headings below: `组/列`."""
    layout = Layout((number, number + 1))
    spans = {left: right for (top, left), (bottom, right) in merged if top == number == bottom and right > left}
    group, until = "", -1
    for index in range(max(len(upper), len(lower))):
        above = tidy(upper[index]) if index < len(upper) and isinstance(upper[index], str) else ""
        below = tidy(lower[index]) if index < len(lower) and isinstance(lower[index], str) else ""
        if above:
            group, until = above, spans.get(index, len(upper) if not merged else index)
        elif index > until:
            group = ""
        if not below:
            if above:
                layout.texts[index], layout.headings[index] = above, normalise(above)
            continue
        sub, over = normalise(below), normalise(group)
        full = f"{over.name}/{sub.name}" if over.name else sub.name
        layout.texts[index] = f"{group}/{below}" if group else below
        layout.headings[index] = Heading(full, sub.per_unit or over.per_unit, sub.percent or over.percent)
    return layout


def _match(layout: Layout, wanted: Mapping[str, Column]) -> None:
    """Full names first, then a sub heading alone where its name is not taken."""
    for alone in (False, True):
        taken = set(layout.columns.values())
        known = set(layout.columns)
        for index, heading in layout.headings.items():
            name = heading.name.rsplit("/", 1)[-1] if alone else heading.name
            column = wanted.get(name)
            if column is None or index in taken or column.key in known:
                continue
            if column.key in layout.columns:
                layout.twice.append((column, layout.columns[column.key], index))
            else:
                layout.columns[column.key] = index


def _title_unit(titles: Sequence[Sequence[Any]]) -> int | None:
    for row in titles:
        for cell in row:
            found = _TITLE_UNIT.search(compact(cell)) if isinstance(cell, str) else None
            if found:
                return UNITS[found[1]]
    return None
