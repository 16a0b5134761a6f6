import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command

from core.documents import FontsMissing, MissingGlyph, Renderer, characters, fonts, missing_glyphs, prepare_fonts
from core.documents.fonts import Source, code_points
from tests.core.documents.samples import pages
from tests.factories import OrganisationFactory

FEW = "青田县财政局绩效科一二三四五123.万元祔"


@pytest.fixture
def own_folder(settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own and few characters: a second instead of twenty."""
    settings.LOCAL_DIR = tmp_path
    settings.FONTS_DIR = tmp_path / "own"
    monkeypatch.setattr(characters, "basic", lambda: frozenset(FEW))
    return tmp_path / "fonts"


def faces(role: str) -> list[Path]:
    """The prepared files of a role, in the order in which they are tried."""
    manifest = fonts._manifest()
    by_family = {face["family"]: face["file"] for face in manifest["faces"]}
    return [fonts._root() / manifest["key"] / by_family[family] for family in manifest["chains"][role]]


def test_basic_characters() -> None:
    basic = characters.basic()
    hanzi = [one for one in basic if "\u4e00" <= one <= "\u9fff" and one.encode("gb2312", "ignore")]
    assert len(hanzi) == 6763
    assert set("祔垟〔〕“”—…①⑳（）０Ａ％≥") <= basic


def test_the_fonts_in_use_draw_every_basic_character() -> None:
    fonts.prepared_fonts()
    for role in fonts.ROLES:
        covered = set().union(*(code_points(Source(face)) for face in faces(role)))
        full = set().union(*(code_points(source) for source in fonts.find_sources()[role]))
        assert {ord(one) for one in characters.basic()} & full <= covered
        assert {ord("祔"), ord("垟")} <= covered


def test_prepared_once(own_folder: Path) -> None:
    first, second = prepare_fonts(), prepare_fonts()
    assert (first.made, second.made) == (True, False)
    assert first.folder == second.folder
    assert code_points(Source(faces("fang")[0])) == {ord(one) for one in FEW}
    assert first.size < 200_000


def test_characters_of_names_are_added_and_stay(own_folder: Path) -> None:
    plain = prepare_fonts()
    grown = prepare_fonts(lambda: ["垟乡", "甲\u200b\n"])
    assert grown.made
    assert grown.key != plain.key
    assert {ord("垟"), ord("乡"), ord("甲")} <= code_points(Source(faces("hei")[0]))
    again = prepare_fonts(["垟"])
    assert not again.made
    assert prepare_fonts().key == grown.key


def test_two_processes_at_once_make_one(own_folder: Path) -> None:
    script = f"""
import json, sys
from django.conf import settings
settings.configure(BASE_DIR=__import__("pathlib").Path({str(project.BASE_DIR)!r}), LOCAL_DIR={str(own_folder.parent)!r})
from core.documents import characters, fonts
characters.basic = lambda: frozenset({FEW!r})
sys.stdin.readline()
made = fonts.prepare_fonts()
print(json.dumps([made.key, made.made, fonts.current_key()]))
"""
    command = [sys.executable, "-c", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": project.BASE_DIR}
    running = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    assert all(process.returncode == 0 for process in running)
    assert len({key for key, _, _ in told}) == 1
    assert sorted(made for _, made, _ in told) == [False, False, True]
    assert all(current == key for key, _, current in told)
    assert [path.name for path in own_folder.iterdir() if path.is_dir()] == [told[0][0]]


def test_a_half_made_folder_is_made_anew(own_folder: Path) -> None:
    key = prepare_fonts().key
    (own_folder / key / "manifest.json").unlink()
    fonts._read_manifest.cache_clear()
    assert prepare_fonts().made
    assert (own_folder / key / "manifest.json").exists()


def test_prescribed_fonts_come_first_and_lack_nothing(own_folder: Path, settings: object) -> None:
    """A 仿宋_GB2312 of the bureau is used; what it lacks (祔) comes from the stand-in, character by character."""
    from core.documents.outlines import build

    stand_in = fonts.find_sources()["fang"][0]
    settings.FONTS_DIR.mkdir()
    own = settings.FONTS_DIR / "仿宋_GB2312.ttf"
    build(stand_in.path, stand_in.index, {ord(one) for one in FEW if one != "祔"}, own, "FangSong_GB2312")
    sources = fonts.find_sources()
    assert [source.path for source in sources["fang"]] == [own, stand_in.path]
    assert [source.path for source in sources["hei"]] != [own]
    prepare_fonts()
    first, second = faces("fang")
    assert ord("祔") not in code_points(Source(first))
    assert code_points(Source(second)) == {ord("祔")}
    page = pages(Renderer().pdf('<html lang="zh-CN"><body><p class="body">青田祔一龘</p></body></html>'))[0]
    used = [one["fontname"].partition("+")[2] for one in page.chars if one["text"] in "青田祔一龘"]
    assert used[0] == used[1] == used[3]
    assert len({used[0], used[2], used[4]}) == 3
    assert "Noto" in used[4]


def test_no_chinese_font_at_all(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_SYSTEM_FOLDERS", (str(own_folder / "nowhere"),))
    fonts._noto.cache_clear()
    try:
        with pytest.raises(FontsMissing, match="请安装系统软件包 fonts-noto-cjk"):
            prepare_fonts()
    finally:
        fonts._noto.cache_clear()


def test_missing_glyphs_name_the_character_and_its_place() -> None:
    names = [
        ("机构·名称（编号 1）", "祔埠镇"),
        ("项目·名称（编号 7）", "\ue000工程龘𠮷"),
        ("机构·名称（编号 9）", "垟\u200b"),
    ]
    missing = missing_glyphs(names)
    assert missing == [MissingGlyph("\ue000工程龘𠮷", "\ue000", "U+E000", "项目·名称（编号 7）")]
    assert str(missing[0]).startswith("项目·名称（编号 7）：")


@pytest.mark.django_db
def test_the_command_prepares_and_checks_the_names_of_the_database(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    OrganisationFactory(name="黄垟乡人民政府")
    call_command("prepare_fonts")
    assert capsys.readouterr().out.startswith("公文字体已预制：")
    assert {ord(one) for one in "黄垟乡人民政府"} <= code_points(Source(faces("song")[0]))
    call_command("prepare_fonts", "--no-database")
    assert "已是最新" in capsys.readouterr().out
    call_command("prepare_fonts", "--check")
    assert "都能排印" in capsys.readouterr().out

    wrong = OrganisationFactory(name="黄\ue815乡")
    with pytest.raises(CommandError, match="处字形缺失") as refused:
        call_command("prepare_fonts", "--check")
    assert refused.value.returncode == 1
    told = capsys.readouterr().out.splitlines()
    assert f"机构·名称（编号 {wrong.pk}）：“黄\ue815乡”中的“\ue815”（U+E815）没有可用字形。" in told
    assert all("黄\ue815乡" in line for line in told)
