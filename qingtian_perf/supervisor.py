"""Web, worker and beat as children of one process: started together, restarted when they die, ended together.

The children have sessions of their own, so Ctrl-C reaches only the supervisor; and they are tied to it, so that not
even its SIGKILL leaves one behind. What is left all the same is cleared at the next start.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from qingtian_perf.embedded import ensure_running, locks, places, processes

LOG_LIMIT = 20 * 1024 * 1024
BACK_OFF = (1.0, 2.0, 5.0, 10.0, 30.0)
# A child that has lived this long starts again at once and with a clean record.
SETTLED = 60.0
FAREWELL = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))


class Unavailable(Exception):
    """The system cannot start; the message is for the person at the terminal."""


@dataclass
class Service:
    """One child: its command, its log, and how often it has died."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0

    def said(self, lines: int = 25) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, taken before anything else starts. Raises `Unavailable` naming the port and its user."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        advice = f"请先停止该程序，或换一个端口：make run PORT={port + 1}"
        raise Unavailable(f"端口 {port} 已被占用{_owner_of(port)}（{error.strerror}）。{advice}") from error
    listener.listen(128)
    listener.set_inheritable(True)
    return listener


def _owner_of(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return ""
    for connection in connections:
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
            return f"，占用者为进程 {connection.pid}" if connection.pid else ""
    return ""


@dataclass
class Supervisor:
    """Owns the services of one database; `name` tells two systems (demo, bureau) apart."""

    name: str
    say: Callable[[str], None]
    descriptors: list[int] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    _lock: int | None = None
    _stopping: bool = False
    _impatient: bool = False

    @property
    def _state(self) -> Path:
        return places.run_dir() / f"serve-{self.name}.json"

    def claim(self) -> None:
        """Be the only supervisor of this name, and end what a killed one left. Raises `Unavailable`."""
        places.run_dir().mkdir(parents=True, exist_ok=True, mode=0o711)
        self._lock = locks.take(f"serve-{self.name}", fcntl.LOCK_EX | fcntl.LOCK_NB)
        if self._lock is None:
            raise Unavailable(f"系统（数据库 {self.name}）已在运行，进程 {self._remembered().get('pid', '未知')}。")
        left = [
            int(pid)
            for pid, started in self._remembered().get("children", {}).items()
            if processes.started_at(int(pid)) == started
        ]
        if left:
            self.say(f"清理上次遗留的进程：{'、'.join(map(str, left))}")
            processes.end(left, FAREWELL)

    def _remembered(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._state.read_text()))
        except (OSError, ValueError):
            return {}

    def _remember(self) -> None:
        alive = [service.process.pid for service in self.services if service.process]
        state = {"pid": os.getpid(), "children": {str(pid): processes.started_at(pid) for pid in alive}}
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(state))
        draft.replace(self._state)

    def add(self, name: str, command: list[str]) -> None:
        """A service to be started by `start`."""
        directory = places.local_dir() / "log"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = directory / f"{self.name}-{name}.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        self.services.append(Service(name, command, log))

    def start(self) -> None:
        """Start all services."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        for service in self.services:
            self._spawn(service)

    def _asked_to_stop(self, *_: object) -> None:
        self._impatient = self._stopping
        self._stopping = True

    def _spawn(self, service: Service) -> None:
        with service.log.open("ab") as log:
            service.process = subprocess.Popen(
                service.command,
                cwd=places.BASE_DIR,
                pass_fds=self.descriptors,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=processes.child_of_this(signal.SIGKILL),
            )
        service.started = time.monotonic()
        self._remember()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for the first answer. False when asked to stop meanwhile; raises `Unavailable` with the reason else."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._stopping:
                return False
            for service in self.services:
                if service.process and service.process.poll() is not None:
                    raise Unavailable(f"{service.name} 启动失败，日志 {service.log}：\n{service.said()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"系统在 {seconds:.0f} 秒内未能就绪，见 {self.services[0].log.parent} 中的日志。")
            time.sleep(0.1)
        return True

    def watch(self) -> None:
        """Until asked to stop, restart what dies, later each time; revive the embedded servers too."""
        while not self._stopping:
            now = time.monotonic()
            for service in self.services:
                self._look_after(service, now)
            ensure_running()
            time.sleep(0.25)

    def _look_after(self, service: Service, now: float) -> None:
        if service.process is None:
            if now >= service.due:
                self._spawn(service)
                self.say(f"{service.name} 已重新启动。")
        elif service.process.poll() is not None:
            service.deaths = 0 if now - service.started > SETTLED else service.deaths + 1
            pause = BACK_OFF[min(service.deaths, len(BACK_OFF) - 1)]
            service.due = now + pause
            code = service.process.returncode
            self.say(f"{service.name} 意外退出（退出码 {code}），{pause:.0f} 秒后重新启动；日志 {service.log}")
            service.process = None
            self._remember()

    def stop(self) -> None:
        """End all services, gently first; a second Ctrl-C ends the patience."""
        for number, patience in FAREWELL:
            alive = [service.process for service in self.services if service.process and service.process.poll() is None]
            for process in alive:
                process.send_signal(number)
            deadline = time.monotonic() + patience
            while any(process.poll() is None for process in alive):
                if time.monotonic() > deadline or (self._impatient and number != signal.SIGKILL):
                    break
                time.sleep(0.05)
        for service in self.services:
            service.process = None
        self._state.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
