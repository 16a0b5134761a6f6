"""Background jobs that survive anything: outbox row, heartbeat, fencing, cancel.

A service writes the `Job` row in the same transaction as its cause (`enqueue`); `on_commit` only nudges Celery.
A beat task sends again what was never taken up or has been silent (`take_up_silent`), so Redis may be emptied at
any time. Every business write of a job runs inside `run.transaction()`, which locks the job row and refuses an
older holder: of two workers that both believe they own a job, exactly one can write.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pghistory
from celery import current_app, shared_task
from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from core.enums import ACTIVE_JOB_STATES, JobState
from core.models import Job, JobFile
from core.request import RequestContext, current, enter
from core.services.files import store
from core.services.moving import Refused

log = logging.getLogger(__name__)

# A job that brings its worker or the database down every time must not do so for ever.
MOST_HOLDERS = 10


def silent_after() -> timedelta:
    """How long a holder may be silent before its job is taken up by another (`JOB_SILENT_SECONDS`)."""
    return timedelta(seconds=settings.JOB_SILENT_SECONDS)


class Superseded(Exception):
    """Another worker holds this job now (or it has ended); this one must stop without writing."""


class Cancelled(Exception):
    """Somebody asked for the job to stop; raised between pieces, so whole pieces stay and nothing is half-done."""


def enqueue(task: Any, *, key: str, title: str, by: Any, total: int = 0, unit: str = "项", **params: Any) -> Job:
    """Write the outbox row for `task` (a function decorated with `job`) and nudge Celery after the commit.

    Raises `Refused` where a job of the same kind and key is still running: its page shows the progress.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=task.name, key=key, title=title, params=params, started_by=by, total=total, unit=unit, sent_at=now
            )
    except IntegrityError as error:
        running = Job.objects.active().filter(kind=task.name, key=key).first()
        raise Refused(
            f"“{running.title if running else title}”正在进行中，请等待其结束。", code="job_running"
        ) from error
    headers = {"request_id": current().request_id}
    transaction.on_commit(functools.partial(_send, job.kind, job.pk, headers), robust=True)
    return job


def _send(kind: str, job_id: int, headers: dict[str, str]) -> None:
    # A broker that is down must not turn a committed write into an error page: beat sends the job later.
    try:
        current_app.send_task(kind, args=[job_id], headers=headers, retry=False)
    except Exception:
        log.warning("job %s could not be sent now; beat will", job_id, exc_info=True)


class Run:
    """One holder's grip on a job while its function runs."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.params: dict[str, Any] = job.params
        self._fence = job.fence

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job.pk, fence=self._fence, state=JobState.RUNNING)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that only the present holder can commit. Raises `Superseded` for anybody else."""
        with transaction.atomic():
            if not self._mine().select_for_update().exists():
                raise Superseded
            yield

    def progress(self, done: int | None = None, *, total: int | None = None, message: str | None = None) -> None:
        """Show how far the job is; raises `Superseded` or, where somebody asked, `Cancelled`."""
        changes: dict[str, Any] = {"heartbeat_at": timezone.now()}
        if done is not None:
            changes["done"] = done
        if total is not None:
            changes["total"] = total
        if message is not None:
            changes["message"] = message[:300]
        if not self._mine().update(**changes):
            raise Superseded
        if self._mine().filter(cancel_requested=True).exists():
            raise Cancelled

    def add_file(self, path: Path, name: str, *, limit: int = 4 << 30) -> JobFile:
        """Attach a result file; the same name again (a job taken up a second time) replaces nothing twice."""
        with path.open("rb") as source:
            stored = store(source, limit=limit)
        with self.transaction():
            file, _ = JobFile.objects.update_or_create(job=self.job, name=name, defaults={"file": stored})
        return file

    def finish(self, state: str, *, result: Any = None, errors: list[Any] | None = None, message: str = "") -> bool:
        changes: dict[str, Any] = {"state": state, "finished_at": timezone.now(), "message": message[:300]}
        if result is not None:
            changes["result"] = result
        if errors is not None:
            changes["errors"] = errors
        if state == JobState.DONE:
            changes["done"] = F("total")
        return bool(self._mine().update(**changes))


def job(name: str) -> Callable[[Callable[[Run], dict[str, Any] | None]], Any]:
    """Make a function of a `Run` a Celery task named `name`. What it returns is the job's `result`.

    A raised `Refused` or an exception carrying `.errors` ends the job as failed with every error listed; any other
    exception is logged with its trace and shown as an unexpected error with the request id.
    """

    def decorate(function: Callable[[Run], dict[str, Any] | None]) -> Any:
        @shared_task(name=name, bind=True, acks_late=True, ignore_result=True)
        @functools.wraps(function)
        def task(self: Any, job_id: int) -> None:
            request_id = (getattr(self.request, "headers", None) or {}).get("request_id") or f"job-{job_id}"
            enter(RequestContext(request_id=request_id))
            claimed = claim(job_id)
            if claimed is None:
                return
            with (
                pghistory.context(user=claimed.started_by_id, job=claimed.pk, request_id=request_id),
                _heart(claimed),
            ):
                _perform(function, Run(claimed))

        return task

    return decorate


