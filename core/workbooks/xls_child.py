"""Old .xls files are parsed in a process of their own: a damaged one can make the parser loop, panic or abort.

The child (`_child(FILE)`) writes lines of JSON: per sheet one object with name, offset and merged
cells, then its rows as arrays; dates as {"d": …}, times of day and durations as text. Exit 3: a password is set.
4: cannot be read.
"""

from __future__ import annotations

import datetime
import json
import resource
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import Code, Refused

MEMORY_LIMIT = 3 << 30
SECONDS_LIMIT = 120
PASSWORD, UNREADABLE = 3, 4
_COMMAND = f"import sys; from {__name__} import _child; sys.exit(_child(sys.argv[1]))"


class _Spool:
    """What the child wrote; its file goes when the last sheet that reads from it does."""

    def __init__(self) -> None:
        self.stream: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self.stream.close)

    def line(self, at: int) -> bytes:
        self.stream.seek(at)
        return self.stream.readline()


class XlsSheet:
    """One sheet as the child wrote it down."""

    def __init__(self, spool: _Spool, head: dict[str, Any], start: int) -> None:
        self.spool, self.start = spool, start
        self.name: str = head["name"]
        self.offset: int = head["offset"]
        self.merged = [((top, left), (bottom, right)) for (top, left), (bottom, right) in head["merged"]]

    def rows(self) -> Iterator[list[Any]]:
        at = self.start
        while True:
            line = self.spool.line(at)
            at += len(line)
            if not line.startswith(b"["):
                return
            yield json.loads(line, object_hook=_revive)


def read_xls(path: Path, name: str) -> list[XlsSheet]:
    """The sheets of an .xls. Raises Refused (ENCRYPTED, DAMAGED)."""
    spool = _Spool()
    command = [sys.executable, "-c", _COMMAND, str(path.resolve())]
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            command, cwd=root, stdout=spool.stream, stderr=subprocess.DEVNULL, timeout=SECONDS_LIMIT, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise Refused(Code.DAMAGED, file=name) from problem
    if done.returncode:
        raise Refused(Code.ENCRYPTED if done.returncode == PASSWORD else Code.DAMAGED, file=name)
    sheets = []
    spool.stream.seek(0)
    at = 0
    for line in spool.stream:
        at += len(line)
        if line.startswith(b"{"):
            sheets.append(XlsSheet(spool, json.loads(line), at))
    return sheets


def _revive(value: dict[str, str]) -> Any:
    text = value["d"]
    return datetime.datetime.fromisoformat(text) if "T" in text else datetime.date.fromisoformat(text)


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date)):
        return {"d": value.isoformat()}
    return str(value)


def _child(path: str) -> int:
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_LIMIT, SECONDS_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        book = CalamineWorkbook.from_path(path)
        for meta in book.sheets_metadata:
            if meta.typ != SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(meta.name)
            head = {
                "name": meta.name,
                "offset": sheet.start[1] if sheet.start else 0,
                "merged": sheet.merged_cell_ranges or [],
            }
            print(json.dumps(head))
            for row in sheet.iter_rows():
                print(json.dumps(row, default=_plain))
    except PasswordError:
        return PASSWORD
    except BaseException:  # the parser's panics are no Exceptions
        return UNREADABLE
    sys.stdout.flush()
    return 0
