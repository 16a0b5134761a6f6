"""发文字号 (GB/T 9704-2012, 7.2.5). No database, no Django."""

from __future__ import annotations

import re

# 机关代字 + full year in 六角括号 + serial without 第 and without leading zeros + 号.
_NUMBER = re.compile(r"([\u4e00-\u9fa5]+)〔(\d{4})〕([1-9]\d*)号")


def parse_number(text: str) -> tuple[str, int, int] | None:
    """(机关代字, year, serial) of `青财绩效〔2023〕31号`, or None where it is not written as the standard wants."""
    found = _NUMBER.fullmatch(text.strip())
    return (found[1], int(found[2]), int(found[3])) if found else None


def number_text(code: str, year: int, serial: int) -> str:
    return f"{code}〔{year}〕{serial}号"
