"""Small facts about Linux processes: who dies with whom, and whether a remembered process is still the same one."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent dies, even of SIGKILL."""
    parent = os.getppid()
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def child_of_this(number: int) -> Callable[[], None]:
    """A `preexec_fn` tying the child to this process; covers a parent that dies before the child has asked."""
    parent = os.getpid()

    def tie() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def started_at(pid: int) -> str | None:
    """The kernel's start time of a live process (clock ticks since boot), or None. Tells a reused pid."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def command_line(pid: int) -> list[str]:
    """The process's arguments, empty when it is gone or may not be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def working_in(directory: Path) -> list[int]:
    """Live processes whose working directory is exactly this one (as far as we may look)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if Path(entry / "cwd").readlink() == directory.resolve():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until none of the processes is alive; returns those still alive when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        alive = [pid for pid in pids if started_at(pid) is not None]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)


def end(pids: list[int], signals: tuple[tuple[int, float], ...]) -> list[int]:
    """Send one signal after another, each with its patience in seconds; returns the pids that survived them all."""
    for number, patience in signals:
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        pids = wait_gone(pids, patience)
        if not pids:
            break
    return pids
