"""意见工作簿: download prefilled, upload, check, confirm."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.lists import XLSX
from core.services import record_security_event, store
from core.services.files import path_of
from core.workbooks import write_template
from monitoring.forms import WorkbookForm
from monitoring.models import RecoveryLine
from monitoring.services.opinion_books import import_opinions
from monitoring.workbook import OPINION_SHEET, OPINIONS, opinion_lines, opinion_rows
from organisations.access import require
from organisations.roles import BUREAU_STAFF, DEPARTMENT_STAFF

SALT = "monitoring.opinions"
READERS = BUREAU_STAFF | DEPARTMENT_STAFF


@require_GET
def opinions(request: HttpRequest, year: int) -> HttpResponse:
    require(request.user, READERS)
    return _page(request, year, WorkbookForm())


def _page(request: HttpRequest, year: int, form: WorkbookForm, **context: Any) -> HttpResponse:
    waiting = opinion_lines(RecoveryLine.objects.visible_to(request.user), year).count()
    context |= {"year": year, "form": form, "waiting": waiting, "limit": settings.UPLOAD_LIMIT}
    return render(request, "monitoring/opinions.html", context)


@require_POST
def opinion_workbook(request: HttpRequest, year: int) -> HttpResponseBase:
    """`step`: template (download), check (upload and dry run), confirm, annotated (the file with its errors)."""
    require(request.user, READERS)
    step = request.POST.get("step", "check")
    if step == "template":
        return _template(request, year)
    if step == "check":
        return _check(request, year)
    try:
        (name, sha256), user = signing.loads(request.POST.get("token", ""), salt=SALT, max_age=3600)
        if user != request.user.pk:
            raise signing.BadSignature
    except signing.BadSignature:
        messages.error(request, "上传的文件已过期，请重新上传。")
        return redirect("recovery_opinions", year=year)
    files = [(name, path_of(sha256))]
    if step == "annotated":
        return _annotated(request, year, files)
    result = import_opinions(files=files, fiscal_year=year, by=request.user)
    if not result.ok:
        return _page(request, year, WorkbookForm(), result=result, name=name)
    messages.success(request, f"意见已提交：新增 {result.created}，更新 {result.updated}，未变 {result.unchanged}。")
    return redirect("recovery_list", year=year)


def _check(request: HttpRequest, year: int) -> HttpResponse:
    form = WorkbookForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, year, form)
    upload = form.cleaned_data["file"]
    files = [(upload.name, Path(upload.temporary_file_path()))]
    result = import_opinions(files=files, fiscal_year=year, by=request.user, dry_run=True)
    token = ""
    if not result.classified:
        upload.seek(0)
        token = signing.dumps([[upload.name, store(upload).sha256], request.user.pk], salt=SALT)
    return _page(request, year, WorkbookForm(), result=result, token=token, name=upload.name)


def _annotated(request: HttpRequest, year: int, files: list[tuple[str, Path]]) -> FileResponse:
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "marked.xlsx"
        import_opinions(files=files, fiscal_year=year, by=request.user, dry_run=True, annotate=target)
        content = target.open("rb") if target.exists() else files[0][1].open("rb")
    name = f"{Path(files[0][0]).stem}-错误标注.xlsx"
    return FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)


def _template(request: HttpRequest, year: int) -> FileResponse:
    lines = opinion_lines(RecoveryLine.objects.visible_to(request.user), year)
    target = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
    rows = write_template(OPINIONS, {OPINION_SHEET: opinion_rows(lines)}, target, fiscal_year=year)
    target.seek(0)
    name = f"{OPINIONS.title}（{year}年度）.xlsx"
    record_security_event("export", user=request.user, what=f"{name} {rows} 行")
    return FileResponse(target, as_attachment=True, filename=name, content_type=XLSX)
