"""A house of one's own: another `.local`, other ports, and a list of every process that belongs to it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qingtian_perf.embedded import processes

ROOT = Path(__file__).resolve().parent.parent.parent


def wait_for(condition: Callable[[], object], seconds: float = 20) -> object:
    """The condition's first true value, or its last false one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """One `.local` directory with its environment; finds its processes by environment, arguments or directory."""

    def __init__(self, local: Path) -> None:
        self.local = local
        dropped = ("DATABASE", "REDIS_URL", "QINGTIAN", "DJANGO", "PORT", "PYTEST", "MAKE", "MFLAGS")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self.env |= {"QINGTIAN_LOCAL_DIR": str(local), "PYTHONPATH": str(ROOT)}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, command: list[str], **options: object) -> subprocess.Popen[str]:
        """Start a command in this house, with pipes for its input and output."""
        env = self.env | options.pop("env", {})  # type: ignore[operator]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
        # A test run that is killed takes its houses along.
        tie = processes.child_of_this(signal.SIGTERM)
        process = subprocess.Popen(command, cwd=pipes.pop("cwd", ROOT), env=env, text=True, preexec_fn=tie, **pipes)
        self.started.append(process)
        return process

    def run(self, *command: str, code: int | None = 0, seconds: float = 120, **env: str) -> str:
        """Run a command to its end; returns all it said. `code` None: any."""
        process = self.start(list(command), env=env)
        said, _ = process.communicate(timeout=seconds)
        assert code is None or process.returncode == code, (command, process.returncode, said)
        return said

    def manage(self, *arguments: str, **options: object) -> str:
        """`manage.py …` in this house."""
        return self.run(sys.executable, "manage.py", *arguments, **options)  # type: ignore[arg-type]

    def client(self, body: str = "", database: str = "demo") -> subprocess.Popen[str]:
        """A process that takes a lease, runs `body`, prints "ready", and leaves when its input closes."""
        lines = ["import sys, os", "from qingtian_perf import embedded", f"with embedded.lease({database!r}):"]
        lines += [f"    {line}" for line in body.splitlines()]
        lines += ["    print('ready', flush=True)", "    sys.stdin.read()"]
        return self.start([sys.executable, "-c", "\n".join(lines)])

    def processes(self) -> dict[int, str]:
        """Every live process of this house: pid → what it is."""
        mark, found = str(self.local).encode(), {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                arguments = (entry / "cmdline").read_bytes()
                texts = [arguments, (entry / "environ").read_bytes(), os.fsencode((entry / "cwd").readlink())]
            except OSError:
                continue
            if any(mark in text for text in texts):
                found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace").strip()
        return found

    def pid_of(self, part: str) -> int:
        """The one process whose arguments contain `part`."""
        pids = [pid for pid, arguments in self.processes().items() if part in arguments]
        assert len(pids) == 1, (part, self.processes())
        return pids[0]

    def gone(self, seconds: float = 20) -> dict[int, str]:
        """Wait until no process of this house is left; returns those still there when the time is over."""
        wait_for(lambda: not self.processes(), seconds)
        return self.processes()

    def close(self) -> None:
        for process in self.started:
            process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
            process.wait()
        self.gone(10)
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.local, ignore_errors=True)


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Wait until a client says that it has its lease."""
    line = process.stdout.readline()
    assert line == "ready\n", line + process.stdout.read()
    return process


def leave(process: subprocess.Popen[str]) -> str:
    """Let a client go; returns what it said."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


@pytest.fixture
def house() -> Iterator[House]:
    place = House(Path(tempfile.mkdtemp(prefix="qingtian-house-")))
    yield place
    place.close()
