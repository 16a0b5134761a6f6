"""Health checks, the pages of background jobs, autosave, and the answer to a failed CSRF check."""

from __future__ import annotations

import json
import time
from typing import Any

import django_filters
import django_tables2 as tables
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core import jobs
from core.enums import JobState
from core.lists import Column, Empty, LinkColumn, ListPage, MomentColumn, NumberColumn, StateColumn
from core.models import Job, JobFile, StoredFile
from core.redis import client
from core.services import Refused, drafts, open_file
from core.tasks import WORKER_HEARTBEAT_KEY

WORKER_SILENT_SECONDS = 120


@login_not_required
@require_GET
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_GET
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Database, migrations, Redis and the worker's heartbeat; 503 while one of them is missing."""
    checks = {"database": _database, "migrations": _migrations, "redis": _redis, "worker": _worker}
    results: dict[str, bool] = {}
    for name, check in checks.items():
        try:
            results[name] = check()
        except Exception:
            results[name] = False
    return JsonResponse({"ready": all(results.values()), **results}, status=200 if all(results.values()) else 503)


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis() -> bool:
    return bool(client().ping())


def _worker() -> bool:
    beat: Any = client().get(WORKER_HEARTBEAT_KEY)
    return beat is not None and time.time() - float(beat) < WORKER_SILENT_SECONDS


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token does not belong to this session any more (logged in again elsewhere, cookies off)."""
    return render(request, "403_csrf.html", status=403)


@require_POST
@never_cache
def draft_autosave(request: HttpRequest, form: str) -> JsonResponse:
    """Keep what the asking person has typed: `fields` (JSON), `version` and `user`, for whom the page was drawn.

    200 with the moment; 409 where this person may not overwrite what is kept (somebody else has signed in at the
    same browser, or the form has gone on); 400 for what no page of ours sends. Never prolongs the login: see
    `organisations.sessions.is_background`.
    """
    if request.POST.get("user") != str(request.user.pk):
        message = "本页是另一位用户打开的，草稿未存入您的名下。"
        return JsonResponse({"code": "other_user", "message": message}, status=409)
    try:
        version, fields = int(request.POST.get("version", "")), json.loads(request.POST.get("fields", ""))
    except (ValueError, RecursionError):
        return JsonResponse({"code": "malformed", "message": "草稿内容不正确，未保存。"}, status=400)
    try:
        saved_at = drafts.save(by=request.user, form=form, base_version=version, fields=fields)
    except Refused as refused:
        status = 409 if refused.code == "stale" else 400
        return JsonResponse({"code": refused.code, "message": refused.reason}, status=status)
    return JsonResponse({"saved_at": saved_at.isoformat(), "time": f"{timezone.localtime(saved_at):%H:%M}"})


class JobTable(tables.Table):
    title = LinkColumn("作业", route="job", keys={"pk": "pk"})
    state = StateColumn("状态", choices=JobState)
    done = NumberColumn("已完成数")
    total = NumberColumn("总数")
    started_by = Column("发起人", accessor="started_by__full_name")
    created_at = MomentColumn("创建时间")
    finished_at = MomentColumn("结束时间", nullable=True)


class JobFilter(django_filters.FilterSet):
    title = django_filters.CharFilter(label="作业名称", lookup_expr="icontains")
    state = django_filters.ChoiceFilter(label="状态", choices=JobState.choices)

    class Meta:
        model = Job
        fields = ()


class JobList(ListPage):
    """后台作业: one's own; all of them for those who may."""

    title, table, filterset = "后台作业", JobTable, JobFilter
    default_sort = ("-pk",)
    unit = "个作业"
    empty = Empty("还没有后台作业", "导入、测算和批量制发公文都会在这里显示进展与结果文件。")

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.visible_to(self.request.user).select_related("started_by")


@require_GET
def job_detail(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.visible_to(request.user).select_related("started_by"), pk=pk)
    return render(request, "core/job_detail.html", _job_context(job))


@require_GET
@never_cache
def job_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The piece that htmx asks for every two seconds; 286 tells htmx to stop asking.

    At the end the page that shows the job is loaded again: what the job brought, and the next step, stand on it.
    """
    job = get_object_or_404(Job.objects.visible_to(request.user).select_related("started_by"), pk=pk)
    if job.is_active:
        return render(request, "core/job_progress.html", _job_context(job))
    response = render(request, "core/job_progress.html", _job_context(job), status=286)
    response["HX-Refresh"] = "true"
    return response


def _job_context(job: Job) -> dict[str, Any]:
    return {"job": job, "seconds_left": job.seconds_left(timezone.now()), "files": job.files.select_related("file")}


@require_POST
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    try:
        jobs.request_cancel(job, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
    else:
        messages.success(request, "已请求停止，作业将在当前一批完成后结束。")
    return redirect("job", pk=pk)


@require_GET
def job_file(request: HttpRequest, pk: int, file_pk: int) -> HttpResponse | FileResponse:
    job = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    file = get_object_or_404(job.files.select_related("file"), pk=file_pk)
    return download(file, file.file)


def download(named: JobFile | Any, stored: StoredFile) -> FileResponse:
    """The stored content as a download under the owner's name for it. The caller has checked access.

    Always `attachment` with `nosniff`: an uploaded page must never run as ours.
    """
    response = FileResponse(
        open_file(stored), as_attachment=True, filename=named.name, content_type=stored.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
