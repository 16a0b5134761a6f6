"""Pinyin initials by one translate table: `祯埠镇人民政府` is found as `zbzrmzf`.

`pinyin_initials.txt` holds one letter for each code point from U+4E00 on, generated from the MIT-licensed pypinyin.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_NOT_SEARCHED = re.compile(r"[^0-9a-z]")


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    letters = Path(__file__).with_name("pinyin_initials.txt").read_text("ascii").replace("\n", "")
    return {0x4E00 + offset: letter.lower() for offset, letter in enumerate(letters)}


def initials(text: str) -> str:
    """Lower-case initials of the hanzi, letters and digits kept, everything else dropped."""
    return _NOT_SEARCHED.sub("", text.translate(_table()).lower())
