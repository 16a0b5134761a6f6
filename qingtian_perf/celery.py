"""The Celery application. Tasks live in each app's `tasks.py`; the outbox and heartbeat in `core.jobs`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready

from qingtian_perf.embedded import processes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")

app = Celery("qingtian_perf")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def go_with_the_worker(**_: Any) -> None:
    """A pool process whose worker was killed goes with it; its job is taken up again."""
    processes.die_with_parent()


@worker_ready.connect
def first_heartbeat(**_: Any) -> None:
    """Readiness need not wait for beat's first round."""
    app.send_task("core.worker_heartbeat", retry=False)
