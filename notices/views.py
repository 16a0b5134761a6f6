"""公文列表, one notice with its parts, issuing, printing, receipts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.documents import document_docx, document_pdf
from core.lists import Empty, ListPage
from core.services import Refused, open_file
from notices import services
from notices.documents import context_of, letter_of, part_of
from notices.enums import NoticeState
from notices.forms import IssueForm
from notices.models import Notice, NoticeBatch, Recipient
from notices.tables import NoticeFilter, NoticeTable
from organisations.access import require
from organisations.enums import Role
from organisations.roles import BUREAU_STAFF, BY_DEPARTMENT, BY_UNIT

SECTION = frozenset({Role.PERFORMANCE_SECTION})
_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


class NoticeList(ListPage):
    title = "通知公文"
    table = NoticeTable
    filterset = NoticeFilter
    default_sort = ("-issued_on", "-pk")
    empty = Empty("还没有公文", "收回执行后，在测算页拟写收回通知。")
    unit = "件"

    def get_queryset(self) -> QuerySet[Notice]:
        rows = Notice.objects.visible_to(self.request.user).filter(fiscal_year__lte=self.kwargs["year"])
        return rows.select_related("created_by").annotate(
            addressed=Count("recipients"),
            confirmed=Count("recipients", filter=Q(recipients__confirmed_at__isnull=False)),
        )

    def aggregate(self, rows: QuerySet[Any]) -> dict[str, Any]:
        return {"rows": rows.count()}

    def fiscal_year(self) -> int | None:
        return None


def _own(request: HttpRequest, pk: int) -> Notice:
    rows = Notice.objects.visible_to(request.user).select_related("created_by", "issued_by")
    found: Notice = get_object_or_404(rows, pk=pk)
    return found


@require_GET
def notice(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    return render(request, "notices/notice.html", _context(request, year, _own(request, pk)))


def _context(request: HttpRequest, year: int, found: Notice, form: IssueForm | None = None) -> dict[str, Any]:
    today = timezone.localdate()
    section = bool(request.user.role_set & SECTION)
    parts = Recipient.objects.visible_to(request.user).filter(notice=found).select_related("organisation")
    batch = None
    if request.user.role_set & BUREAU_STAFF:
        batches = NoticeBatch.objects.visible_to(request.user).filter(notice=found)
        batch = batches.select_related("job").order_by("-pk").first()
    return {
        "year": year,
        "notice": found,
        "content": context_of(found),
        "letter": list(letter_of(found).parts()),
        "parts": parts,
        "own_ids": request.user.ids_where(BY_DEPARTMENT | BY_UNIT),
        "section": section,
        "is_draft": found.state == NoticeState.DRAFT,
        "form": form or IssueForm(initial={"issued_on": today}),
        "next_number": services.next_number(today.year) if section else "",
        "job": batch.job if batch else None,
        "seconds_left": batch.job.seconds_left(timezone.now()) if batch else None,
        "files": batch.job.files.select_related("file") if batch else [],
    }


@require_POST
def notice_issue(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, pk)
    require(request.user, SECTION)
    form = IssueForm(request.POST)
    if form.is_valid():
        try:
            issued = services.issue(notice=found, by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error("number", refused.reason)
        else:
            messages.success(request, f"已印发：{issued.number}。")
            return redirect("notice", year=year, pk=pk)
    return render(request, "notices/notice.html", _context(request, year, found, form), status=422)


@require_POST
def notice_batch(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, pk)
    require(request.user, SECTION)
    try:
        services.start_batch(notice=found, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
    else:
        messages.success(request, "已开始制作告知单，完成后可下载压缩包。")
    return redirect("notice", year=year, pk=pk)


@require_GET
@never_cache
def notice_letter(request: HttpRequest, year: int, pk: int, kind: str) -> HttpResponse:
    """The letter drawn from its frozen context: the same text every time."""
    found = _own(request, pk)
    if kind not in _TYPES:
        raise Http404
    letter = letter_of(found)
    content = document_pdf(letter) if kind == "pdf" else document_docx(letter)
    return _file(content, _TYPES[kind], f"{found.number or '拟稿'}.{kind}", inline=kind == "pdf")


@require_GET
@never_cache
def notice_part(request: HttpRequest, year: int, pk: int) -> HttpResponseBase:
    """One 告知单: the drawn file, or drawn now where the batch has not come to it yet."""
    rows = Recipient.objects.visible_to(request.user).select_related("notice", "pdf")
    found = get_object_or_404(rows, pk=pk)
    if found.pdf is not None:
        with open_file(found.pdf) as source:
            content = source.read()
    else:
        content = document_pdf(part_of(found))
    return _file(content, _TYPES["pdf"], f"{found.name}告知单.pdf", inline=True)


def _file(content: bytes, content_type: str, name: str, *, inline: bool) -> HttpResponse:
    from django.utils.http import content_disposition_header

    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(not inline, name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
def notice_confirm(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = get_object_or_404(Recipient.objects.visible_to(request.user), pk=pk)
    try:
        services.confirm_receipt(recipient=found, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
    else:
        messages.success(request, "已确认收悉。")
    return redirect("notice", year=year, pk=found.notice_id)
