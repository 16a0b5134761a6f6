"""The one model of an official document: PDF and .docx are both drawn from its `parts()`, in their order.

Formats follow GB/T 9704-2012 党政机关公文格式. Lengths are in characters of 3号 (16 pt) unless said otherwise;
money comes in yuan (`Decimal`) and is printed in 万元.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Protocol

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_CHARACTERS_A_LINE = 28
_TITLE_CHARACTERS_A_LINE = 19
# 四号 in the 版记, less a character at both ends and the hanging 抄送：.
_COPIES_CHARACTERS_A_LINE = 26
IMPRINT_LINE = 24.4
# No title line may end or begin inside a bracket, a number or these words (§7.3.1: 词意完整).
_KEEP_TOGETHER = (
    "关于",
    "年度",
    "预算",
    "绩效",
    "资金",
    "项目",
    "通知",
    "收回",
    "评价",
    "整改",
    "情况",
    "青田县",
    "财政局",
)
_NOT_AT_START = "的、，。；：》）〕”’"
_NOT_AT_END = "《（〔“‘"


class Style(StrEnum):
    """What a line is; the CSS classes and the .docx formats carry these names."""

    HEAD = "head"
    NUMBER = "number"
    TITLE = "title"
    RECIPIENTS = "recipients"
    BODY = "body"
    LEVEL_1 = "level1"
    LEVEL_2 = "level2"
    LEVEL_3 = "level3"
    LEVEL_4 = "level4"
    NOTE = "note"
    NOTE_NEXT = "note-next"
    SIGNATURE = "signature"
    DATE = "date"
    REMARK = "remark"
    ANNEX_MARK = "annex-mark"
    ANNEX_TITLE = "annex-title"
    UNIT = "unit"
    COPIES = "copies"
    PRINTED_BY = "printed-by"
    PRINTED_ON = "printed-on"


LEVELS = (Style.BODY, Style.LEVEL_1, Style.LEVEL_2, Style.LEVEL_3, Style.LEVEL_4)


def printable(text: str) -> str:
    """`text` without the characters that neither XML nor paper knows; tabs and line ends become spaces."""
    return _UNPRINTABLE.sub("", text).replace("\r\n", " ").replace("\n", " ").replace("\t", " ").replace("\r", " ")


def wan(yuan: Decimal, places: int = 2) -> str:
    """Yuan as 万元 with thousands separators, rounded half up: 12345678 → 1,234.57."""
    return f"{(yuan / 10_000).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"


def chinese_date(day: date) -> str:
    """§7.3.5.4: Arabic figures, the year in full, no leading zeros: 2023年3月8日."""
    return f"{day.year}年{day.month}月{day.day}日"


@dataclass(frozen=True)
class Line:
    """One paragraph as it will be drawn. `right` is its right indent and `size` its height in points, where set."""

    style: Style
    text: str
    right: float | None = None
    size: float | None = None
    first: bool = False

    @property
    def is_table(self) -> bool:
        return False


@dataclass(frozen=True)
class Paragraph:
    """Body text. Levels 1–4 are 一、 (黑体), （一） (楷体), 1. and （1） (仿宋); the mark is part of the text."""

    text: str
    level: int = 0


class Kind(StrEnum):
    """How the cells of a column are set."""

    TEXT = "text"
    CENTRE = "centre"
    NUMBER = "figure"
    MONEY = "money"


Cell = str | int | Decimal | date | None


@dataclass(frozen=True)
class Column:
    """`width` is a share of the table's width; `places` the decimals of a MONEY column, in 万元."""

    title: str
    kind: Kind = Kind.TEXT
    width: float = 1.0
    places: int = 2


@dataclass(frozen=True)
class Table:
    """Rows of cells, one for each column; MONEY cells are yuan. `total` is the last row, worked out by the caller."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        for row in (*self.rows, *([self.total] if self.total is not None else [])):
            if len(row) != len(self.columns):
                raise ValueError(f"表格应有 {len(self.columns)} 列，有一行是 {len(row)} 列。")

    @property
    def is_table(self) -> bool:
        return True

    @property
    def header(self) -> list[str]:
        return [printable(column.title) for column in self.columns]

    @property
    def shares(self) -> list[float]:
        """Each column's share of the width, in percent."""
        whole = sum(column.width for column in self.columns)
        return [round(100 * column.width / whole, 3) for column in self.columns]

    @property
    def text_rows(self) -> list[list[tuple[str, str]]]:
        """(kind, text) of every cell of the rows, without header and total."""
        return [self._texts(row) for row in self.rows]

    @property
    def total_row(self) -> list[tuple[str, str]]:
        return self._texts(self.total) if self.total is not None else []

    def _texts(self, row: Sequence[Cell]) -> list[tuple[str, str]]:
        return [(column.kind.value, _cell(column, cell)) for column, cell in zip(self.columns, row, strict=True)]


