"""Jobs: outbox, one active per key, fencing, cancel, and a worker killed in the middle."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core import jobs
from core.enums import JobState
from core.jobs import Run, Superseded, claim, enqueue, request_cancel, run_now, take_up_silent
from core.models import Draft, Job
from core.services import Refused
from organisations.models import User
from tests.core.sleepy_jobs import count_slowly, fail


@pytest.fixture
def user(db):
    return User.objects.create_user("clerk", full_name="经办", password="Qt-2023-abcdef")


def start(user, **params) -> Job:
    return enqueue(count_slowly, key="k", title="数数", by=user, user=user.pk, **{"pieces": 3, **params})


def test_a_job_runs_and_counts(user):
    done = run_now(start(user))
    assert (done.state, done.done, done.total, done.result) == (JobState.DONE, 3, 3, {"pieces": 3})
    assert Draft.objects.count() == 3


def test_one_active_job_per_key(user):
    first = start(user)
    with pytest.raises(Refused, match="“数数”正在进行中"):
        start(user)
    run_now(first)
    assert start(user).pk != first.pk


def test_no_job_without_its_cause(user):
    with pytest.raises(RuntimeError), transaction.atomic():
        start(user)
        raise RuntimeError
    assert not Job.objects.exists()


def test_an_unexpected_error_shows_a_number_and_no_detail(user):
    failed = run_now(enqueue(fail, key="f", title="失败", by=user))
    assert failed.state == JobState.FAILED
    assert f"job-{failed.pk}" in failed.errors[0]["message"]
    assert "secret" not in str(failed.errors)


def test_a_superseded_holder_cannot_write(user):
    job = start(user)
    old = Run(claim(job.pk))
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    new = Run(claim(job.pk))
    with pytest.raises(Superseded), old.transaction():
        Draft.objects.create(user=user, form="late")
    with pytest.raises(Superseded):
        old.progress(1)
    assert not old.finish(JobState.DONE)
    with new.transaction():
        Draft.objects.create(user=user, form="mine")
    assert [d.form for d in Draft.objects.all()] == ["mine"]


def test_a_running_job_is_not_claimed_twice(user):
    job = start(user)
    assert claim(job.pk)
    assert claim(job.pk) is None


def test_a_job_that_is_always_interrupted_ends(user):
    job = start(user)
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, fence=jobs.MOST_HOLDERS, heartbeat_at=timezone.now() - timedelta(minutes=2)
    )
    assert claim(job.pk) is None
    job.refresh_from_db()
    assert (job.state, job.errors[0]["code"]) == (JobState.FAILED, "interrupted")


def test_cancel_stops_between_pieces(user):
    job = start(user, pieces=5)
    held = Run(claim(job.pk))
    request_cancel(job, by=user)
    with pytest.raises(jobs.Cancelled):
        held.progress(1)


def test_a_queued_job_is_cancelled_at_once_and_never_runs(user):
    job = start(user)
    request_cancel(job, by=user)
    assert run_now(job).state == JobState.CANCELLED
    assert not Draft.objects.exists()
    with pytest.raises(Refused, match="已经结束"):
        request_cancel(job, by=user)


def test_silent_jobs_are_sent_again(user, monkeypatch):
    sent = []
    monkeypatch.setattr(jobs, "_send", lambda kind, pk, headers: sent.append(pk))
    job = start(user)
    assert take_up_silent() == 0
    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(minutes=2))
    assert take_up_silent() == 1
    assert sent == [job.pk]
    assert take_up_silent() == 0


def test_a_broker_that_is_down_does_not_undo_the_write(user, settings, django_capture_on_commit_callbacks):
    from qingtian_perf.celery import app

    with app.connection_for_write("redis+socket:///nowhere/redis.sock"):
        pass
    before = app.conf.broker_url
    app.conf.broker_url = "redis+socket:///nowhere/redis.sock"
    try:
        with django_capture_on_commit_callbacks(execute=True):
            job = start(user)
    finally:
        app.conf.broker_url = before
    assert Job.objects.get(pk=job.pk).state == JobState.QUEUED


def worker_process() -> subprocess.Popen:
    """A real worker with beat on the test database and a Redis number of its own."""
    name = connection.settings_dict["NAME"]
    host = connection.settings_dict["HOST"].replace("/", "%2F")
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "qingtian_perf.settings.test",
        "DATABASE_URL": f"postgres://postgres@{host}/{name}",
        "REDIS_URL": settings.REDIS_URL.split("?")[0] + "?db=62",
    }
    command = [sys.executable, "-m", "celery", "-A", "qingtian_perf", "worker", "-B", "-c", "1", "-I"]
    schedule = f"/tmp/beat-{os.getpid()}"
    return subprocess.Popen(
        [*command, "tests.core.sleepy_jobs", "-s", schedule, "-l", "warning"], env=env, start_new_session=True
    )


def wait_for(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.3)


@pytest.mark.system
@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_is_replaced_within_two_minutes_and_the_job_ends_once():
    user = User.objects.create_user("clerk", full_name="经办", password="Qt-2023-abcdef")
    job = Job.objects.create(
        kind=count_slowly.name,
        key="k",
        title="数数",
        started_by=user,
        params={"user": user.pk, "pieces": 12, "pause": 1},
    )
    # Never sent: beat must find it in the outbox.
    Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(minutes=5))
    first = worker_process()
    try:
        wait_for(lambda: Job.objects.get(pk=job.pk).done >= 3, 90)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    killed = time.monotonic()
    assert Job.objects.get(pk=job.pk).state == JobState.RUNNING
    second = worker_process()
    try:
        wait_for(lambda: Job.objects.get(pk=job.pk).fence == 2, 120)
        assert time.monotonic() - killed < 120
        wait_for(lambda: not Job.objects.get(pk=job.pk).is_active, 60)
    finally:
        os.killpg(second.pid, signal.SIGTERM)
        second.wait(20)
    ended = Job.objects.get(pk=job.pk)
    assert (ended.state, ended.fence, ended.done) == (JobState.DONE, 2, 12)
    assert Draft.objects.filter(user=user).count() == 12
