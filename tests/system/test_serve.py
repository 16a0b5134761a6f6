"""`make run`: from nothing to a login page, and back to nothing, however it ends."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.system.conftest import ROOT, House, free_port, wait_for

pytestmark = pytest.mark.system

# The first start makes the database, the static files, the demonstration data and the fonts.
FIRST_START = 240
START = 90


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def get(port: int, path: str) -> tuple[int, str]:
    """Status and text, or (0, "") while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


class Running:
    """`make run` in a session of its own, as a terminal would start it; its output goes to a file."""

    def __init__(self, house: House, port: int, *prefix: str, database: str = "demo") -> None:
        self.house, self.port = house, port
        self.output = house.local / "terminal"
        house.local.mkdir(exist_ok=True)
        command = [*prefix, "make", "run", f"PYTHON={sys.executable}"]
        command += [f"PORT={port}"] if port != 8000 else []
        command += [f"DATABASE={database}"] if database != "demo" else []
        with self.output.open("w") as terminal:
            self.process = house.start(command, stdout=terminal, stdin=subprocess.DEVNULL, start_new_session=True)

    @property
    def said(self) -> str:
        return self.output.read_text()

    def until_greeted(self, seconds: float) -> "Running":
        wait_for(lambda: "Ctrl-C" in self.said or self.process.poll() is not None, seconds)
        assert f"http://127.0.0.1:{self.port}" in self.said, self.said
        return self

    def interrupt(self, times: int = 1) -> None:
        """Ctrl-C: the terminal sends SIGINT to everybody in the foreground, make included."""
        for _ in range(times):
            os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(60)

    def leaves_nothing(self) -> None:
        assert self.house.gone(40) == {}
        assert is_free(self.port)


@pytest.fixture(scope="module")
def lived_in() -> Iterator[House]:
    """A house whose first start is behind it, shared by the tests of this module."""
    place = House(Path(os.path.realpath(os.environ.get("TMPDIR", "/tmp"))) / f"qingtian-run-{os.getpid()}")
    place.local.mkdir()
    fonts = ROOT / ".local" / "fonts"
    if fonts.is_dir():
        shutil.copytree(fonts, place.local / "fonts")
    yield place
    place.close()


def installed_files() -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in (ROOT / ".venv").rglob("*")
        if not path.is_dir()
    }


def without_network() -> list[str]:
    """A command prefix that leaves nothing but the loopback, where this machine allows it."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        return []
    prefix = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']
    return prefix if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0 else []


def test_a_run_begins_from_nothing_and_ends_by_ctrl_c(lived_in: House) -> None:
    port = 8000 if is_free(8000) else free_port()
    running = Running(lived_in, port).until_greeted(FIRST_START)
    status, page = get(port, "/login/")
    assert status == 200
    assert "严禁" in page
    assert "演示账号" in running.said
    assert wait_for(lambda: get(port, "/healthz/ready")[0] == 200, 60), get(port, "/healthz/ready")
    names = " ".join(lived_in.processes().values())
    assert all(
        part in names for part in ("gunicorn", "qingtian_perf worker", "qingtian_perf beat", "redis", "postgres")
    )
    running.interrupt()
    assert "已停止" in running.said
    running.leaves_nothing()


def test_a_second_run_needs_no_network_and_changes_no_installed_file(lived_in: House) -> None:
    before, port, prefix = installed_files(), free_port(), without_network()
    running = Running(lived_in, port, *prefix).until_greeted(START)
    if prefix:
        ask = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:{}/login/').status)"
        inside = ["nsenter", "--net", "--target", str(running.process.pid), sys.executable, "-c", ask.format(port)]
        assert subprocess.run(inside, check=True, capture_output=True, text=True).stdout == "200\n"
    else:
        assert get(port, "/login/")[0] == 200
    running.interrupt(times=2)
    running.leaves_nothing()
    assert installed_files() == before


@pytest.mark.parametrize("victim", ["make", "manage.py serve"])
def test_a_killed_parent_leaves_nothing(lived_in: House, victim: str) -> None:
    port = 8000 if is_free(8000) else free_port()
    running = Running(lived_in, port).until_greeted(START)
    pid = running.process.pid if victim == "make" else lived_in.pid_of(victim)
    os.kill(pid, signal.SIGKILL)
    running.process.wait(30)
    running.leaves_nothing()
    again = Running(lived_in, port).until_greeted(START)
    again.interrupt()
    again.leaves_nothing()


def test_what_dies_is_started_again_and_a_second_system_is_refused(lived_in: House) -> None:
    port = free_port()
    running = Running(lived_in, port).until_greeted(START)
    for name, part in (("worker", "qingtian_perf worker"), ("beat", "qingtian_perf beat"), ("web", "gunicorn")):
        main = min(pid for pid, arguments in lived_in.processes().items() if part in arguments)
        os.kill(main, signal.SIGKILL)
        assert wait_for(lambda name=name: f"{name} 已重新启动" in running.said), running.said
        assert f"{name} 意外退出" in running.said
        assert main not in lived_in.processes()
    os.kill(lived_in.pid_of("embedded.keeper"), signal.SIGKILL)
    assert wait_for(lambda: get(port, "/healthz/ready")[0] == 200, 60), lived_in.processes()
    refused = lived_in.manage("serve", "--port", str(free_port()), code=1)
    assert "已在运行" in refused
    running.interrupt()
    running.leaves_nothing()


def test_a_port_in_use_is_named_before_anything_starts(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = house.run("make", "run", f"PYTHON={sys.executable}", f"PORT={port}", code=2)
    assert f"端口 {port} 已被占用，占用者为进程 {os.getpid()}" in said
    assert "make run PORT=" in said
    assert not (house.local / "postgres").exists()


def test_the_bureau_begins_with_its_set_up_page(lived_in: House) -> None:
    port = free_port()
    running = Running(lived_in, port, database="bureau").until_greeted(START)
    assert "演示账号" not in running.said
    assert "一次性密钥" in running.said
    key = running.said.rpartition("一次性密钥：")[2].split()[0]
    assert len(key) >= 16
    with urlopen(f"http://127.0.0.1:{port}/") as first_page:
        assert first_page.url == f"http://127.0.0.1:{port}/setup/"
    running.interrupt()
    running.leaves_nothing()
