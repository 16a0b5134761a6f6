"""Prepared fonts: the few thousand characters that documents need, as small TrueType files made once at set-up.

WeasyPrint reads, copies and subsets every font it draws with for every document. With the 26 MB Noto CJK collections
that is most of the time and memory of a page; with a prepared font of 7,600 glyphs it is little. Quadratic outlines
(glyf) are used because HarfBuzz subsets them fastest and they embed a third as large as CFF. Common characters come
first: what subsetting costs grows with the highest glyph number used.
"""

import fcntl
import fnmatch
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from core.documents import characters
from core.documents.errors import FontsMissing

# Raise when the way fonts are made changes, so that prepared ones are made anew.
_RECIPE = 2
_KEEP_OLD_SECONDS = 24 * 3600
FONT_ADDRESS = "fonts/"


@dataclass(frozen=True)
class Role:
    """A type that GB/T 9704 prescribes: file names it may have in `fonts/`, and the free stand-in."""

    prescribed: str
    patterns: tuple[str, ...]
    stand_in: str
    weight: int = 400


ROLES = {
    "song": Role("方正小标宋简体", ("*小标宋*", "fzxbs*", "*xiaobiaosong*"), "NotoSerifCJK-Bold", 700),
    "fang": Role("仿宋_GB2312", ("*仿宋*", "simfang*", "*fangsong*"), "NotoSerifCJK-Regular"),
    "kai": Role("楷体_GB2312", ("*楷体*", "simkai*", "*kaiti*"), "NotoSerifCJK-Regular"),
    "hei": Role("黑体", ("*黑体*", "simhei*", "*heiti*"), "NotoSansCJK-Regular"),
    "plain": Role("宋体", ("宋体*", "simsun*", "*songti*"), "NotoSerifCJK-Regular"),
}
# The same fonts by the names under which the system knows them, for characters nobody prepared.
SYSTEM_FAMILIES = {
    "song": "Noto Serif CJK SC",
    "fang": "Noto Serif CJK SC",
    "kai": "Noto Serif CJK SC",
    "hei": "Noto Sans CJK SC",
    "plain": "Noto Serif CJK SC",
}
_FONT_FILES = (".ttf", ".otf", ".ttc", ".otc")
_SYSTEM_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")


@dataclass(frozen=True)
class Source:
    """One face of a font file; `index` is its place in a collection."""

    path: Path
    index: int = 0


@dataclass(frozen=True)
class FontSet:
    """What a renderer draws with: the CSS that names the fonts, and the files that the CSS may fetch."""

    key: str
    stylesheet: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Prepared:
    """What `prepare_fonts` made or found."""

    key: str
    folder: Path
    made: bool
    characters: int
    size: int


def prepare_fonts(extra_characters: Iterable[str] | Callable[[], Iterable[str]] = ()) -> Prepared:
    """Make the prepared fonts unless they are there; `extra_characters` are texts (names) whose characters to add.

    Safe when several processes do it at once: one makes them, the others wait and find them. Characters once
    prepared from the same sources stay. Raises FontsMissing when the system has no Chinese font.
    """
    texts = extra_characters() if callable(extra_characters) else extra_characters
    wanted = characters.basic() | characters.used(texts)
    sources = find_sources()
    stamp = _stamp(sources)
    with _lock():
        before = _manifest()
        if before and before["stamp"] == stamp:
            wanted |= set(before["characters"])
        key = hashlib.sha256(f"{stamp}\n{''.join(sorted(wanted))}".encode()).hexdigest()[:24]
        folder = _root() / key
        made = not (folder / "manifest.json").exists()
        if made:
            _make(folder, sources, wanted, stamp)
        if not before or before["key"] != key:
            _replace(_root() / "current", key)
        _remove_old(key)
    size = sum(file.stat().st_size for file in folder.glob("*.ttf"))
    return Prepared(key=key, folder=folder, made=made, characters=len(wanted), size=size)


def prepared_fonts() -> FontSet:
    """The prepared fonts, made now if nobody did it at set-up. Each is followed by its full system font."""
    manifest = _manifest()
    if manifest is None:
        prepare_fonts()
        manifest = _manifest()
    if manifest is None:  # pragma: no cover - prepare_fonts raises before this
        raise FontsMissing("字体尚未预制，请运行 manage.py prepare_fonts。")
    folder = _root() / manifest["key"]
    rules = [
        f'@font-face{{font-family:"{face["family"]}";font-weight:{face["weight"]};'
        f'src:url("{FONT_ADDRESS}{face["file"]}")}}'
        for face in manifest["faces"]
    ]
    chains = {role: [*families, SYSTEM_FAMILIES[role]] for role, families in manifest["chains"].items()}
    return FontSet(
        key=manifest["key"],
        stylesheet="".join(rules) + _variables(chains),
        files={face["file"]: folder / face["file"] for face in manifest["faces"]},
    )


def system_fonts() -> FontSet:
    """The full Noto CJK collections as the system has them, nothing prepared: what the bench compares with."""
    chains = {role: [family] for role, family in SYSTEM_FAMILIES.items()}
    return FontSet(key="system", stylesheet=_variables(chains), files={})


def current_key() -> str | None:
    """The key of the fonts in use, or None before they were first prepared."""
    try:
        return (_root() / "current").read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def find_sources() -> dict[str, list[Source]]:
    """Each role's source fonts, best first: the prescribed one from `fonts/`, then the free stand-in."""
    own = _own_folder()
    own_files = sorted(path for path in own.iterdir() if path.suffix.lower() in _FONT_FILES) if own.is_dir() else []
    found: dict[str, list[Source]] = {}
    for name, role in ROLES.items():
        prescribed = [Source(path) for path in own_files if _matches(path, role.patterns)]
        stand_in = _noto(role.stand_in)
        found[name] = [*prescribed[:1], *([stand_in] if stand_in else [])]
        if not found[name]:
            raise FontsMissing(
                f"找不到可用的中文字体（{role.prescribed}）："
                f"请安装系统软件包 fonts-noto-cjk，或把规定字体放入 {own.name}/ 目录。"
            )
    return found


