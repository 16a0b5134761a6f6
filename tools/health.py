#!/usr/bin/env python3
"""The containers' health checks: `python tools/health.py web | worker | beat`. Exit 0 means healthy."""

import http.client
import os
import sys
from pathlib import Path
from typing import Any


def web() -> bool:
    """The process answers; whether the whole system is ready is asked at /healthz/ready by the load balancer."""
    host = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().lstrip(".")
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=5)
    connection.request("GET", "/healthz/live", headers={"Host": host})
    return connection.getresponse().status == 200


def worker() -> bool:
    """A worker of this host answers a ping."""
    import socket

    from qingtian_perf.celery import app

    return bool(app.control.inspect(destination=[f"celery@{socket.gethostname()}"], timeout=10).ping())


def beat() -> bool:
    """What beat sends every half minute was done by some worker in the last two."""
    import time

    import django

    django.setup()
    from core.redis import client
    from core.tasks import WORKER_HEARTBEAT_KEY

    last: Any = client().get(WORKER_HEARTBEAT_KEY)
    return last is not None and time.time() - float(last) < 120


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    checks = {"web": web, "worker": worker, "beat": beat}
    sys.exit(0 if checks[sys.argv[1]]() else 1)
