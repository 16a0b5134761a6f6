"""The three locks between clients and the keeper, and the ready mark.

- start.lock: exclusive, held by one client at a time while it makes sure that a keeper runs;
- lease.lock: shared by all clients; the keeper waits for it exclusively;
- keeper.lock: exclusive, held by the living keeper.

Descriptors are close-on-exec (Python's default): a forked child keeps the lease with its parent, a program started
by one does not. A lock is given back by closing, never by LOCK_UN, which would take it from the forked relatives too.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from qingtian_perf.embedded import places


def take(name: str, operation: int) -> int | None:
    """Open NAME.lock and lock it; returns the descriptor, or None where LOCK_NB was asked for and another has it."""
    descriptor = os.open(places.run_dir() / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_free(name: str) -> bool:
    """Whether nobody holds NAME.lock exclusively at this moment."""
    descriptor = take(name, fcntl.LOCK_SH | fcntl.LOCK_NB)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _ready_mark() -> Path:
    return places.run_dir() / "ready"


def mark_ready() -> None:
    """The keeper's servers answer."""
    _ready_mark().write_text(str(os.getpid()))


def unmark_ready() -> None:
    """The servers are not yet, or no longer, there."""
    _ready_mark().unlink(missing_ok=True)


def is_ready() -> bool:
    """Whether the living keeper has said that its servers answer."""
    return _ready_mark().exists()
