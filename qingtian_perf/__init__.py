"""Settings, URLs, Celery and the embedded servers. Imports every app; no app imports it."""

from qingtian_perf.celery import app as celery_app

__all__ = ["celery_app"]
