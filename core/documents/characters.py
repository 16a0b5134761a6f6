"""Which characters the prepared fonts hold from the start."""

from collections.abc import Iterable
from functools import lru_cache

# Characters of the county's place names that GB 2312 lacks (黄垟乡; 祔埠镇, a slip of an official report for 祯埠镇),
# and others usual in the names of villages and reservoirs of southern Zhejiang.
PLACE_NAMES = "祔垟祯岙墺塆塅漈凼坵嶴湴埗畈磜寮嵊滃堨圫垅峧峃㟖"
_LETTER_SIGNS = "〔〕【】《》〈〉「」『』“”‘’—–…·•‧～￥¥※§№℃㎡㎞㎏²³×÷±≥≤≠≈≡∑√∞‰％△▲▽▼○●◎□■☐☑☒✓✔✕★☆→←↑↓　\u00a0"


@lru_cache(maxsize=1)
def basic() -> frozenset[str]:
    """GB 2312 (6,763 hanzi and the symbols), ASCII, full-width forms, circled and Roman figures, signs of letters."""
    found = set(PLACE_NAMES) | set(_LETTER_SIGNS)
    for first in range(0xA1, 0xF8):
        for second in range(0xA1, 0xFF):
            found.update(bytes((first, second)).decode("gb2312", errors="ignore"))
    for start, end in ((0x20, 0x7E), (0xFF01, 0xFF5E), (0x2460, 0x2487), (0x2160, 0x216B), (0x3220, 0x3229)):
        found.update(chr(code) for code in range(start, end + 1))
    return frozenset(found)


def used(texts: Iterable[str]) -> set[str]:
    """Every character that `texts` need a glyph for."""
    found: set[str] = set()
    for text in texts:
        found.update(text)
    return {character for character in found if not is_blank(character)}


def is_blank(character: str) -> bool:
    """Whether a character is never drawn: controls, joiners, variation selectors, private line ends."""
    code = ord(character)
    return (
        code < 0x20
        or 0x7F <= code <= 0x9F
        or 0x200B <= code <= 0x200F
        or 0x2028 <= code <= 0x202E
        or 0xFE00 <= code <= 0xFE0F
        or code == 0xFEFF
        or 0xE0100 <= code <= 0xE01EF
    )
