"""From a cell to a value: one converter per column, with a fast way for whole chunks of plain cells.

A converter answers with the value, None for a blank, or a `Fault`. `Noted` is a value with a remark.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from .declare import UNITS, Column
from .errors import Code, message

CENT = Decimal("0.01")
_ZERO = Decimal("0.00")
MONEY_LIMIT = 10**13  # yuan; what NUMERIC(18, 2) holds with room, and what a double still counts in cents
INTEGER_LIMIT = 10**15  # a double counts exactly up to here; Excel keeps 15 digits
RATE_PLACES = Decimal("0.000001")
MEMO_LIMIT = 20_000
SHOWN = 30

Result = Any  # a value, None, Fault or Noted


class Fault:
    """A cell that cannot be taken."""

    __slots__ = ("code", "text")

    def __init__(self, code: Code, **values: object) -> None:
        self.code = code
        self.text = message(code, **values)


class Noted:
    """A cell that was taken, with a remark for the warnings."""

    __slots__ = ("code", "text", "value")

    def __init__(self, taken: object, code: Code, **values: object) -> None:
        self.value = taken
        self.code = code
        self.text = message(code, **values)


# --- text -----------------------------------------------------------------------------------------------------------

# Zero-width marks, soft hyphen, byte-order mark, direction marks: pasted along from web pages and chat windows.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANKS = re.compile(r"[\s\u3000\u00a0]+")
_FORMULA_TEXT = re.compile("[\\s\u00ad\u200b-\u200f\u2060\ufeff]*[=＝+＋\\-－@＠]|[\t\r\n]")
_HARMLESS = re.compile(r"[+\-]*[0-9.,%]*\Z")
_EXCEL_ERROR = re.compile(r"#(REF!|N/A|DIV/0!|VALUE!|NAME\?|NULL!|NUM!|SPILL!|CALC!|GETTING_DATA)\Z", re.IGNORECASE)


def neutralise(text: str) -> str:
    """Text that no spreadsheet program takes for a formula. Every writer of cells puts its text through here.

    The policy: text that begins with = + - @ (also full-width), tab or line break gets an apostrophe in front.
    Plain numbers and dashes stay as they are: they compute nothing. `restore` takes the apostrophe off again.
    """
    if _FORMULA_TEXT.match(text) and not _HARMLESS.match(text):
        return "'" + text
    return text


def restore(text: str) -> str:
    """The opposite of `neutralise`, for text that comes back."""
    return text[1:] if text.startswith("'") and neutralise(text[1:]) == text else text


def tidy(text: str) -> str:
    """Without invisible characters and without blanks at both ends; the inside stays as written."""
    return restore(_INVISIBLE.sub("", text).strip())


def compact(text: str) -> str:
    """Half-width, without any blank: for codes, numbers, headings and comparisons."""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))


def shown(value: object) -> str:
    """A cell's content as messages quote it."""
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() else repr(value)
    elif isinstance(value, bool):
        text = "TRUE" if value else "FALSE"
    else:
        text = tidy(str(value))
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def is_blank(value: object) -> bool:
    return value == "" or value is None or (isinstance(value, str) and not tidy(value))


def _error_text(text: str) -> Fault | None:
    return Fault(Code.ERROR_CELL, value=text) if text.startswith("#") and _EXCEL_ERROR.match(text) else None


# --- numbers --------------------------------------------------------------------------------------------------------

_DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "―": "-", "‐": "-", "‑": "-", "﹣": "-", "、": ","})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?\Z|[+-]?\.[0-9]+\Z")
_MONEY_MARK = re.compile(r"(?:人民币|RMB|CNY|¥|\$)", re.IGNORECASE)
_MONEY_UNIT = re.compile(r"(?:百万元?|千元|百元|万元?|亿元?|元|圆)整?\Z")
_MONEY_UNITS = {"万": 10_000, "亿": 100_000_000, "百万": 1_000_000, "圆": 1, **UNITS}


