"""Makes one small TrueType font out of some characters of a larger one, of either outline format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Of 1,000 units an em; half of this cannot be seen in print.
_LARGEST_ERROR = 1.0


def build(source: Path, number: int, codes: Iterable[int], target: Path, family: str) -> None:
    """Write `target` with the outlines and widths of `codes` only: no hinting, no layout features, no names but one.

    `number` is the face within a collection, -1 for a plain file. Every code must be in the source's cmap.
    """
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib import TTFont

    with TTFont(source, fontNumber=number, lazy=True) as font:
        cmap = font.getBestCmap()
        wanted = sorted(codes, key=_order)
        names: dict[str, str] = {".notdef": ".notdef"}
        for code in wanted:
            names.setdefault(cmap[code], f"u{code:04X}")
        order = list(names.values())
        glyphs = _quadratic(font, names)
        units = font["head"].unitsPerEm
        made = FontBuilder(units, isTTF=True)
        made.setupGlyphOrder(order)
        made.setupCharacterMap({code: names[cmap[code]] for code in wanted})
        made.setupGlyf(glyphs)
        widths = font["hmtx"]
        table = made.font["glyf"]
        made.setupHorizontalMetrics(
            {new: (widths[old][0], getattr(table[new], "xMin", 0)) for old, new in names.items()}
        )
        ascent, descent = font["hhea"].ascent, font["hhea"].descent
        made.setupHorizontalHeader(ascent=ascent, descent=descent)
        old = font["OS/2"]
        made.setupOS2(
            sTypoAscender=old.sTypoAscender,
            sTypoDescender=old.sTypoDescender,
            usWinAscent=old.usWinAscent,
            usWinDescent=old.usWinDescent,
            usWeightClass=old.usWeightClass,
            fsType=old.fsType,
        )
        made.setupNameTable({"familyName": family, "styleName": "Regular", "psName": family.replace(" ", "-")})
        made.setupPost(keepGlyphNames=False)
        made.save(target)


def _quadratic(font: Any, names: dict[str, str]) -> dict[str, Any]:
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    glyph_set = font.getGlyphSet()
    cubic = "glyf" not in font
    error = _LARGEST_ERROR * font["head"].unitsPerEm / 1000
    glyphs = {}
    for old, new in names.items():
        pen = TTGlyphPen(None)
        if cubic:
            glyph_set[old].draw(Cu2QuPen(pen, error, reverse_direction=True))
        else:
            flat = DecomposingRecordingPen(glyph_set)
            glyph_set[old].draw(flat)
            flat.replay(pen)
        glyphs[new] = pen.glyph()
    return glyphs


def _order(code: int) -> tuple[int, bytes]:
    """GB 2312 order puts signs first, then hanzi by how common they are (level 1, level 2), then all the rest."""
    if code < 0x80:
        return 0, bytes((code,))
    try:
        return 1, chr(code).encode("gb2312")
    except UnicodeEncodeError:
        return 2, code.to_bytes(4, "big")
