"""Health, and what the mail to the administrators is for."""

import logging

import pytest
from django.core import mail
from django.test import Client

from core.redis import client as redis
from core.tasks import WORKER_HEARTBEAT_KEY, worker_heartbeat


@pytest.fixture
def heartbeat():
    redis().delete(WORKER_HEARTBEAT_KEY)
    yield
    redis().delete(WORKER_HEARTBEAT_KEY)


@pytest.mark.django_db
def test_ready_names_what_is_missing(heartbeat):
    answer = Client().get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "migrations": True, "redis": True, "worker": False}
    worker_heartbeat()
    assert Client().get("/healthz/ready").json()["ready"]


def test_live_needs_nothing():
    assert Client().get("/healthz/live").content == b"ok"


@pytest.mark.parametrize(("status", "mails"), [(500, 1), (503, 0)])
def test_only_real_faults_are_mailed(settings, status, mails):
    settings.ADMINS = [("管理员", "admin@example.gov.cn")]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    logging.getLogger("django.request").error("trouble", extra={"status_code": status})
    assert len(mail.outbox) == mails


def test_every_answer_carries_its_request_id():
    assert Client().get("/healthz/live", headers={"X-Request-ID": "abcd-1234-ef"})["X-Request-ID"] == "abcd-1234-ef"
    made_up = Client().get("/healthz/live", headers={"X-Request-ID": "<script>"})["X-Request-ID"]
    assert made_up.isalnum()
