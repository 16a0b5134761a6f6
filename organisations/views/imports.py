"""Import of organisations and users: upload, dry run, confirm; the template with what is there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from core.lists import XLSX
from core.services import record_security_event, store
from core.services.files import path_of
from core.workbooks import Form, write_template
from organisations import services, workbook
from organisations.access import KEEPERS, require
from organisations.forms import UploadForm
from organisations.models import Organisation, User
from organisations.services.imports import ImportResult

SALT = "organisations.import"
SHOWN_ERRORS = 500


@dataclass(frozen=True)
class Door:
    """What differs between the two imports."""

    title: str
    form: Form
    sheet: str
    load: Callable[..., ImportResult]
    rows: Callable[[User], Any]
    list_route: str


ORGANISATIONS = Door(
    "导入机构",
    workbook.ORGANISATIONS,
    workbook.ORGANISATION_SHEET,
    services.import_organisations,
    lambda user: workbook.organisation_rows(Organisation.objects.visible_to(user)),
    "organisation_list",
)
USERS = Door(
    "导入用户",
    workbook.USERS,
    workbook.USER_SHEET,
    services.import_users,
    lambda user: workbook.user_rows(User.objects.visible_to(user)),
    "user_list",
)


@method_decorator(never_cache, name="dispatch")
class ImportPage(View):
    """GET: the page. POST `step`: check (upload and dry run), confirm, annotated (the file with errors), template."""

    door: Door

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require(request.user, KEEPERS)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(UploadForm())

    def post(self, request: HttpRequest) -> HttpResponse | FileResponse:
        step = request.POST.get("step", "check")
        if step == "template":
            return self._template()
        if step == "check":
            return self._check()
        try:
            files = self._kept(request.POST.get("token", ""))
        except signing.BadSignature:
            messages.error(request, "上传的文件已过期，请重新上传。")
            return redirect(request.path)
        return self._annotated(files) if step == "annotated" else self._confirm(files)

    def _check(self) -> HttpResponse:
        form = UploadForm(self.request.POST, self.request.FILES)
        if not form.is_valid():
            return self._page(form)
        upload = form.cleaned_data["file"]
        result = self.door.load(files=[(upload.name, upload.temporary_file_path())], by=self.request.user, dry_run=True)
        token = ""
        if not result.classified:
            # What is marked as a state secret is never kept; everything else waits for the confirmation.
            upload.seek(0)
            token = signing.dumps([[upload.name, store(upload).sha256], self.request.user.pk], salt=SALT)
        return self._page(UploadForm(), result=result, token=token, name=upload.name)

    def _kept(self, token: str) -> list[tuple[str, Path]]:
        """The files of a token: only for the one who uploaded them, for an hour."""
        (name, sha256), user = signing.loads(token, salt=SALT, max_age=3600)
        if user != self.request.user.pk:
            raise signing.BadSignature
        return [(name, path_of(sha256))]

    def _confirm(self, files: list[tuple[str, Path]]) -> HttpResponse:
        result = self.door.load(files=files, by=self.request.user)
        if not result.ok:  # something has changed since the dry run
            return self._page(UploadForm(), result=result, name=files[0][0])
        if result.passwords:
            return render(
                self.request, "organisations/password_told.html", {"told": result.passwords, "result": result}
            )
        counts = f"新增 {result.created}，更新 {result.updated}，未变 {result.unchanged}"
        messages.success(self.request, f"{self.door.title}完成：{counts}。")
        return redirect(self.door.list_route)

    def _annotated(self, files: list[tuple[str, Path]]) -> FileResponse:
        with tempfile.TemporaryDirectory() as directory:
            target = Path(directory) / "marked.xlsx"
            self.door.load(files=files, by=self.request.user, dry_run=True, annotate=target)
            content = target.open("rb") if target.exists() else files[0][1].open("rb")
        return FileResponse(
            content, as_attachment=True, filename=f"{Path(files[0][0]).stem}-错误标注.xlsx", content_type=XLSX
        )

    def _template(self) -> FileResponse:
        target = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
        rows = write_template(self.door.form, {self.door.sheet: self.door.rows(self.request.user)}, target)
        target.seek(0)
        record_security_event("export", user=self.request.user, what=f"{self.door.form.title} {rows} 行")
        return FileResponse(target, as_attachment=True, filename=f"{self.door.form.title}.xlsx", content_type=XLSX)

    def _page(self, form: UploadForm, **context: Any) -> HttpResponse:
        context |= {"form": form, "door": self.door, "shown_errors": SHOWN_ERRORS}
        return render(self.request, "organisations/import.html", context)


class OrganisationImport(ImportPage):
    door = ORGANISATIONS


class UserImport(ImportPage):
    door = USERS
