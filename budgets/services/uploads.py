"""From an upload to a background job: stored files, a dry run first, then the import in one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from budgets.enums import SourceKind
from budgets.models import IMPORTERS, ImportBatch, Source
from budgets.services.imports import LEDGER_KINDS, ImportResult, import_ledger, import_projects, source_named
from core.jobs import Run, enqueue
from core.models import Job, StoredFile
from core.services import Refused, store
from core.services.files import path_of
from core.workbooks import Source as File

ERRORS_SHOWN = 1_000
ANNOTATED = "错误标注.xlsx"


class ImportRefused(Refused):
    """An import with errors; the job shows every one at its cell."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__(
            f"共 {len(result.errors)} 处错误，未导入任何内容。请按所列位置改正后重新上传。", code="import_refused"
        )
        self.errors = [
            {
                "code": str(error.code),
                "message": error.message,
                "where": " ".join(filter(None, (error.file, error.sheet, error.cell))) or None,
            }
            for error in result.errors[:ERRORS_SHOWN]
        ]


def start_import(
    *,
    task: Any,
    uploads: Iterable[Any],
    source: Source,
    fiscal_year: int,
    by: Any,
    as_of: date | None = None,
    hold_unknown: bool = False,
) -> Job:
    """Store the uploaded files and check them in a job that writes nothing. Raises `Refused`."""
    _require(by)
    files = [{"file": store(upload.chunks()).pk, "name": upload.name[-120:]} for upload in uploads]
    if not files:
        raise Refused("没有收到文件，请选择文件后再上传。", code="no_file")
    with transaction.atomic():
        return _enqueue(
            task,
            by=by,
            files=files,
            source=source.name,
            kind=source.kind,
            year=fiscal_year,
            as_of=as_of.isoformat() if as_of else None,
            hold_unknown=hold_unknown,
            dry_run=True,
        )


def confirm_import(*, task: Any, checked: Job, by: Any) -> Job:
    """Import what `checked` (a dry run without errors) has checked. Raises `Refused`."""
    _require(by)
    if checked.is_active or not checked.params.get("dry_run") or checked.errors or not checked.result:
        raise Refused("请先完成检查且没有错误，再确认导入。", code="not_checked")
    with transaction.atomic():
        return _enqueue(task, by=by, **(checked.params | {"dry_run": False, "checked": checked.pk}))


def _enqueue(task: Any, *, by: Any, **params: Any) -> Job:
    what = "检查" if params["dry_run"] else "导入"
    title = f"{what}{params['source']}（{params['year']}年度）"
    key = f"{params['source']}:{params['year']}"
    return enqueue(task, key=key, title=title, by=by, unit="行", **params)


def _require(by: Any) -> None:
    if not by.role_set & IMPORTERS:
        raise Refused("只有绩效科和预算科可以导入。", code="role")


def run_import(run: Run) -> dict[str, Any]:
    """The job's work. Everything that an import writes, its result included, is one transaction of this holder."""
    if run.job.result:
        return dict(run.job.result)  # committed before the worker was killed
    params = run.params
    stored = {file.pk: file for file in StoredFile.objects.filter(pk__in=[f["file"] for f in params["files"]])}
    missing = [f["name"] for f in params["files"] if f["file"] not in stored]
    if missing:
        raise Refused(f"上传的文件已不在：{'、'.join(missing)}，请重新上传。", code="file_gone")
    files: list[File] = [(f["name"], path_of(stored[f["file"]].sha256)) for f in params["files"]]
    run.progress(message="正在读取文件")
    with tempfile.TemporaryDirectory() as folder:
        annotated = Path(folder) / ANNOTATED
        result = _import(run, files, list(stored.values()), annotated)
        if not result.ok:
            if result.annotated is not None:
                run.add_file(annotated, ANNOTATED)
            if result.classified:
                _discard(stored.values())
            raise ImportRefused(result)
    return dict(run.job.result)


def _import(run: Run, files: Sequence[File], stored: Sequence[StoredFile], annotated: Path) -> ImportResult:
    params = run.params
    projects = params["kind"] == SourceKind.PROJECTS
    source = source_named(params["source"], [params["kind"]])
    with run.transaction():
        result: ImportResult = (import_projects if projects else import_ledger)(
            files=files,
            fiscal_year=params["year"],
            by=run.job.started_by,
            source=source,
            dry_run=params["dry_run"],
            hold_unknown=params["hold_unknown"],
            as_of=date.fromisoformat(params["as_of"]) if params["as_of"] else None,
            annotate=annotated,
            stored=stored,
        )
        if result.ok:
            told = result.as_dict()
            told["warnings"] = told["warnings"][:ERRORS_SHOWN]
            told |= {"vanished": result.counts.vanished, "claimed": result.counts.claimed}
            run.job.result = told
            run.job.total = run.job.done = result.counts.rows
            run.job.save(update_fields=["result", "total", "done"])
    return result


def _discard(stored: Iterable[StoredFile]) -> None:
    """A file that is marked as a state secret is not kept, unless something else holds the same content."""
    for file in stored:
        if ImportBatch.objects.filter(files=file).exists():
            continue
        try:
            file.delete()
        except ProtectedError:
            continue
        path_of(file.sha256).unlink(missing_ok=True)


def choose_source(*, name: str, kind: str) -> Source:
    """The 来源方案 for an upload of this kind."""
    return source_named(name, [kind])


IMPORT_KINDS = (SourceKind.PROJECTS, *LEDGER_KINDS)
