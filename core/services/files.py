"""The content-addressed store: one private directory shared by all hosts, written before its row."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from django.conf import settings

from core.models import StoredFile
from core.services.moving import Refused

CHUNK = 1 << 20


def path_of(sha256: str) -> Path:
    """Where the content with this SHA-256 lies."""
    return Path(settings.FILES_ROOT) / sha256[:2] / sha256


def store(chunks: Iterable[bytes] | IO[bytes], *, limit: int | None = None) -> StoredFile:
    """Store content once and return its row; the same content again returns the same row.

    `limit` in bytes defaults to `settings.UPLOAD_LIMIT`; raises `Refused` above it, having written nothing.
    The file is complete and synced before the row exists, so a row never points at half a file.
    """
    limit = settings.UPLOAD_LIMIT if limit is None else limit
    root = Path(settings.FILES_ROOT)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle, temporary = tempfile.mkstemp(dir=root, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as out:
            for chunk in _pieces(chunks):
                size += len(chunk)
                if size > limit:
                    raise Refused(f"文件超过 {limit // (1 << 20)} MB，未保存。请压缩或拆分后再上传。", code="too_large")
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        sha256 = digest.hexdigest()
        target = path_of(sha256)
        if not target.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            Path(temporary).replace(target)
            _sync_directory(target.parent)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
    row, _ = StoredFile.objects.get_or_create(
        sha256=sha256, defaults={"size": size, "content_type": content_type(target)}
    )
    return row


def open_file(stored: StoredFile) -> IO[bytes]:
    """The stored content, opened for reading. The caller has checked that the reader may see it."""
    return path_of(stored.sha256).open("rb")


def content_type(path: Path) -> str:
    """The MIME type by content: known magic numbers, OFD and Office packages by their members, else text or bytes."""
    import zipfile

    import filetype

    guess = filetype.guess(str(path))
    if guess is None or guess.mime == "application/zip":
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as package:
                names = set(package.namelist())
            for member, mime in _PACKAGES.items():
                if member in names:
                    return mime
            return "application/zip"
        return _text_or_bytes(path)
    return str(guess.mime)


_PACKAGES = {
    "OFD.xml": "application/ofd",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def _text_or_bytes(path: Path) -> str:
    with path.open("rb") as source:
        head = source.read(8192)
    if b"\0" in head:
        return "application/octet-stream"
    start = head.lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")) or b"<html" in start or b"<script" in start:
        return "text/html"
    return "text/plain"


def _pieces(source: Iterable[bytes] | IO[bytes]) -> Iterable[bytes]:
    read = getattr(source, "read", None)
    if read is None:
        yield from source
        return
    while chunk := read(CHUNK):
        yield chunk


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
