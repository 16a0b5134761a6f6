"""One file that holds everything: the database (pg_dump's custom format), every stored file, and a manifest of hashes.

The database is dumped first. Stored files are content-addressed and written before their row, so every row of the dump
finds its file in what is packed afterwards. Restoring goes the other way round: everything is verified before anything
is touched, files come before rows, and the database changes in one transaction or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import psycopg2.extensions
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from qingtian_perf import embedded

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
FILES = "files/"
_PIECE = 1 << 20


class BackupError(Exception):
    """Nothing was changed; the message is for the administrator."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds, as its manifest says."""

    manifest: dict[str, Any]

    @property
    def files(self) -> dict[str, str]:
        """Path below the file directory → SHA-256."""
        return self.manifest["files"]


def back_up(target: Path) -> Contents:
    """Write the backup to `target` (mode 0600), which appears only when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(target.name + ".part")
    try:
        with tempfile.TemporaryDirectory(prefix="qingtian-backup-", dir=target.parent) as scratch:
            dump = Path(scratch) / DUMP
            _pg("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}", database=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                    contents = _pack(archive, dump)
                file.flush()
                os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return contents


def _pack(archive: tarfile.TarFile, dump: Path) -> Contents:
    root = Path(settings.FILES_ROOT)
    # A name with a leading dot is an upload still on its way; no row refers to it yet.
    paths = sorted(path for path in root.rglob("[!.]*") if path.is_file()) if root.exists() else []
    manifest = {
        "format": FORMAT,
        "version": _version(),
        "created": timezone.localtime().isoformat(timespec="seconds"),
        "database": connection.settings_dict["NAME"],
        "postgres": cast(Any, connection).pg_version,
        "migrations": sorted(map(list, MigrationLoader(connection).applied_migrations)),
        "dump": _add(archive, dump, DUMP),
        "files": {},
    }
    for path in paths:
        name = path.relative_to(root).as_posix()
        manifest["files"][name] = _add(archive, path, FILES + name)
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    archive.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
    return Contents(manifest)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(timezone.now().timestamp())
    return entry


def _add(archive: tarfile.TarFile, path: Path, name: str) -> str:
    """Pack one file; returns the SHA-256 of exactly the bytes that went in."""
    with path.open("rb") as source:
        reader = _Hashing(source)
        archive.addfile(_entry(name, os.fstat(source.fileno()).st_size), reader)  # type: ignore[arg-type]
    return reader.digest.hexdigest()


class _Hashing:
    """A reader that hashes what is read through it."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self.source.read(size)
        self.digest.update(piece)
        return piece


def _version() -> str:
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def examine(source: Path) -> Contents:
    """Read the whole backup and compare every hash. Raises `BackupError` naming the first thing that is wrong."""
    with _opened(source) as archive:
        found = {entry.name: _digest(archive, entry) for entry in archive if entry.name != MANIFEST}
        try:
            reader = archive.extractfile(MANIFEST)
            manifest = json.loads(reader.read()) if reader else {}
        except (KeyError, ValueError) as error:
            raise BackupError(f"{source} 没有完整的清单，不是本系统的备份，或备份中断。") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(f"{source} 的备份格式 {manifest.get('format')} 无法识别，请用相应版本的系统恢复。")
    expected = {DUMP: manifest["dump"]} | {FILES + name: digest for name, digest in manifest["files"].items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise BackupError(f"备份已损坏：{name} 与清单不符。")
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise BackupError(f"备份中的文件名不安全：{name}")
    unknown = {tuple(key) for key in manifest["migrations"]} - set(MigrationLoader(None).disk_migrations)
    ours = {app for app, _ in MigrationLoader(None).disk_migrations}
    if newer := sorted(f"{app}.{name}" for app, name in unknown if app in ours):
        raise BackupError(f"备份来自更新的版本（{manifest['version']}），请先升级系统。未知的结构变更：{newer[0]}")
    return Contents(manifest)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as archive:
            yield archive
    except FileNotFoundError as error:
        raise BackupError(f"找不到备份文件 {source}。") from error
    except tarfile.TarError as error:
        raise BackupError(f"{source} 不是本系统的备份，或已损坏。") from error


def _digest(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    reader = archive.extractfile(entry) if entry.isreg() else None
    if reader is None:
        raise BackupError(f"备份中有不应出现的内容：{entry.name}")
    return hashlib.file_digest(reader, "sha256").hexdigest()  # type: ignore[arg-type]


def restore(source: Path, *, force: bool, say: Callable[[str], None]) -> Contents:
    """Bring back files and database. Refuses a database in use, and one with content unless `force` is given."""
    say("正在核对备份……")
    contents = examine(source)
    _refuse_to_disturb(force=force)
    with _opened(source) as archive, tempfile.TemporaryDirectory(prefix="qingtian-restore-") as scratch:
        say(f"正在恢复 {len(contents.files)} 个文件……")
        _restore_files(archive, contents)
        say("正在恢复数据库……")
        dump, script, empty = (Path(scratch) / name for name in (DUMP, "restore.sql", "empty.sql"))
        _extract(archive, DUMP, dump)
        # The script is complete before psql sees it: a pg_restore that fails half-way must not look like the end.
        _pg("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(dump), database=False)
        empty.write_text(_EMPTY)
        files = [f"--file={empty}", f"--file={script}"]
        _pg(
            "psql",
            "-X",
            "-q",
            "--set=ON_ERROR_STOP=1",
            "--single-transaction",
            "--output=/dev/null",
            *files,
            database=True,
        )
    return contents


# `public` is in every dump only by its contents, so it is emptied by being made anew.
_EMPTY = "SET client_min_messages = warning;\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n"


def _refuse_to_disturb(*, force: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        (others,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        (tables,) = cursor.fetchone()
    connection.close()
    if others:
        raise BackupError(f"数据库 {connection.settings_dict['NAME']} 正在使用（{others} 个连接），请先停止系统。")
    if tables and not force:
        raise BackupError(
            f"数据库 {connection.settings_dict['NAME']} 不是空的（{tables} 张表）。"
            "确认要用备份替换全部数据时，请加 FORCE=1。"
        )


def _restore_files(archive: tarfile.TarFile, contents: Contents) -> None:
    """Put every file in its place. Files that are there but not in the backup stay: nothing refers to them."""
    root = Path(settings.FILES_ROOT)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, digest in contents.files.items():
        path = root / name
        if path.is_file():
            with path.open("rb") as present:
                if hashlib.file_digest(present, "sha256").hexdigest() == digest:
                    continue
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(path.name + ".part")
        _extract(archive, FILES + name, draft)
        draft.replace(path)


def _extract(archive: tarfile.TarFile, name: str, target: Path) -> None:
    reader = archive.extractfile(name)
    if reader is None:
        raise BackupError(f"备份中缺少 {name}。")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := reader.read(_PIECE):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _pg(program: str, *arguments: str, database: bool) -> None:
    """Run a PostgreSQL program; with `database` on ours. The password stays out of the arguments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    command = [str(embedded.pg_binary(program)), *arguments]
    if database:
        given = connection.get_connection_params()
        known = {"dbname", "user", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"}
        command.append("--dbname=" + psycopg2.extensions.make_dsn(**{k: v for k, v in given.items() if k in known}))
        if given.get("password"):
            environment["PGPASSWORD"] = str(given["password"])
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    if done.returncode:
        raise BackupError(f"{program} 失败（{done.returncode}）：\n{done.stderr.strip()[-2000:]}")
