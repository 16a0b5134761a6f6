"""PostgreSQL and Redis as child processes of the keeper: prepare, clear leftovers, start, stop."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from qingtian_perf.embedded import places, processes
from qingtian_perf.embedded.places import EmbeddedError

START_PATIENCE = 60.0

# Two cores, a few gigabytes, an office of a hundred people. fsync stays on: this is real work.
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "Asia/Shanghai",
    "log_line_prefix": "%m [%p] ",
}
REDIS_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "databases": "64",
    "daemonize": "no",
}


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


class Server:
    """One program owned by the keeper. Subclasses say how it is started, asked and ended."""

    name = ""
    # What the kernel sends when the keeper is killed, then what we send ourselves, with patience in seconds.
    farewell: tuple[tuple[int, float], ...] = ()

    def __init__(self, user: pwd.struct_passwd | None) -> None:
        self.user = user
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def directory(self) -> Path:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    def leftovers(self) -> list[int]:
        """Processes at work in this server's directory."""
        return processes.working_in(self.directory())

    def main_leftovers(self) -> list[int]:
        """Those of them that end the others."""
        return self.leftovers()

    def prepare(self) -> None:
        """What must be there before the first start."""

    def as_user(self) -> dict[str, Any]:
        """The `subprocess` arguments that drop root's rights."""
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            self.command(),
            cwd=self.directory(),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            # Changing the user clears the wish to die with the parent; `preexec_fn` runs after that change.
            preexec_fn=processes.child_of_this(self.farewell[0][0]),
            **self.as_user(),
        )
        deadline = time.monotonic() + START_PATIENCE
        while not self.is_ready():
            if self.process.poll() is not None:
                raise EmbeddedError(f"{self.name} 启动失败（退出码 {self.process.returncode}）。")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} 在 {START_PATIENCE:.0f} 秒内未能就绪。")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server, gently first."""
        if self.process is None:
            return
        for number, patience in self.farewell:
            if self.process.poll() is not None:
                break
            self.process.send_signal(number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self.process = None

    def clear_leftovers(self) -> None:
        """End what an earlier, killed keeper left running in the same directory: the main process, then the rest."""
        for round_ in (self.main_leftovers, self.leftovers):
            pids = round_()
            if pids and processes.end(pids, self.farewell):
                raise EmbeddedError(f"上次遗留的 {self.name} 进程 {pids} 无法结束。")


class Postgres(Server):
    """PostgreSQL 18: UTF-8, C locale, local socket only. SIGINT is its fast shutdown; SIGTERM waits for clients."""

    name = "PostgreSQL"
    farewell = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))

    def directory(self) -> Path:
        return places.postgres_dir() / "18"

    def command(self) -> list[str]:
        options = POSTGRES_SETTINGS | {"unix_socket_directories": str(places.socket_dir())}
        arguments = [item for name, value in options.items() for item in ("-c", f"{name}={value}")]
        return [str(places.pg_binary("postgres")), "-D", str(self.directory()), *arguments]

    def prepare(self) -> None:
        """Create the cluster once, under another name first: an interrupted creation leaves nothing half-made."""
        if self.directory().exists():
            return
        new = self.directory().with_name("18.new")
        shutil.rmtree(new, ignore_errors=True)
        command = [str(places.pg_binary("initdb")), "-D", str(new), "-U", "postgres", "--encoding=UTF8"]
        command += ["--locale=C", "--auth=trust"]
        done = subprocess.run(
            command, check=False, cwd=new.parent, env=_environment(), capture_output=True, text=True, **self.as_user()
        )
        if done.returncode:
            raise EmbeddedError(f"无法建立数据库目录 {self.directory()}：{done.stderr.strip()}")
        new.rename(self.directory())

    def is_ready(self) -> bool:
        lines = self._pid_file()
        return len(lines) > 7 and lines[7].strip() == "ready" and _accepts(places.socket_dir() / ".s.PGSQL.5432")

    def main_leftovers(self) -> list[int]:
        lines = self._pid_file()
        main = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
        return [pid for pid in self.leftovers() if pid == main]

    def _pid_file(self) -> list[str]:
        try:
            return (self.directory() / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []


class Redis(Server):
    """Redis as queue and cache; it may be emptied at any time, so nothing is written to disk."""

    name = "Redis"
    farewell = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

    def directory(self) -> Path:
        return places.redis_dir()

    def command(self) -> list[str]:
        options = REDIS_SETTINGS | {"unixsocket": str(self._socket()), "dir": str(self.directory())}
        arguments = [item for name, value in options.items() for item in (f"--{name}", value)]
        return [str(places.redis_binary()), *arguments]

    def is_ready(self) -> bool:
        return _accepts(self._socket(), b"PING\r\n", b"+PONG")

    def _socket(self) -> Path:
        return places.socket_dir() / "redis.sock"


def _accepts(path: Path, question: bytes = b"", answer: bytes = b"") -> bool:
    """Whether a server listens on the socket, and answers as it should."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            if question:
                connection.sendall(question)
                return connection.recv(len(answer)) == answer
        except OSError:
            return False
        return True
