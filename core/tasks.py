"""Beat: jobs nobody holds are sent again; the worker shows that it lives."""

import time

from celery import shared_task

from core import jobs
from core.redis import client

WORKER_HEARTBEAT_KEY = "qingtian:worker-heartbeat"


@shared_task(name="core.take_up_silent_jobs", expires=60)
def take_up_silent_jobs() -> int:
    return jobs.take_up_silent()


@shared_task(name="core.worker_heartbeat", expires=60)
def worker_heartbeat() -> None:
    client().set(WORKER_HEARTBEAT_KEY, str(time.time()), ex=300)
