"""gunicorn, the same for `make run` and for the server. `--bind` stands on the command line."""

import os
import tempfile
from pathlib import Path
from typing import Any

from qingtian_perf.embedded import processes

workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_class = "gthread"
# An upload of 50 MB over an office line, or the largest export, ends well within this.
timeout = 120
graceful_timeout = 10
# A little headroom against slow leaks of C libraries; spread so that the workers do not restart together.
max_requests = 5000
max_requests_jitter = 500
# The heartbeat file must not sit on a disk that can stall.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()  # noqa: S108
control_socket_disable = True
accesslog = "-" if os.environ.get("ACCESS_LOG") else None


def post_fork(server: Any, worker: Any) -> None:
    """A worker whose master was killed goes with it."""
    processes.die_with_parent()
