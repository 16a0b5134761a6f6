"""Real PostgreSQL 18 and Redis from wheels, under `.local/`, for as long as somebody uses them.

A keeper process owns both servers. Every user of them holds a shared lock on one file; the keeper waits for the
exclusive lock, which the kernel grants when the last holder is gone, however it died.

With DATABASE_URL and REDIS_URL set nothing here starts anything.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from qingtian_perf.embedded import locks, places
from qingtian_perf.embedded.places import EmbeddedError, pg_binary

__all__ = [
    "EmbeddedError",
    "broker_url",
    "database_url",
    "ensure_running",
    "lease",
    "pg_binary",
    "redis_url",
    "secret_key",
]

START_PATIENCE = 180.0
STOP_PATIENCE = 45.0

# Each database has a Redis number of its own, so that no worker takes another database's work.
_REDIS_NUMBERS = {"demo": 0, "bureau": 1}

_guard = threading.RLock()
_held: list[int] = []
_holders = 0


def database_url(name: str) -> str:
    """Address of a database of the embedded server, as dj-database-url and libpq understand it."""
    return f"postgres://postgres@{quote(str(places.socket_dir()), safe='')}/{name}"


def redis_url(name: str = "demo") -> str:
    """Address of the embedded Redis, with the number that belongs to the database of this name."""
    number = _REDIS_NUMBERS.get(name)
    if number is None:
        number = 8 + zlib.crc32(name.encode()) % 56
    return f"unix://{quote(str(places.socket_dir() / 'redis.sock'))}?db={number}"


def broker_url(redis: str) -> str:
    """The same Redis as Celery wants it written: kombu has its own scheme for unix sockets."""
    if not redis.startswith("unix://"):
        return redis
    path, _, query = redis.removeprefix("unix://").partition("?")
    return f"redis+socket://{path}" + (f"?{query.replace('db=', 'virtual_host=')}" if query else "")


def secret_key() -> str:
    """The key of this installation, generated once and kept in `.local/` readable by its owner only."""
    path = places.local_dir() / "secret-key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        draft = path.with_name(f"secret-key.{os.getpid()}.{threading.get_ident()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its key is the key
        finally:
            draft.unlink()
    return path.read_text().strip()


@contextmanager
def lease(database: str | None = None) -> Iterator[None]:
    """Have both servers running, and the database `qingtian_<name>` in place, until the block ends.

    May be nested and called from threads; a forked child keeps its parent's lease. Raises EmbeddedError when the
    servers cannot start. Leaving the last lease of all waits until the servers have stopped.
    """
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        yield
        return
    _enter()
    try:
        ensure_database(database or os.environ.get("DATABASE") or "demo")
        yield
    finally:
        _leave()


def _enter() -> None:
    global _holders
    with _guard:
        if _holders == 0:
            _held.append(_take_lease())
        _holders += 1


def _leave() -> None:
    global _holders
    with _guard:
        _holders -= 1
        if _holders == 0:
            os.close(_held.pop())
            _wait_for_end()


def _take_lease() -> int:
    places.local_dir().mkdir(parents=True, exist_ok=True, mode=0o711)
    places.run_dir().mkdir(exist_ok=True, mode=0o711)
    start = locks.take("start", fcntl.LOCK_EX)
    held = None
    try:
        # Waits here while a keeper is stopping its servers: it holds this lock exclusively until it is done.
        held = locks.take("lease", fcntl.LOCK_SH)
        _ensure_keeper()
    except BaseException:
        if held is not None:
            os.close(held)
        raise
    finally:
        if start is not None:
            os.close(start)
    assert held is not None
    return held


def ensure_running() -> None:
    """For long-lived holders of a lease: start a new keeper where the old one was killed. Cheap when all is well."""
    if not _held or not locks.is_free("keeper"):
        return
    start = locks.take("start", fcntl.LOCK_EX)
    try:
        _ensure_keeper()
    finally:
        if start is not None:
            os.close(start)


def _ensure_keeper() -> None:
    """Called with start.lock and a lease held. A keeper whose starter died is waited for, none at all is started."""
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        if locks.is_free("keeper"):
            _start_keeper()
        if locks.is_ready():
            return
        time.sleep(0.05)
    raise EmbeddedError(f"内置数据库在 {START_PATIENCE:.0f} 秒内未能就绪，见 {_log_path()}。")


def _start_keeper() -> None:
    locks.unmark_ready()
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as report, _log_path().open("ab") as log:
        begin = log.tell()
        try:
            command = [sys.executable, "-m", "qingtian_perf.embedded.keeper", str(write_end)]
            subprocess.run(
                command,
                check=True,
                cwd=places.BASE_DIR,
                pass_fds=[write_end],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        finally:
            os.close(write_end)
        if not report.read(1):
            said = _log_path().read_bytes()[begin:].decode(errors="replace").strip()
            raise EmbeddedError(f"内置数据库未能启动：\n{said[-3000:]}")


def _log_path() -> Path:
    return places.run_dir() / "keeper.log"


def _wait_for_end() -> None:
    """Having left: if nobody else holds a lease, wait until the keeper has stopped its servers."""
    for _ in range(5):
        if not locks.is_free("lease"):
            break
        time.sleep(0.02)
    else:
        return  # still shared with somebody
    deadline = time.monotonic() + STOP_PATIENCE
    while not (locks.is_free("keeper") and locks.is_free("lease")) and time.monotonic() < deadline:
        time.sleep(0.02)


def ensure_database(name: str) -> None:
    """Create the database `qingtian_<name>` where it is missing. The name is letters, digits and underscores."""
    import psycopg2
    from psycopg2 import errors

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        raise EmbeddedError(f"数据库名 {name!r} 只能由小写字母、数字和下划线组成。")
    with closing(psycopg2.connect(database_url("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [f"qingtian_{name}"])
            if cursor.fetchone():
                return
            try:
                # `name` is checked above; an identifier cannot be a parameter.
                cursor.execute(f"CREATE DATABASE qingtian_{name} TEMPLATE template0 ENCODING 'UTF8'")
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                return
