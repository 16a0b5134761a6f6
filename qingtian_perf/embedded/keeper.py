"""The keeper: `python -m qingtian_perf.embedded.keeper FD`. Owns both servers for as long as anybody holds a lease.

FD is the write end of a pipe on which it reports "ready" (one byte) to whoever started it; closing it without a
byte means failure, explained in the log.
"""

from __future__ import annotations

import fcntl
import os
import queue
import signal
import sys
import threading
import traceback

from qingtian_perf.embedded import locks, places
from qingtian_perf.embedded.servers import Postgres, Redis, Server

# A server that dies this often within one keeper's life is not restarted any more.
RESTARTS = 20


def main(ready: int) -> int:
    """Hold keeper.lock, start the servers, wait for the last lease to go, stop the servers."""
    keeper_lock = locks.take("keeper", fcntl.LOCK_EX | fcntl.LOCK_NB)
    if keeper_lock is None:
        return 1
    errands: queue.SimpleQueue[str] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: errands.put("stop"))

    user = places.prepare()
    servers: list[Server] = [Redis(user), Postgres(user)]
    lease_lock: list[int] = []
    try:
        for server in servers:
            server.clear_leftovers()
            server.prepare()
            server.start()
        locks.mark_ready()
        os.write(ready, b"1")
        os.close(ready)
        threading.Thread(target=_wait_for_last_lease, args=(lease_lock, errands), daemon=True).start()
        _watch(servers, errands)
    finally:
        locks.unmark_ready()
        for server in reversed(servers):
            server.stop()
        # A client that now gets its lease must no longer see a keeper, so this lock goes first; the lease goes with
        # the process, so that nothing of it is left when the next client begins.
        os.close(keeper_lock)
    return 0


def _wait_for_last_lease(held: list[int], errands: queue.SimpleQueue[str]) -> None:
    """Blocks until the kernel grants the exclusive lock: when the last holder is gone, however it died."""
    descriptor = locks.take("lease", fcntl.LOCK_EX)
    assert descriptor is not None
    held.append(descriptor)
    errands.put("stop")


def _watch(servers: list[Server], errands: queue.SimpleQueue[str]) -> None:
    """Until told to stop, start a server again that died (killed for memory, by an operator, by a test)."""
    restarts = 0
    while True:
        try:
            errands.get(timeout=0.5)
        except queue.Empty:
            pass
        else:
            return
        for server in servers:
            if server.process is not None and server.process.poll() is not None:
                restarts += 1
                print(f"{server.name} ended with {server.process.returncode}; start {restarts}", flush=True)
                if restarts > RESTARTS:
                    return
                server.clear_leftovers()
                server.start()


def _detach() -> None:
    """Become nobody's child, so that the client that started us has no zombie to reap."""
    if os.fork():
        os._exit(0)


if __name__ == "__main__":
    _detach()
    code = 1
    try:
        code = main(int(sys.argv[1]))
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)
