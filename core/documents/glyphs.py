"""The check that every name can be drawn."""

from collections.abc import Iterable
from typing import NamedTuple

from core.documents import fonts
from core.documents.characters import is_blank


class MissingGlyph(NamedTuple):
    """A character of `text`, standing at `place`, that a font of the documents cannot draw."""

    text: str
    character: str
    codepoint: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}：“{self.text}”中的“{self.character}”（{self.codepoint}）没有可用字形。"


def missing_glyphs(texts: Iterable[tuple[str, str]]) -> list[MissingGlyph]:
    """Which characters of (place, text) pairs some type of a document cannot draw, even from the full collection."""
    drawable = frozenset.intersection(*fonts.drawable().values())
    found: list[MissingGlyph] = []
    known: set[str] = set()
    for place, text in texts:
        for character in dict.fromkeys(text):
            if character in known:
                continue
            if ord(character) in drawable or is_blank(character):
                known.add(character)
                continue
            found.append(MissingGlyph(text, character, f"U+{ord(character):04X}", place))
    return found