def _number(text: str) -> Decimal | None:
    """A number as people type it: thousands separators in threes, negative in brackets or with any dash."""
    text = text.translate(_DASHES)
    negative = text.startswith("(") and text.endswith(")")
    if negative:
        text = text[1:-1]
    if not _NUMBER.match(text):
        return None
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return -number if negative else number


def _is_dash(text: str) -> bool:
    """A lone dash or stroke stands for nothing in a ledger."""
    return text.translate(_DASHES).strip("-/\\") == ""


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


class Converter:
    """Cells of one column → values. `per_unit` is yuan in a unit of the column; `percent` a heading in %."""

    def __init__(self, column: Column, *, per_unit: int | None = None, percent: bool = False) -> None:
        self.column = column
        self.per_unit = per_unit
        self.percent = percent
        self.memo: dict[Any, Result] = {}
        self.one: Callable[[Any], Result] = getattr(self, f"_{column.kind}")
        self.fast: Callable[[Sequence[Any], set[type]], Sequence[Result] | None] = getattr(
            self, f"_fast_{column.kind}", lambda _cells, _types: None
        )

    def chunk(self, cells: Sequence[Any]) -> Sequence[Result]:
        """A stretch of the column at once; plain cells of one type go the short way."""
        types = set(map(type, cells))
        quick = self.fast(cells, types)
        if quick is not None:
            return quick
        memo, convert = self.memo, self.convert
        out = []
        for cell in cells:
            # A float and a bool that are equal share a hash; the type keeps them apart.
            key = cell if type(cell) is str else (type(cell), cell)
            try:
                out.append(memo[key])
            except KeyError:
                value = convert(cell)
                if len(memo) < MEMO_LIMIT:
                    memo[key] = value
                out.append(value)
        return out

    def convert(self, cell: Any) -> Result:
        """One cell, any type."""
        if cell is None or cell == "":
            return None
        if type(cell) is int:
            cell = float(cell) if abs(cell) < INTEGER_LIMIT else str(cell)
        return self.one(cell)

    # --- text and codes ---

    def _text(self, cell: Any) -> Result:
        if isinstance(cell, float):
            if abs(cell) >= INTEGER_LIMIT:
                return Fault(Code.CODE_NUMERIC)
            text = shown(cell)
        elif isinstance(cell, str):
            text = tidy(cell)
        else:
            return Fault(Code.NOT_TEXT, label=self.column.label)
        return _error_text(text) or self._limited(text)

    def _limited(self, text: str) -> Result:
        limit = self.column.max_length
        if limit is not None and len(text) > limit:
            return Fault(Code.TOO_LONG, label=self.column.label, length=len(text), limit=limit)
        return text or None

    def _fast_text(self, cells: Sequence[Any], types: set[type]) -> Sequence[Result] | None:
        if types != {str}:
            return None
        joined = "".join(cells)
        # Printable text holds no blank but the space and nothing invisible: then there is nothing to trim.
        if not joined.isprintable() or " " in joined or "'" in joined or "#" in joined:
            return None
        return self._shared(cells)

    def _shared(self, cells: Sequence[str]) -> Sequence[Result] | None:
        """Cells that need no change; repeated ones share one object, which keeps memory small."""
        limit = self.column.max_length
        if limit is not None and max(map(len, cells)) > limit:
            return None
        if len(set(cells)) * 2 <= len(cells):
            memo = self.memo
            if len(memo) > MEMO_LIMIT:
                memo.clear()
            return [memo.setdefault(cell, cell or None) for cell in cells]
        return [cell or None for cell in cells] if "" in cells else cells

    _SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]+\Z|[0-9]\.[0-9]+E[0-9]+\Z", re.IGNORECASE)
    _QUOTED = re.compile(r'="(.*)"\Z')

    def _code(self, cell: Any) -> Result:
        if isinstance(cell, float):
            if abs(cell) >= INTEGER_LIMIT:
                return Fault(Code.CODE_NUMERIC)
            if not cell.is_integer() or cell < 0:
                return Fault(Code.CODE_FORMAT, value=shown(cell), label=self.column.label)
            return self._limited(str(int(cell)))
        if not isinstance(cell, str):
            return Fault(Code.CODE_FORMAT, value=shown(cell), label=self.column.label)
        text = compact(restore(_INVISIBLE.sub("", cell)))
        quoted = self._QUOTED.match(text)  # ="0012": how exports keep Excel from eating zeros
        text = quoted[1] if quoted else text.removeprefix("'")
        if self._SCIENTIFIC.match(text):
            return Fault(Code.CODE_SCIENTIFIC, value=shown(text))
        return _error_text(text) or self._limited(text)

    def _fast_code(self, cells: Sequence[Any], types: set[type]) -> Sequence[Result] | None:
        if types != {str}:
            return None
        joined = "".join(cells)
        if not joined.isascii() or not joined.isalnum():
            return None
        return self._shared(cells)

    # --- money, integers, rates ---

    def _money(self, cell: Any) -> Result:
        per_unit = self.per_unit
        if isinstance(cell, float):
            number = Decimal(repr(cell))
        elif isinstance(cell, str):
            text = _MONEY_MARK.sub("", compact(cell))
            if _is_dash(text):
                return None
            found = _MONEY_UNIT.search(text)
            bracketed = text.startswith("(") and text.endswith(")") and _MONEY_UNIT.search(text[:-1])
            if bracketed:
                text = text[: bracketed.start()] + ")"
                per_unit = _MONEY_UNITS[bracketed[0].removesuffix("整")]
            elif found:
                text = text[: found.start()]
                per_unit = _MONEY_UNITS[found[0].removesuffix("整")]
            parsed = _number(text)
            if parsed is None:
                return _error_text(text) or Fault(Code.NOT_MONEY, value=shown(cell))
            number = parsed
        else:
            return Fault(Code.NOT_MONEY, value=shown(cell))
        if per_unit is None:
            return Fault(Code.UNIT_UNKNOWN, label=self.column.label)
        return self._cents(number * per_unit, cell)

    def _cents(self, yuan: Decimal, cell: Any) -> Result:
        if not -MONEY_LIMIT < yuan < MONEY_LIMIT:
            return Fault(Code.MONEY_TOO_BIG, value=shown(cell))
        rounded = yuan.quantize(CENT, ROUND_HALF_UP) or _ZERO  # never -0.00
        # What a double cannot hold (0.1 + 0.2) is no fraction of a cent that somebody entered.
        if abs(yuan - rounded) > max(Decimal("0.000001"), abs(yuan) * Decimal("1E-14")):
            return Noted(rounded, Code.MONEY_ROUNDED, value=_plain(yuan), rounded=f"{rounded:.2f}")
        return rounded

    def _fast_money(self, cells: Sequence[Any], types: set[type]) -> Sequence[Result] | None:
        per_unit = self.per_unit
        if per_unit not in (1, 10_000) or not types <= {float, str}:
            return None
        if str in types and any(type(cell) is str and cell for cell in cells):
            return None
        out: list[Result] = []
        pattern = "%.2f" if per_unit == 1 else "%.6f"
        shift = 0 if per_unit == 1 else 4
        limit = MONEY_LIMIT / per_unit
        for cell in cells:
            if cell == "":
                out.append(None)
                continue
            text = pattern % cell
            if float(text) == cell and -limit < cell < limit:
                value = Decimal(text) if cell else _ZERO
                out.append(value.scaleb(shift) if shift and cell else value)
            else:
                out.append(self._money(cell))
        return out

    def _integer(self, cell: Any) -> Result:
        if isinstance(cell, float):
            if cell.is_integer() and abs(cell) < INTEGER_LIMIT:
                return int(cell)
            return Fault(Code.NOT_INTEGER, value=shown(cell))
        if isinstance(cell, str):
            text = compact(cell)
            if _is_dash(text):
                return None
            number = _number(text)
            if number is not None and number == number.to_integral_value() and abs(number) < INTEGER_LIMIT:
                return int(number)
            return _error_text(text) or Fault(Code.NOT_INTEGER, value=shown(cell))
        return Fault(Code.NOT_INTEGER, value=shown(cell))

    def _rate(self, cell: Any) -> Result:
        divisor = 100 if self.percent else 1
        if isinstance(cell, float):
            number = Decimal(repr(cell))
        elif isinstance(cell, str):
            text = compact(cell)
            if _is_dash(text):
                return None
            if text.endswith(("%", "‰")):
                divisor = 100 if text.endswith("%") else 1000
                text = text[:-1]
            parsed = _number(text)
            if parsed is None:
                return _error_text(text) or Fault(Code.NOT_RATE, value=shown(cell))
            number = parsed
        else:
            return Fault(Code.NOT_RATE, value=shown(cell))
        if abs(number) > 10**9:
            return Fault(Code.NOT_RATE, value=shown(cell))
        return (number / divisor).quantize(RATE_PLACES, ROUND_HALF_UP)

    # --- dates ---

    _DATE = re.compile(
        r"([12][0-9]{3})(?:年([01]?[0-9])月([0-3]?[0-9])[日号]?|([-/.])([01]?[0-9])\4([0-3]?[0-9])|([0-9]{2})([0-9]{2}))"
        r"\Z"
    )
    _TIME = re.compile(r"[\sT]+[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?\s*\Z")
    _EPOCH = datetime.date(1899, 12, 30)
    _SERIALS = range(18264, 73051)  # 1950 to 2099: a smaller or larger bare number is no date of ours

    def _date(self, cell: Any) -> Result:
        if isinstance(cell, datetime.datetime):
            return cell.date()
        if isinstance(cell, datetime.date):
            return cell
        if isinstance(cell, float) and cell.is_integer() and int(cell) in self._SERIALS:
            return self._EPOCH + datetime.timedelta(days=int(cell))
        text = compact(self._TIME.sub("", cell if isinstance(cell, str) else shown(cell)))
        if isinstance(cell, str) and _is_dash(text):
            return None
        found = self._DATE.match(text)
        if found:
            year, month, day = int(found[1]), found[2] or found[5] or found[7], found[3] or found[6] or found[8]
            try:
                return datetime.date(year, int(month), int(day))
            except ValueError:
                pass
        return _error_text(text) or Fault(Code.NOT_DATE, value=shown(cell))

    def _fast_date(self, cells: Sequence[Any], types: set[type]) -> Sequence[Result] | None:
        return cells if types == {datetime.date} else None

    # --- choices ---

    def _choice(self, cell: Any) -> Result:
        if isinstance(cell, bool) or not isinstance(cell, (str, float)):
            wanted = ""
        else:
            wanted = compact(shown(cell) if isinstance(cell, float) else restore(cell))
            if not wanted:
                return None
        for value, label in self.column.options:
            if wanted in (compact(label), compact(value)):
                return value
        choices = "、".join(label for _, label in self.column.options[:12])
        if len(self.column.options) > 12:
            choices += "等"
        return _error_text(wanted) or Fault(Code.NOT_CHOICE, value=shown(cell), choices=choices)

    _TRUE = {"是", "有", "对", "√", "✓", "✔", "☑", "1", "Y", "YES", "TRUE", "T"}
    _FALSE = {"否", "无", "没有", "×", "✗", "✘", "☐", "0", "N", "NO", "FALSE", "F"}

    def _boolean(self, cell: Any) -> Result:
        if isinstance(cell, bool):
            return cell
        text = compact(shown(cell)).upper()
        if not text:
            return None
        if text in self._TRUE:
            return True
        if text in self._FALSE:
            return False
        return _error_text(text) or Fault(Code.NOT_BOOLEAN, value=shown(cell))
