"""`manage.py serve`: bring the database up to date, then web, worker and beat until Ctrl-C. What `make run` does."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import signal
import sys
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import BaseCommand, call_command
from django.db import connections

from organisations.services import setup_key
from qingtian_perf import embedded
from qingtian_perf.demo import accounts
from qingtian_perf.embedded import locks, places
from qingtian_perf.supervisor import Supervisor, Unavailable, listen

HOST = "127.0.0.1"
START_PATIENCE = 90.0


class Command(BaseCommand):
    help = "启动系统：网页服务、后台作业与定时任务；按 Ctrl-C 结束。"
    # The checks ask the database, and the port comes first.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="端口，默认 8000")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        database = os.environ.get("DATABASE") or "demo"
        supervisor = Supervisor(database, self.say)
        # Until the supervisor takes over the signals, SIGTERM unwinds like Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            supervisor.claim()
            # The port is held from before the first server starts until after the last child has ended.
            with listen(HOST, port) as listener, embedded.lease(database):
                supervisor.descriptors.append(listener.fileno())
                self._serve(supervisor, database, port)
        except (Unavailable, embedded.EmbeddedError) as error:
            self.stderr.write(str(error))
            sys.exit(1)
        except KeyboardInterrupt:
            self.say("已停止。")

    def _serve(self, supervisor: Supervisor, database: str, port: int) -> None:
        try:
            self._bring_up_to_date(database)
            for name, command in _services(supervisor.descriptors[0], database).items():
                supervisor.add(name, command)
            supervisor.start()
            if supervisor.wait_until(lambda: _answers(port), START_PATIENCE):
                self._greet(database, f"http://{HOST}:{port}")
                supervisor.watch()
        finally:
            if supervisor.services:
                self.say("正在停止……")
            supervisor.stop()
        self.say("已停止。")

    def say(self, text: str) -> None:
        """One line for the person at the terminal, at once; a terminal that is gone must not keep us from stopping."""
        with suppress(OSError):
            self.stdout.write(text)
            self.stdout.flush()

    def _bring_up_to_date(self, database: str) -> None:
        self.say("正在更新数据库结构……")
        call_command("migrate", interactive=False, verbosity=0)
        self._collect_static()
        if database == "demo":
            self.say("正在载入演示数据（已载入的不会改变）……")
            call_command("load_demo", stdout=sys.stderr, verbosity=0)
        # After the data: rare characters in names belong into the subset.
        self.say("正在准备公文字体（已备好的不会改变）……")
        call_command("prepare_fonts", stdout=sys.stderr, verbosity=0)
        # The supervisor itself needs no connection; an open one would hinder backup and restore.
        connections.close_all()

    def _collect_static(self) -> None:
        """Collect the static files where any has changed since the last time."""
        stamp, digest = places.local_dir() / "static.stamp", _static_digest()
        lock = locks.take("static", fcntl.LOCK_EX)
        try:
            if Path(settings.STATIC_ROOT).exists() and stamp.exists() and stamp.read_text() == digest:
                return
            self.say("正在整理静态文件……")
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(digest)
        finally:
            if lock is not None:
                os.close(lock)

    def _greet(self, database: str, address: str) -> None:
        lines = _demo_accounts() if database == "demo" else _setup_hint(address)
        connections.close_all()
        logs = f"日志目录：{places.local_dir() / 'log'}；按 Ctrl-C 结束。"
        self.say("\n".join([f"\n青田预算绩效 已启动：{address}", logs, *lines]))


def _services(descriptor: int, database: str) -> dict[str, list[str]]:
    """The three commands; those of docker-compose.yml differ only in address and schedule file."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "qingtian_perf"]
    schedule = places.run_dir() / f"beat-{database}"
    web = [python, "-m", "gunicorn", "qingtian_perf.wsgi:application", "-c", "python:qingtian_perf.gunicorn_conf"]
    return {
        "web": [*web, "--bind", f"fd://{descriptor}"],
        "worker": [*celery, "worker", "-l", "INFO", "-c", "2", "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat", "-l", "INFO", "--schedule", str(schedule), "--pidfile", ""],
    }


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz/live")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _static_digest() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            fact = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{fact.st_size}\0{fact.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _demo_accounts() -> list[str]:
    """The demonstration accounts, one per role: role, user name, password, what to try."""
    rows = ["  ".join(map(str, row)) for row in accounts()]
    return ["\n演示账号（仅供演示，请勿用于正式环境）：", *(f"  {row}" for row in rows)]


def _setup_hint(address: str) -> list[str]:
    """For a database nobody has set up yet: where, and the key that proves one may."""
    key = setup_key()
    return [f"\n首次使用，请打开 {address}/setup/ 并输入一次性密钥：{key}"] if key else []
