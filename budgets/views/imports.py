"""导入: upload, dry run as a job, confirm; templates; the mapping of columns."""

from __future__ import annotations

import tempfile
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from budgets import blank_workbooks, queries
from budgets.enums import SourceKind
from budgets.forms import SampleForm, UploadForm
from budgets.models import IMPORTERS, ImportBatch, Source
from budgets.services.sources import save_mapping
from budgets.services.uploads import IMPORT_KINDS, choose_source, confirm_import, start_import
from budgets.tasks import import_workbook
from budgets.workbook import FORMS, names_account
from core.lists import XLSX
from core.models import Job
from core.services import Refused, record_security_event
from core.workbooks import headings
from core.workbooks.errors import Refused as Unreadable
from organisations.access import require

PER_PAGE = 20


def _jobs(request: HttpRequest) -> Any:
    return Job.objects.visible_to(request.user).filter(kind=import_workbook.name)


def import_list(request: HttpRequest, year: int) -> HttpResponse:
    """GET: what was imported and what runs; POST: an upload, which starts its check."""
    require(request.user, IMPORTERS)
    sources = Source.objects.visible_to(request.user).exclude(kind=SourceKind.SYSTEM)
    form = UploadForm(initial={"fiscal_year": year}, sources=sources)
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES, sources=sources)
        if form.is_valid():
            data = form.cleaned_data
            try:
                job = start_import(
                    task=import_workbook,
                    uploads=data["files"],
                    source=choose_source(name=data["source"], kind=data["kind"]),
                    fiscal_year=data["fiscal_year"],
                    as_of=data["as_of"],
                    hold_unknown=data["hold_unknown"],
                    by=request.user,
                )
            except Refused as refused:
                form.add_error(None, refused.reason)
            else:
                return redirect("import_detail", year=year, pk=job.pk)
    batches = ImportBatch.objects.visible_to(request.user).select_related("source", "imported_by")
    context = {
        "year": year,
        "form": form,
        "kinds": [SourceKind(kind) for kind in IMPORT_KINDS],
        "jobs": _jobs(request).select_related("started_by")[:10],
        "page": Paginator(batches, PER_PAGE).get_page(request.GET.get("page")),
        "waiting": queries.waiting_counts(),
    }
    return render(request, "budgets/import_list.html", context, status=422 if form.errors else 200)


@require_GET
def import_detail(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    return render(request, "budgets/import.html", _job_context(request, year, pk))


@require_GET
@never_cache
def import_state(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    """The piece that htmx asks for while the job runs; 286 ends the asking."""
    context = _job_context(request, year, pk)
    return render(request, "budgets/import_state.html", context, status=200 if context["job"].is_active else 286)


def _job_context(request: HttpRequest, year: int, pk: int) -> dict[str, Any]:
    require(request.user, IMPORTERS)
    job = get_object_or_404(_jobs(request), pk=pk)
    return {
        "year": year,
        "job": job,
        "params": job.params,
        "kind": SourceKind(job.params["kind"]),
        "seconds_left": job.seconds_left(timezone.now()),
        "files": job.files.select_related("file"),
        "checked": job.params["dry_run"] and not job.is_active and bool(job.result) and not job.errors,
    }


@require_POST
def import_confirm(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    require(request.user, IMPORTERS)
    checked = get_object_or_404(_jobs(request), pk=pk)
    try:
        job = confirm_import(task=import_workbook, checked=checked, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
        return redirect("import_detail", year=year, pk=pk)
    return redirect("import_detail", year=year, pk=job.pk)


@require_POST
def import_template(request: HttpRequest, year: int) -> HttpResponse | FileResponse:
    """The workbook to fill in; projects come prefilled with those of the year."""
    require(request.user, IMPORTERS)
    kind = request.POST.get("kind", "")
    if kind not in FORMS:
        messages.error(request, "没有这种模板。")
        return redirect("import_list", year=year)
    target = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
    rows = blank_workbooks.write(kind, target, fiscal_year=year, user=request.user)
    target.seek(0)
    form = FORMS[kind]
    record_security_event("export", user=request.user, what=f"{form.title} {rows} 行")
    return FileResponse(target, as_attachment=True, filename=f"{form.title}（{year}年度）.xlsx", content_type=XLSX)


@require_GET
def source_list(request: HttpRequest, year: int) -> HttpResponse:
    require(request.user, IMPORTERS)
    sources = []
    for source in Source.objects.visible_to(request.user).exclude(kind=SourceKind.SYSTEM):
        labels = {column.key: column.label for column in FORMS[source.kind].sheets[0].columns}
        mapped = [(labels[key], heading) for key, heading in source.mapping.items() if heading and key in labels]
        sources.append((source, mapped))
    return render(request, "budgets/source_list.html", {"year": year, "sources": sources})


def source_new(request: HttpRequest, year: int) -> HttpResponse:
    """First a sample file is read, then its headings are mapped; nothing of the sample is kept."""
    require(request.user, IMPORTERS)
    form = SampleForm(request.POST or None, request.FILES or None)
    if request.method != "POST":
        return render(request, "budgets/source_sample.html", {"year": year, "form": SampleForm()})
    if request.POST.get("step") == "save":
        return _save_source(request, year)
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            found = headings((upload.name, upload.temporary_file_path()))
        except Unreadable as unreadable:
            form.add_error("file", unreadable.text)
        else:
            if found:
                return _mapping_page(request, year, form.cleaned_data["name"], form.cleaned_data["kind"], found[0])
            form.add_error("file", "没有找到表头，请核对文件。")
    return render(request, "budgets/source_sample.html", {"year": year, "form": form}, status=422)


def _mapping_page(request: HttpRequest, year: int, name: str, kind: str, found: Any) -> HttpResponse:
    """Headings that name an account are not offered; those that a column declares are chosen beforehand."""
    from core.workbooks.layout import names_of, normalise

    shown = [index for index, heading in enumerate(found.headings) if not names_account(heading)]
    offered = [found.headings[index] for index in shown]
    columns = []
    for column in FORMS[kind].sheets[0].columns:
        declared = names_of(column, None)
        chosen = next((heading for heading in offered if normalise(heading).name in declared), "")
        columns.append({"column": column, "chosen": chosen})
    context = {
        "year": year,
        "name": name,
        "kind": SourceKind(kind),
        "columns": columns,
        "headings": offered,
        "samples": [[row[index] for index in shown] for row in found.samples],
        "left_out": len(found.headings) - len(offered),
    }
    return render(request, "budgets/source_mapping.html", context)


def _save_source(request: HttpRequest, year: int) -> HttpResponse:
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "")
    if kind not in FORMS:
        messages.error(request, "没有这种导入内容。")
        return redirect("source_new", year=year)
    columns = FORMS[kind].sheets[0].columns
    mapping = {column.key: request.POST.get(f"column_{column.key}", "") for column in columns}
    try:
        save_mapping(name=name, kind=kind, mapping=mapping, by=request.user)
    except Refused as refused:
        offered = request.POST.getlist("headings")
        context = {
            "year": year,
            "name": name,
            "kind": SourceKind(kind),
            "columns": [{"column": column, "chosen": mapping[column.key]} for column in columns],
            "headings": [heading for heading in offered if not names_account(heading)],
            "samples": [],
            "left_out": 0,
            "error": refused.reason,
        }
        return render(request, "budgets/source_mapping.html", context, status=422)
    messages.success(request, f"已保存来源方案“{name.strip()}”，导入时选择它即可。")
    return redirect("source_list", year=year)
