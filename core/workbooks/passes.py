"""One sheet of one file on its way through: heading, rows, rows that are no data, control totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice, repeat
from typing import Any

from . import layout as finder
from . import marks
from .cells import Converter, Fault, Noted, is_blank, shown
from .declare import UNITS, Column, Kind, Sheet
from .errors import CellError, Code, Refused, message
from .ooxml import COLUMNS_LIMIT
from .reading import ControlTotal, Reading
from .sources import RawSheet

CHUNK = 2_000
COVERED_LIMIT = 2_000_000  # cells under merged ranges: ranges that overlap are no honest file
_NUMERIC = (Kind.MONEY, Kind.INTEGER)


class SheetPass:
    """One sheet of one file on its way through: collects rows, then weighs totals."""

    def __init__(
        self, reading: Reading, file_no: int, file: str, sheet: Sheet, raw: RawSheet, layout: finder.Layout
    ) -> None:
        self.reading, self.file_no, self.file = reading, file_no, file
        self.sheet, self.raw, self.layout = sheet, raw, layout
        self.rows: list[Any] = reading.rows[sheet.name]
        self.first = len(self.rows)
        self.faulty: set[str] = set()
        self.rounded: dict[str, int] = defaultdict(int)
        self.total_rows: list[tuple[int, list[Any]]] = []
        self.subtotals: list[int] = []
        self.dropped = 0
        self.shifted: set[int] = set()  # rows whose cells stand under the wrong headings: said once, not at each cell
        self.secrecy = layout.secrecy_columns()
        self.keys = {index: key for key, index in layout.columns.items()}
        present = [sheet.column(key) for key in layout.columns]
        keyed = [column for column in present if column.key in sheet.key] or [c for c in present if c.required]
        self.key_cells = [layout.columns[column.key] for column in keyed if column.kind not in _NUMERIC]
        self.converters = {
            column.key: Converter(
                column,
                per_unit=layout.per_unit(column),
                percent=layout.headings[layout.columns[column.key]].percent,
            )
            for column in present
        }

    # --- header ---

    def error(self, row: int, index: int, code: Code, text: str) -> None:
        self.reading.errors.append(CellError(self.raw.name, self.raw.cell(row, index), code, text, self.file))

    def whole(self, code: Code, **values: object) -> None:
        self.reading.errors.append(CellError(self.raw.name, None, code, message(code, **values), self.file))

    def no_header(self, top: Sequence[Sequence[Any]]) -> None:
        if self._secret_title(top):
            return
        seen = [shown(cell) for row in top[:5] for cell in row if not is_blank(cell)]
        expected = "、".join(column.heading for column in self.sheet.columns)
        self.whole(Code.HEADER_MISSING, expected=expected, present="、".join(seen[:20]) or "（空）")

    def _secret_title(self, rows: Sequence[Sequence[Any]]) -> bool:
        for number, row in enumerate(rows):
            for index, cell in enumerate(row):
                if marks.is_secret(cell):
                    self.error(number, index, Code.CLASSIFIED_SHEET, message(Code.CLASSIFIED_SHEET))
                    return True
        return False

    def check_header(self, top: Sequence[Sequence[Any]]) -> bool:
        """Whether the rows below can be read at all."""
        layout, sheet = self.layout, self.sheet
        if self._secret_title(top[: layout.data_start]):
            return False
        above = [number for number, row in enumerate(top[: layout.header_rows[0]]) if not all(map(is_blank, row))]
        if above and not sheet.title_rows:
            self.error(above[0], 0, Code.TITLE_NOT_ALLOWED, message(Code.TITLE_NOT_ALLOWED))
        for column, first, second in layout.twice:
            first_cell = self.raw.cell(layout.header_rows[-1], first)
            text = message(Code.HEADING_TWICE, label=column.label, first=first_cell)
            self.error(layout.header_rows[-1], second, Code.HEADING_TWICE, text)
        missing = layout.missing(sheet)
        if missing:
            present = "、".join(layout.texts[index] for index in sorted(layout.texts))
            self.whole(
                Code.HEADING_MISSING, missing="、".join(f"“{column.heading}”" for column in missing), present=present
            )
        for key, index in layout.columns.items():
            column = sheet.column(key)
            if column.kind == Kind.MONEY and self.converters[key].per_unit is None:
                # Said once at the heading; cells that carry their own unit are still understood.
                self.error(
                    layout.header_rows[-1], index, Code.UNIT_UNKNOWN, message(Code.UNIT_UNKNOWN, label=column.label)
                )
                self.converters[key].per_unit = 1
                self.faulty.add(key)
        unknown = layout.unknown()
        if unknown:
            text = message(Code.HEADING_UNKNOWN, names="、".join(f"“{name}”" for name in unknown))
            cell = self.raw.cell(layout.header_rows[-1], 0)
            self.reading.warnings.append(CellError(self.raw.name, cell, Code.HEADING_UNKNOWN, text, self.file))
        return True

    # --- rows ---

    def run(self, rows: Iterator[list[Any]]) -> None:
        overrides = self._overrides()
        width = max(self.layout.texts, default=0) + 1
        number = self.layout.data_start
        while chunk := list(islice(rows, CHUNK)):
            if self.raw.ragged:
                self._square(chunk, number, width)
            self._chunk(chunk, number, overrides)
            number += len(chunk)
        self._finish()

    def _square(self, chunk: list[list[Any]], number: int, width: int) -> None:
        """Text files have rows of any length. What lies beyond the heading stays, for the search for secrecy marks."""
        widest = min(max(map(len, chunk)), COLUMNS_LIMIT)
        for offset, row in enumerate(chunk):
            if len(row) > width:
                beyond = [index for index in range(width, len(row)) if not is_blank(row[index])]
                if beyond:
                    text = message(Code.ROW_TOO_LONG, count=len(row) - width)
                    self.error(number + offset, beyond[0], Code.ROW_TOO_LONG, text)
                    self.shifted.add(number + offset)
            target = max(widest, width)
            chunk[offset] = row[:target] + [""] * (target - len(row))

    def _overrides(self) -> dict[int, dict[int, Any]]:
        """Row → column → Fault for cells the parser shows as blank: error values, merged cells."""
        found: dict[int, dict[int, Any]] = defaultdict(dict)
        by_index = {index: self.sheet.column(key) for key, index in self.layout.columns.items()}
        covered = 0
        for (row, index), text in self.raw.scan.errors.items():
            found[row][index] = Fault(Code.ERROR_CELL, value=text)
        for row, index in self.raw.scan.uncalculated:
            found[row][index] = Fault(Code.FORMULA_EMPTY)
        for (top, left), (bottom, right) in self.raw.merged:
            if top < self.layout.data_start:
                continue
            covered += (bottom - top + 1) * len(by_index)
            if covered > COVERED_LIMIT:
                raise Refused(Code.BOMB, file=self.file)
            mapped = [index for index in range(left, min(right, left + 300) + 1) if index in by_index]
            if not mapped or (len(mapped) == 1 and top == bottom):
                continue
            area = f"{self.raw.cell(top, left)}:{self.raw.cell(bottom, right)}"
            for index in mapped:
                column = by_index[index]
                filled = column.fill_down and left == right
                source = _FillFrom(top)
                for row in range(top, bottom + 1):
                    if filled:
                        found[row][index] = source
                    elif (row, index) == (top, mapped[0]):
                        found[row][index] = Fault(Code.MERGED, label=column.label, range=area)
                    else:
                        found[row][index] = _COVERED
        return found

    def _chunk(self, chunk: list[list[Any]], start: int, overrides: dict[int, dict[int, Any]]) -> None:
        self._fill_down(chunk, start, overrides)
        special = self._special_rows(chunk, start)
        numbers: list[int] = list(range(start, start + len(chunk)))
        if special:
            numbers = [number for number in numbers if number - start not in special]
            chunk = [row for offset, row in enumerate(chunk) if offset not in special]
        if not chunk:
            return
        raw_columns = list(zip(*chunk, strict=False))
        blank = [None] * len(chunk)
        columns: list[Sequence[Any]] = []
        problems: dict[int, list[tuple[int, Any]]] = {}
        touched = {number: place for place, number in enumerate(numbers) if number in overrides} if overrides else {}
        for column in self.sheet.columns:
            index = self.layout.columns.get(column.key)
            if index is None or index >= len(raw_columns):
                columns.append(blank)
                continue
            values = self.converters[column.key].chunk(raw_columns[index])
            columns.append(self._settle(column, index, values, touched, overrides, problems))
        # Two leading fields, then the columns: one C-level zip makes the tuples.
        shown_numbers = (number + 1 for number in numbers)
        made = map(self.sheet.row_type._make, zip(repeat(self.file_no), shown_numbers, *columns, strict=False))
        if problems:
            self.rows.extend(self._report(list(made), chunk, numbers, problems))
        else:
            self.rows.extend(made)

    def _settle(
        self,
        column: Column,
        index: int,
        values: Sequence[Any],
        touched: Mapping[int, int],
        overrides: Mapping[int, Mapping[int, Any]],
        problems: dict[int, list[tuple[int, Any]]],
    ) -> Sequence[Any]:
        """Take faults, remarks and missing values out of a converted column, noting them by row."""
        patches = {place: overrides[number][index] for number, place in touched.items() if index in overrides[number]}
        patches = {place: patch for place, patch in patches.items() if not isinstance(patch, _FillFrom)}
        kinds = set(map(type, values))
        if not patches and Fault not in kinds and Noted not in kinds and not (column.required and type(None) in kinds):
            return values
        settled = list(values)
        for place, value in enumerate(settled):
            if type(value) is Fault:
                settled[place] = None
            elif type(value) is Noted:
                settled[place] = value.value
                self.rounded[column.key] += 1
            elif value is None and column.required and place not in patches:
                value = Fault(Code.REQUIRED, label=column.label)
            elif place not in patches:
                continue
            problem = patches.get(place, value)
            if place in patches:
                settled[place] = None
            if isinstance(problem, (Fault, Noted)):
                problems.setdefault(place, []).append((index, problem))
        return settled

    def _report(
        self, made: list[Any], chunk: list[list[Any]], numbers: list[int], problems: dict[int, list[tuple[int, Any]]]
    ) -> list[Any]:
        """Errors of a chunk's rows; rows that turn out to be blank or a note are taken out."""
        out: set[int] = set()
        for place, found in problems.items():
            if numbers[place] in self.shifted:
                self.faulty.update(self.converters)
                continue
            lacking = [
                index for index, problem in found if isinstance(problem, Fault) and problem.code == Code.REQUIRED
            ]
            if lacking and all(map(is_blank, chunk[place])):
                if len(lacking) == len(found):
                    out.add(place)
                    continue
            elif set(self.key_cells) - {self._first_filled(chunk[place])} <= set(lacking) and marks.is_note(
                chunk[place]
            ):
                out.add(place)
                cell = self.raw.cell(numbers[place], self._first_filled(chunk[place]))
                text = message(Code.NOTE_SKIPPED)
                self.reading.warnings.append(CellError(self.raw.name, cell, Code.NOTE_SKIPPED, text, self.file))
                continue
            for index, problem in found:
                target = self.reading.warnings if isinstance(problem, Noted) else self.reading.errors
                if isinstance(problem, Fault):
                    self.faulty.add(self.keys[index])
                cell = self.raw.cell(numbers[place], index)
                target.append(CellError(self.raw.name, cell, problem.code, problem.text, self.file))
        return [row for place, row in enumerate(made) if place not in out]

    @staticmethod
    def _first_filled(row: Sequence[Any]) -> int:
        return next((index for index, cell in enumerate(row) if not is_blank(cell)), 0)

    def _fill_down(self, chunk: list[list[Any]], start: int, overrides: dict[int, dict[int, Any]]) -> None:
        for number in [n for n in overrides if start <= n < start + len(chunk)]:
            for index, patch in overrides[number].items():
                if isinstance(patch, _FillFrom):
                    if number == patch.row:
                        patch.value = chunk[number - start][index]
                    chunk[number - start][index] = patch.value

    # --- rows that are no data ---

    def _special_rows(self, chunk: list[list[Any]], start: int) -> set[int]:
        """Offsets of blank, total, heading and classified rows; what must be said of them is said here."""
        special = {offset for offset, row in enumerate(chunk) if row.count("") == len(row)}
        secret: set[int] = set()
        heading_index = min(self.layout.texts)
        heading = self.layout.texts[heading_index].rsplit("/", 1)[-1]
        for index, cells in enumerate(zip(*chunk, strict=False)):
            texts = cells if set(map(type, cells)) == {str} else [c for c in cells if type(c) is str]
            joined = "".join(texts)
            if "密" in joined or index in self.secrecy:
                secret |= self._secret_rows(cells, index, start, secret)
            if "计" in joined:
                for offset, cell in enumerate(cells):
                    if type(cell) is str and "计" in cell and offset not in special and offset not in secret:
                        self._total_row(chunk[offset], start + offset, offset, special)
            if index == heading_index and heading in joined:
                special |= {offset for offset, row in enumerate(chunk) if self._is_heading(row)}
        return special | secret

    def _secret_rows(self, cells: Sequence[Any], index: int, start: int, known: set[int]) -> set[int]:
        found = set()
        secrecy = index in self.secrecy
        for offset, cell in enumerate(cells):
            if offset not in known and marks.is_secret(cell, secrecy_column=secrecy):
                found.add(offset)
                self.error(start + offset, index, Code.CLASSIFIED, message(Code.CLASSIFIED))
        self.dropped += len(found)
        return found

    def _total_row(self, row: list[Any], number: int, offset: int, special: set[int]) -> None:
        kind = marks.total_kind(row, self.key_cells)
        if kind is None:
            return
        special.add(offset)
        if self.sheet.total_row == "forbidden":
            self.error(number, self._first_filled(row), Code.TOTAL_ROW, message(Code.TOTAL_ROW))
        elif kind == "subtotal":
            self.subtotals.append(number + 1)
        else:
            self.total_rows.append((number, row))

    def _is_heading(self, row: Sequence[Any]) -> bool:
        mapped = [(index, row[index]) for index in self.layout.columns.values() if index < len(row)]
        filled = [(index, cell) for index, cell in mapped if not is_blank(cell)]
        return len(filled) >= 2 and all(
            isinstance(cell, str) and finder.normalise(cell).name in self.layout.headings[index].name.split("/")
            for index, cell in filled
        )

    # --- after the last row ---

    def _finish(self) -> None:
        if self.subtotals:
            numbers = "、".join(map(str, self.subtotals[:20])) + ("…" if len(self.subtotals) > 20 else "")
            text = message(Code.SUBTOTALS_SKIPPED, count=len(self.subtotals), rows=numbers)
            cell = self.raw.cell(self.subtotals[0] - 1, 0)
            self.reading.warnings.append(CellError(self.raw.name, cell, Code.SUBTOTALS_SKIPPED, text, self.file))
        if len(self.rows) == self.first and not self.dropped and self.sheet.required:
            self.whole(Code.NO_ROWS, sheet=self.raw.name)
        if self.total_rows:
            self._weigh()

    def _weigh(self) -> None:
        """Each 合计 agrees with all rows, or with those since the 合计 before it."""
        rows = self.rows[self.first :]
        for key, index in self.layout.columns.items():
            column = self.sheet.column(key)
            if column.kind not in _NUMERIC:
                continue
            position = 2 + [other.key for other in self.sheet.columns].index(key)
            figures = [(row[1], row[position]) for row in rows if row[position] is not None]
            everything = sum((figure for _, figure in figures), Decimal(0))
            slack = Decimal("0.01") * self.rounded[key]
            previous = 0
            for number, total_row in self.total_rows:
                stated = self.converters[key].convert(total_row[index]) if index < len(total_row) else None
                stated = stated.value if isinstance(stated, Noted) else stated
                if isinstance(stated, Fault):
                    self.error(number, index, stated.code, stated.text)
                elif stated is not None:
                    block = sum((figure for at, figure in figures if previous < at <= number), Decimal(0))
                    self._compare(column, number, index, stated, everything, block, slack)
                previous = number

    def _compare(
        self, column: Column, number: int, index: int, stated: Any, everything: Any, block: Any, slack: Decimal
    ) -> None:
        known = column.key not in self.faulty and not self.dropped
        summed = min((everything, block), key=lambda amount: abs(amount - stated))
        cell = self.raw.cell(number, index)
        self.reading.totals.append(
            ControlTotal(self.file, self.raw.name, cell, column.key, stated, summed if known else None)
        )
        if known and abs(summed - stated) > slack:
            figures = [self._figure(column, amount) for amount in (stated, everything, abs(stated - everything))]
            text = message(
                Code.TOTAL_MISMATCH,
                label=column.label,
                stated=figures[0],
                summed=figures[1],
                difference=figures[2],
            )
            self.error(number, index, Code.TOTAL_MISMATCH, text)

    def _figure(self, column: Column, amount: Any) -> str:
        """An amount in the unit the sheet uses."""
        if column.kind != Kind.MONEY:
            return f"{amount:,}"
        per_unit = self.converters[column.key].per_unit or 1
        unit = next(name for name, yuan in UNITS.items() if yuan == per_unit)
        return f"{Decimal(amount) / per_unit:,.{2 if per_unit == 1 else 6}f}".rstrip("0").rstrip(".") + f" {unit}"


class _FillFrom:
    """A merged cell of a fill-down column takes the value of its first row."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.value: Any = ""


_COVERED = object()  # blank because merged away: the fault stands at the range's first cell
