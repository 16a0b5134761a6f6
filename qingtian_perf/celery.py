"""The Celery application. Tasks live in each app's `tasks.py`; the outbox and heartbeat in `core.jobs`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")

app = Celery("qingtian_perf")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