def _perform(function: Callable[[Run], dict[str, Any] | None], run: Run) -> None:
    try:
        result = function(run)
    except Superseded:
        log.info("job %s goes on elsewhere", run.job.pk)
    except Cancelled:
        run.finish(JobState.CANCELLED, message="已按请求停止；已完成的部分保留。")
    except Refused as refused:
        errors = getattr(refused, "errors", None) or [{"code": refused.code, "message": refused.reason, "where": None}]
        run.finish(JobState.FAILED, errors=errors, message=refused.reason)
    except Exception as error:
        if _database_went_away(error):
            # No fault of the job: like a killed worker it leaves the job to whoever takes it up when it is silent.
            log.warning("job %s lost the database and will be taken up again", run.job.pk, exc_info=True)
            return
        log.exception("job %s failed", run.job.pk)
        message = f"系统出现意外错误，未写入任何内容。请将编号 {current().request_id} 告知管理员。"
        run.finish(JobState.FAILED, errors=[{"code": "unexpected", "message": message, "where": None}], message=message)
    else:
        run.finish(JobState.DONE, result=result or {})


def _database_went_away(error: Exception) -> bool:
    """Whether the server was stopped, restarted or lost.

    It says so itself (SQLSTATE class 08 or 57P0x), or nobody says anything: what psycopg2 raises of a broken
    connection carries no SQLSTATE, while whatever the server refuses does.
    """
    code = getattr(error.__cause__, "pgcode", None)
    if code is None:
        return type(error) in (DatabaseError, InterfaceError, OperationalError)
    return isinstance(error, DatabaseError) and str(code).startswith(("08", "57P0"))


def claim(job_id: int) -> Job | None:
    """Take the job if it is queued or its holder has fallen silent; steps the fence. None: nothing to do."""
    now = timezone.now()
    open_to_claim = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, heartbeat_at__lt=now - silent_after())
    with transaction.atomic():
        found = Job.objects.select_for_update().filter(open_to_claim, pk=job_id).first()
        if found is None:
            return None
        if found.fence >= MOST_HOLDERS:
            message = f"作业已中断 {found.fence} 次，不再自动接续。请联系管理员查明原因后重新发起。"
            found.state, found.finished_at, found.message = JobState.FAILED, now, message
            found.errors = [{"code": "interrupted", "message": message, "where": None}]
            found.save(update_fields=["state", "finished_at", "message", "errors"])
            return None
        found.state, found.fence, found.heartbeat_at = JobState.RUNNING, found.fence + 1, now
        found.started_at = found.started_at or now
        found.save(update_fields=["state", "fence", "heartbeat_at", "started_at"])
    return found


@contextlib.contextmanager
def _heart(claimed: Job) -> Iterator[None]:
    """Renew the heartbeat from a thread of its own: one long SQL statement must not look like a dead worker."""
    stop = threading.Event()

    def beat() -> None:
        try:
            while not stop.wait(settings.JOB_SILENT_SECONDS / 6):
                mine = Job.objects.filter(pk=claimed.pk, fence=claimed.fence, state=JobState.RUNNING)
                try:
                    mine.update(heartbeat_at=timezone.now())
                except Exception:
                    log.warning("heartbeat of job %s missed", claimed.pk, exc_info=True)
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heart-{claimed.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def take_up_silent(*, batch: int = 100) -> int:
    """Send again the jobs that nobody took up or whose holder fell silent; returns how many were sent."""
    now = timezone.now()
    silent = Q(state=JobState.QUEUED, sent_at__lt=now - silent_after()) | Q(
        state=JobState.RUNNING, heartbeat_at__lt=now - silent_after()
    )
    with transaction.atomic():
        found = list(Job.objects.select_for_update(skip_locked=True).filter(silent).order_by("pk")[:batch])
        Job.objects.filter(pk__in=[j.pk for j in found]).update(sent_at=now)
    for silent_job in found:
        _send(silent_job.kind, silent_job.pk, {"request_id": f"job-{silent_job.pk}"})
    return len(found)


def request_cancel(job: Job, *, by: Any) -> None:
    """Ask a job to stop between two pieces; a queued one ends at once. Raises `Refused` when it has ended."""
    with transaction.atomic():
        found = Job.objects.visible_to(by).select_for_update().get(pk=job.pk)
        if found.state not in ACTIVE_JOB_STATES:
            raise Refused("作业已经结束，无需取消。")
        found.cancel_requested = True
        if found.state == JobState.QUEUED:
            found.state, found.finished_at = JobState.CANCELLED, timezone.now()
            found.message = "已取消，尚未开始。"
        found.save(update_fields=["cancel_requested", "state", "finished_at", "message"])


def run_now(job: Job) -> Job:
    """Run a queued job in this process (commands do); returns it as it ended."""
    task = current_app.tasks[job.kind]
    task.apply(args=[job.pk], throw=True)
    job.refresh_from_db()
    return job
