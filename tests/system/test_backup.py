"""`make backup` and `make restore FILE`: what comes back is what went in, byte for byte, or nothing changes."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qingtian_perf.embedded import pg_binary
from tests.system.conftest import House

pytestmark = pytest.mark.system

FILL = """
from pathlib import Path
from django.core.management import call_command, get_commands
from core.services.files import store
import io, os
if "load_demo" in get_commands():
    call_command("load_demo", verbosity=0)
for number in range(5):
    store(io.BytesIO(os.urandom(200_000) + b"%PDF"))
store(io.BytesIO("附件：绩效目标申报表".encode()))
"""


def psql(house: House, sql: str) -> bytes:
    """The unaligned answer of the house's own PostgreSQL; the caller holds it running."""
    command = [
        str(pg_binary("psql")),
        "-XqAt",
        "-h",
        str(house.local / "sockets"),
        "-U",
        "postgres",
        "-d",
        "qingtian_demo",
    ]
    return subprocess.run([*command, "-c", sql], check=True, capture_output=True).stdout


def state(house: House) -> dict[str, str]:
    """SHA-256 of every table in a fixed order, every sequence, every trigger, and every stored file."""
    holder = house.client()
    assert holder.stdout.readline() == "ready\n"
    found = {}
    listed = psql(house, "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    for table in listed.decode().split():
        rows = psql(house, f'COPY (SELECT * FROM {table} AS r ORDER BY r::text COLLATE "C") TO STDOUT')
        found[f"table {table}"] = hashlib.sha256(rows).hexdigest()
    found["sequences"] = psql(house, "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1").decode()
    found["triggers"] = psql(
        house, "SELECT tgname, tgrelid::regclass, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2::text"
    ).decode()
    holder.communicate()
    root = house.local / "files" / "demo"
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found[f"file {path.relative_to(root)}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def make(house: House, *arguments: str, code: int = 0) -> str:
    return house.run("make", f"PYTHON={sys.executable}", *arguments, code=code, seconds=300)


@pytest.fixture(scope="module")
def original() -> Iterator[tuple[House, Path, dict[str, str]]]:
    """The demonstration database with attachments, its backup, and what it looked like."""
    place = House(Path(tempfile.mkdtemp(prefix="qingtian-house-")))
    place.manage("migrate", "-v", "0")
    place.manage("shell", "-v", "0", "-c", FILL, seconds=300)
    target = place.local / "everything.tar"
    said = make(place, "backup", f"FILE={target}")
    assert f"已备份到 {target}" in said
    yield place, target, state(place)
    place.close()


def test_a_backup_restored_into_empty_directories_is_the_same(original: tuple, house: House) -> None:
    _, backup, before = original
    assert len([name for name in before if name.startswith("table ")]) > 20
    assert len([name for name in before if name.startswith("file ")]) >= 6
    said = make(house, "restore", f"FILE={backup}")
    assert "已恢复" in said
    assert state(house) == before
    # What came back is the present structure, and the pages' readiness would agree.
    assert "[ ]" not in house.manage("showmigrations", "--plan")


def test_a_backup_is_private_and_says_what_it_holds(original: tuple) -> None:
    _, backup, before = original
    assert backup.stat().st_mode & 0o777 == 0o600
    with tarfile.open(backup) as archive:
        names = archive.getnames()
    files = {name.removeprefix("file ") for name in before if name.startswith("file ")}
    assert set(names) == {"database.dump", "manifest.json"} | {f"files/{name}" for name in files}
    assert not list(backup.parent.glob("*.part"))


def test_a_database_with_content_is_only_replaced_by_force(original: tuple) -> None:
    place, backup, before = original
    said = make(place, "restore", str(backup), code=2)  # the file may also stand without FILE=
    assert "不是空的" in said
    assert "FORCE=1" in said
    place.manage(
        "shell", "-v", "0", "-c", "from core.models import StoredFile; StoredFile.objects.all().update(size=1)"
    )
    assert state(place) != before
    make(place, "restore", f"FILE={backup}", "FORCE=1")
    after = state(place)
    # The history of the change above is gone too: everything is as it was.
    assert after == before


def test_a_database_in_use_is_not_touched(original: tuple) -> None:
    place, backup, before = original
    user = place.client(
        "import psycopg2\nc = psycopg2.connect(embedded.database_url('qingtian_demo'))\nc.cursor().execute('SELECT 1')"
    )
    assert user.stdout.readline() == "ready\n"
    assert "正在使用（1 个连接）" in make(place, "restore", f"FILE={backup}", "FORCE=1", code=2)
    user.communicate()
    assert state(place) == before


@pytest.mark.parametrize("damage", ["flipped", "cut", "foreign", "missing"])
def test_a_damaged_backup_changes_nothing(original: tuple, house: House, damage: str, tmp_path: Path) -> None:
    _, backup, _ = original
    broken = tmp_path / "broken.tar"
    content = bytearray(backup.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "foreign":
        content = bytearray(b"PK\x03\x04 not a backup")
    if damage != "missing":
        broken.write_bytes(content)
    said = make(house, "restore", f"FILE={broken}", code=2)
    expected = {"flipped": "与清单不符", "cut": "备份", "foreign": "不是本系统的备份", "missing": "找不到备份文件"}
    assert expected[damage] in said
    assert "Traceback" not in said
    assert [name for name in state(house) if name.startswith(("table", "file"))] == []