def drawable() -> dict[str, frozenset[int]]:
    """For each role the code points that its prepared or full fonts can draw."""
    manifest = _manifest()
    result: dict[str, frozenset[int]] = {}
    for role, sources in find_sources().items():
        codes: set[int] = set()
        for source in sources:
            codes |= code_points(source)
        result[role] = frozenset(codes)
    if manifest:
        for role, families in manifest["chains"].items():
            for face in manifest["faces"]:
                if face["family"] in families:
                    result[role] |= code_points(Source(_root() / manifest["key"] / face["file"]))
    return result


@lru_cache(maxsize=32)
def code_points(source: Source) -> frozenset[int]:
    """Every code point that the face has a glyph for."""
    from fontTools.ttLib import TTFont

    with TTFont(source.path, fontNumber=_font_number(source), lazy=True) as font:
        return frozenset(font.getBestCmap() or {})


def _make(folder: Path, sources: dict[str, list[Source]], wanted: set[str] | frozenset[str], stamp: str) -> None:
    """Build every face into a new folder and put it in place in one step."""
    temporary = Path(tempfile.mkdtemp(prefix=".making-", dir=_root()))
    try:
        faces, chains = _make_faces(temporary, sources, {ord(character) for character in wanted})
        manifest = {
            "key": folder.name,
            "stamp": stamp,
            "characters": "".join(sorted(wanted)),
            "faces": faces,
            "chains": chains,
        }
        _replace(temporary / "manifest.json", json.dumps(manifest, ensure_ascii=False))
        temporary.chmod(0o755)
        if folder.exists():  # a half-removed folder without manifest
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_faces(
    folder: Path, sources: dict[str, list[Source]], codes: set[int]
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The files made, and for each role the families to try: a source makes what those before it lack."""
    from core.documents.outlines import build

    made: dict[tuple[Source, frozenset[int], int], str] = {}
    faces: list[dict[str, Any]] = []
    chains: dict[str, list[str]] = {}
    for role, candidates in sources.items():
        left, weight = set(codes), ROLES[role].weight
        chains[role] = []
        for source in candidates:
            take = frozenset(left & code_points(source))
            left -= take
            if not take:
                continue
            if (source, take, weight) not in made:
                # Letters, not figures: Pango would read "Qingtian 2" as a size.
                family, file = f"Qingtian{chr(65 + len(faces))}", f"{len(faces) + 1}.ttf"
                build(source.path, _font_number(source), take, folder / file, family)
                made[source, take, weight] = family
                faces.append({"family": family, "file": file, "weight": weight})
            chains[role].append(made[source, take, weight])
    return faces, chains


def _variables(chains: dict[str, list[str]]) -> str:
    """CSS variables `--song` … `--plain`: the families of each role in the order in which they are tried."""
    listed = ";".join(
        f"--{role}:" + ",".join(f'"{family}"' for family in families) for role, families in chains.items()
    )
    return f":root{{{listed}}}"


def _stamp(sources: dict[str, list[Source]]) -> str:
    """A text that changes with the source fonts' content, fontTools and the recipe."""
    from fontTools import version

    digests = {
        role: [f"{_digest(source.path, source.path.stat().st_mtime_ns)}#{source.index}" for source in candidates]
        for role, candidates in sources.items()
    }
    return json.dumps([_RECIPE, version, digests], sort_keys=True)


@lru_cache(maxsize=32)
def _digest(path: Path, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _root() -> Path:
    folder = Path(settings.LOCAL_DIR) / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _own_folder() -> Path:
    return Path(getattr(settings, "FONTS_DIR", settings.BASE_DIR / "fonts"))


def _manifest() -> dict[str, Any] | None:
    key = current_key()
    return _read_manifest(_root() / key / "manifest.json") if key else None


@lru_cache(maxsize=4)
def _read_manifest(path: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return manifest


@contextmanager
def _lock() -> Iterator[None]:
    with (_root() / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _read_manifest.cache_clear()
        yield
        _read_manifest.cache_clear()


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _remove_old(key: str) -> None:
    """Remove fonts that a running process can hardly still open, and what a killed process left half-made."""
    for folder in _root().iterdir():
        if folder.is_dir() and folder.name != key and time.time() - folder.stat().st_mtime > _KEEP_OLD_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(path.stem.lower(), pattern) for pattern in patterns)


@lru_cache(maxsize=8)
def _noto(name: str) -> Source | None:
    """The simplified Chinese face of a Noto CJK font of the system."""
    family, weight = name.split("-")
    names = {f"{name}.ttc", f"{family}sc-{weight}.otf", f"{family.replace('CJK', 'SC')}-{weight}.otf"}
    for folder in _SYSTEM_FOLDERS:
        for path in sorted(Path(folder).expanduser().rglob("Noto*")):
            if path.name in names:
                return Source(path, _simplified_face(path))
    return None


def _simplified_face(path: Path) -> int:
    from fontTools.ttLib import TTCollection

    if path.suffix.lower() not in (".ttc", ".otc"):
        return 0
    with TTCollection(path, lazy=True) as collection:
        for index, font in enumerate(collection.fonts):
            family = font["name"].getDebugName(1) or ""
            if " SC" in family and "Mono" not in family:
                return index
    return 0


def _font_number(source: Source) -> int:
    return source.index if source.path.suffix.lower() in (".ttc", ".otc") else -1
