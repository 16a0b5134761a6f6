"""Files that would exhaust the machine are refused before they are read."""

import os
import random
import struct
import time
import tracemalloc
import zipfile
import zlib

import pytest
from openpyxl import Workbook

from core.workbooks import read, xls_child

from .forms import PROJECTS
from .make_cases import GOOD


def one_error(path, **options):
    tracemalloc.start()
    started = time.monotonic()
    reading = read(PROJECTS, path, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - started < 5
    assert peak < 30_000_000
    assert all(not rows for rows in reading.rows.values())
    [error] = reading.errors
    assert error.sheet is None and error.cell is None
    return error


def test_two_hundred_megabytes(tmp_path):
    path = tmp_path / "大文件.xlsx"
    path.write_bytes(b"PK\x03\x04")
    os.truncate(path, 200 * 1024 * 1024)
    error = one_error(path)
    assert error.code == "TOO_LARGE"
    assert error.message == "“大文件.xlsx”大小为 200.0 MB，超过上限 50 MB，请删除无关工作表和图片，或拆分后分别上传"


def test_the_limit_is_a_parameter(tmp_path):
    path = tmp_path / "小文件.csv"
    path.write_bytes(b"a,b\n" * 1000)
    assert one_error(path, limit=1024).code == "TOO_LARGE"


def bomb(path, size, sheet="xl/worksheets/sheet1.xml"):
    Workbook().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != sheet}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        with archive.open(sheet, "w") as stream:
            for _ in range(size >> 20):
                stream.write(b" " * (1 << 20))


def test_zip_bomb(tmp_path):
    path = tmp_path / "炸弹.xlsx"
    bomb(path, 300 << 20)
    assert path.stat().st_size < 1_000_000
    assert one_error(path).code == "BOMB"


def test_zip_bomb_whose_directory_lies(tmp_path):
    """The directory claims a small part; what comes out does not fit its checksum."""
    path = tmp_path / "谎报.xlsx"
    bomb(path, 60 << 20)
    content = bytearray(path.read_bytes())
    true_size = struct.pack("<I", 60 << 20)
    at = content.find(true_size)
    while at >= 0:
        content[at : at + 4] = struct.pack("<I", 2000)
        at = content.find(true_size)
    path.write_bytes(content)
    assert one_error(path).code in ("DAMAGED", "BOMB")


def test_many_overlapping_parts(tmp_path):
    path = tmp_path / "很多.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5_001):
            archive.writestr(f"xl/{number}.xml", "")
    assert one_error(path).code == "BOMB"


def test_html_with_huge_spans(tmp_path):
    path = tmp_path / "表.xls"
    cells = "<td colspan=1000 rowspan=1000>x</td>" * 10
    path.write_text(f"<html><table><tr>{cells}</tr></table></html>", encoding="utf-8")
    assert one_error(path).code == "BOMB"


def test_zlib_rubbish_is_damaged(tmp_path):
    path = tmp_path / "坏.xlsx"
    bomb(path, 1 << 20)
    content = path.read_bytes()
    packed = zlib.compress(b" " * 1000)[2:20]
    at = content.find(b"sheet1.xml") + 60
    path.write_bytes(content[:at] + bytes(len(packed)) + content[at + len(packed) :])
    assert one_error(path).code == "DAMAGED"


def test_an_entity_hidden_in_utf16(tmp_path):
    path = tmp_path / "实体.xlsx"
    Workbook().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/styles.xml"] = '<!DOCTYPE x [<!ENTITY a "aaa">]><styleSheet/>'.encode("utf-16")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert one_error(path).code == "BOMB"


def test_an_xls_whose_sectors_run_in_a_circle(tmp_path):
    """The parser itself would follow them for ever."""
    content = bytearray((GOOD / "excel97.xls").read_bytes())
    first_table = struct.unpack_from("<I", content, 76)[0]
    struct.pack_into("<I", content, (first_table + 1) * 512 + 4, 0)
    struct.pack_into("<I", content, (first_table + 1) * 512, 1)
    path = tmp_path / "圈.xls"
    path.write_bytes(content)
    assert one_error(path).code == "DAMAGED"


@pytest.mark.parametrize(("record", "value"), [(b"\x00\x02\x0e\x00", 0x20000002), (b"\xfc\x00", 0xF0000000)])
def test_an_xls_that_announces_more_than_it_holds(record, value, tmp_path):
    """The parser reserves memory by the announcement, and aborts the process where there is none."""
    content = bytearray((GOOD / "excel97.xls").read_bytes())
    struct.pack_into("<I", content, content.find(record, 0x500) + 8, value)
    path = tmp_path / "大话.xls"
    path.write_bytes(content)
    assert one_error(path).code == "DAMAGED"


def test_a_parser_that_dies_is_a_damaged_file(tmp_path, monkeypatch):
    monkeypatch.setattr(xls_child, "_COMMAND", "import os; os.abort()")
    path = tmp_path / "崩.xls"
    path.write_bytes((GOOD / "excel97.xls").read_bytes())
    assert one_error(path).code == "DAMAGED"


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_never_raise(seed, tmp_path):
    """Kept good files with a few bytes changed: read or refused, but always an answer."""
    chance = random.Random(seed)
    source = chance.choice(sorted(GOOD.iterdir()))
    content = bytearray(source.read_bytes())
    for _ in range(chance.randrange(1, 6)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path = tmp_path / source.name
    path.write_bytes(content)
    reading = read(PROJECTS, path)
    assert reading.ok == (not reading.errors)
    assert all(error.message for error in reading.errors)