def _cell(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return printable(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    if column.kind is Kind.MONEY:
        return wan(Decimal(cell), column.places)
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


Block = Paragraph | Table
Part = Line | Table


@dataclass(frozen=True)
class Annex:
    """An attachment (附件). Without blocks it is only named: it goes out as a file of its own."""

    name: str
    blocks: Sequence[Block] = ()


class Document(Protocol):
    """What the PDF and .docx writers need."""

    @property
    def title(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def landscape(self) -> bool: ...
    def parts(self) -> Iterator[Part]: ...


@dataclass(frozen=True)
class Letter:
    """An official letter (公文). With `issuer` it gets the red head; with `printed_by` the 版记 at its foot."""

    title: str
    body: Sequence[Block]
    issuer: str = ""
    number: str = ""
    recipients: Sequence[str] = ()
    annexes: Sequence[Annex] = ()
    signed_by: str = ""
    signed_on: date | None = None
    sealed: bool = True
    remark: str = ""
    copies_to: Sequence[str] = ()
    printed_by: str = ""
    printed_on: date | None = None
    base: str = field(default="letter", init=False)
    landscape: bool = field(default=False, init=False)

    def parts(self) -> Iterator[Part]:
        if self.issuer:
            yield Line(Style.HEAD, printable(self.issuer), size=head_size(self.issuer))
        if self.number:
            yield Line(Style.NUMBER, printable(self.number))
        yield Line(Style.TITLE, title_lines(self.title))
        if self.recipients:
            yield Line(Style.RECIPIENTS, printable("、".join(self.recipients) + "："))
        yield from _blocks(self.body)
        yield from self._annex_note()
        yield from _signature(self.signed_by, self.signed_on, sealed=self.sealed)
        if self.remark:
            yield Line(Style.REMARK, printable(f"（{self.remark}）"))
        yield from self._annexes()
        yield from self._imprint()

    def _annex_note(self) -> Iterator[Line]:
        """附件说明 (§7.3.4): names without punctuation after them, numbered where there are several."""
        for index, annex in enumerate(self.annexes, start=1):
            number = f"{index}." if len(self.annexes) > 1 else ""
            text = printable(f"{'附件：' if index == 1 else ''}{number}{annex.name}")
            yield Line(Style.NOTE if index == 1 else Style.NOTE_NEXT, text)

    def _annexes(self) -> Iterator[Part]:
        for index, annex in enumerate(self.annexes, start=1):
            if annex.blocks:
                yield Line(Style.ANNEX_MARK, f"附件{index}" if len(self.annexes) > 1 else "附件")
                yield Line(Style.ANNEX_TITLE, title_lines(annex.name))
                yield from _blocks(annex.blocks)

    def _imprint(self) -> Iterator[Line]:
        """版记 (§7.4.2); its first line carries the room that all of it takes, and one empty line above it."""
        copies = printable(f"抄送：{'，'.join(self.copies_to)}。") if self.copies_to else ""
        rows = -(-len(copies) // _COPIES_CHARACTERS_A_LINE) + bool(self.printed_by)
        room = (rows + 1) * IMPRINT_LINE
        if copies:
            yield Line(Style.COPIES, copies, size=room, first=True)
        if self.printed_by:
            yield Line(Style.PRINTED_BY, printable(self.printed_by), size=room, first=not copies)
            yield Line(Style.PRINTED_ON, f"{chinese_date(self.printed_on)}印发" if self.printed_on else "")


@dataclass(frozen=True)
class ListSheet:
    """A plain page without number and seal: a 告知单 or a list (清单). `after` stands below the table."""

    title: str
    table: Table
    recipients: Sequence[str] = ()
    before: Sequence[Paragraph] = ()
    after: Sequence[Paragraph] = ()
    signed_by: str = ""
    signed_on: date | None = None
    landscape: bool = False
    base: str = field(default="list", init=False)

    def parts(self) -> Iterator[Part]:
        yield Line(Style.TITLE, title_lines(self.title, 27 if self.landscape else _TITLE_CHARACTERS_A_LINE))
        if self.recipients:
            yield Line(Style.RECIPIENTS, printable("、".join(self.recipients) + "："))
        yield from _blocks(self.before)
        yield from _blocks([self.table])
        yield from _blocks(self.after)
        yield from _signature(self.signed_by, self.signed_on, sealed=False)


def texts(document: Document) -> list[str]:
    """Every piece of text of a document in reading order: lines, then cells row by row. Empty ones are left out."""
    found: list[str] = []
    for part in document.parts():
        if isinstance(part, Line):
            found.append(part.text)
            continue
        found.extend(part.header)
        for row in (*part.text_rows, part.total_row):
            found.extend(text for _, text in row)
    return [text for text in found if text]


def _blocks(blocks: Sequence[Block]) -> Iterator[Part]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield Line(LEVELS[block.level], printable(block.text))
            continue
        if block.unit:
            yield Line(Style.UNIT, printable(f"单位：{block.unit}"))
        yield block


def _signature(signed_by: str, signed_on: date | None, *, sealed: bool) -> Iterator[Line]:
    """§7.3.5: with a seal the date stands four characters from the right and the signer is centred over it;
    without one the signer stands two from the right and the date's first character two right of the signer's."""
    day = chinese_date(signed_on) if signed_on else ""
    day_width = sum(1.0 if ord(character) > 0xFF else 0.52 for character in day)
    signer_right, day_right = 2.0, 4.0
    if sealed and day:
        signer_right = max(0.0, day_right + (day_width - len(signed_by)) / 2)
    elif day:
        day_right = signer_right + len(signed_by) - 2 - day_width
        if day_right < 0:  # a short name would push the date out: then the date stands at 2 and the name moves left
            signer_right, day_right = signer_right - day_right + 2.0, 2.0
    if signed_by:
        yield Line(Style.SIGNATURE, printable(signed_by), right=round(signer_right, 2), first=sealed)
    if day:
        yield Line(Style.DATE, day, right=round(day_right, 2))


def head_size(issuer: str) -> float:
    """Points of the red head: as large as one line of 156 mm allows, at most 62 pt (never above the superior's)."""
    widest = 156 / 25.4 * 72 / (max(len(issuer), 1) * 1.04)
    return round(min(62.0, widest), 1)


def title_lines(title: str, width: int = _TITLE_CHARACTERS_A_LINE) -> str:
    """A title as lines of like length, parted by line feeds, no word broken; the writer's own breaks are kept."""
    given = [printable(line).strip() for line in title.splitlines() if line.strip()]
    if len(given) != 1 or len(given[0]) <= width:
        return "\n".join(given)
    rest, lines = given[0], []
    count = -(-len(rest) // width)
    while count > 1:
        cut = _best_cut(rest, len(rest) / count, width)
        lines.append(rest[:cut])
        rest = rest[cut:]
        count = max(count - 1, -(-len(rest) // width))
    return "\n".join([*lines, rest])


def _best_cut(text: str, wanted: float, width: int) -> int:
    def cost(cut: int) -> float:
        before, after = text[:cut], text[cut:]
        broken = any(
            word in text[max(0, cut - len(word) + 1) : cut + len(word) - 1]
            and any(text.startswith(word, start) for start in range(max(0, cut - len(word) + 1), cut))
            for word in _KEEP_TOGETHER
        )
        broken = broken or (before[-1].isascii() and after[0].isascii())
        broken = broken or (before[-1].isdigit() and after[0] in "年月日号期个项")
        inside = before.count("《") > before.count("》") or before.count("（") > before.count("）")
        wrong = after[0] in _NOT_AT_START or before[-1] in _NOT_AT_END
        pleasing = before[-1] in "的、》" or after.startswith(("关于", "的通知"))
        return abs(cut - wanted) + 20 * wrong + 12 * broken + 6 * inside - 3 * pleasing

    return min(range(1, min(width, len(text) - 1) + 1), key=cost)
