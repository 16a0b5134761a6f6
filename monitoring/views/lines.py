"""收回清单 and one line with its opinions, verdict and way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.lists import BulkAction, Empty, ListPage
from core.services import Refused, drafts, store
from core.templatetags.house import wan_text
from core.views import download
from monitoring import services
from monitoring.enums import LineState, Stance, Verdict
from monitoring.forms import AssignForm, OpinionForm, ReviewForm
from monitoring.models import Opinion, OpinionEvidence, RecoveryLine
from monitoring.queries import lines as line_queries
from monitoring.services.consulting import party_of
from monitoring.tables import RecoveryLineFilter, RecoveryLineTable
from organisations.enums import Role
from organisations.roles import BUREAU_STAFF

_REVIEWS = (
    BulkAction("keep", "会审收回", "将 {n} 行的会审意见记为“收回”，金额为拟收回金额。"),
    BulkAction("reduce", "会审减少", "将 {n} 行按已申报的本年必须支付重算后记为“减少”。", comment=True),
    BulkAction("drop", "会审不收回", "将 {n} 行的会审意见记为“不收回”。", comment=True, kind="danger"),
)
_SECTION = (
    BulkAction("request", "征求意见", "将就 {n} 行向单位、部门和归口科室征求意见。", icon="send", kind="primary"),
    BulkAction("submit_review", "提交会审", "将 {n} 行提交会审；未反馈且未到期的不提交。"),
)


class RecoveryLineList(ListPage):
    title = "资金收回"
    table = RecoveryLineTable
    filterset = RecoveryLineFilter
    template_name = "monitoring/line_list.html"
    aggregates = {
        "adjusted": Sum("adjusted"),
        "paid": Sum("paid"),
        "must_pay": Sum("must_pay"),
        "recoverable": Sum("recoverable"),
        "decided": Sum("decided"),
    }
    default_sort = ("-run_id", "-recoverable")
    empty = Empty("还没有收回清单", "发布规则并测算后，命中的项目列在这里。", "recovery_what_if", "规则推演")
    unit = "行"

    def get_queryset(self) -> QuerySet[RecoveryLine]:
        rows = RecoveryLine.objects.visible_to(self.request.user).filter(run__fiscal_year=self.kwargs["year"])
        return line_queries.for_list(rows)

    def aggregate(self, rows: QuerySet[Any]) -> dict[str, Any]:
        # The annotation of the list is a subquery for each row; sums need none of it.
        return super().aggregate(RecoveryLine.objects.visible_to(self.request.user).filter(pk__in=rows.values("pk")))

    def totals(self, sums: dict[str, Any]) -> dict[str, Any]:
        adjusted = sums["adjusted"] or Decimal(0)
        return sums | {"rate": sums["paid"] / adjusted if adjusted > 0 else None}

    def get_bulk_actions(self) -> Sequence[BulkAction]:
        roles = self.request.user.role_set
        section = _SECTION if Role.PERFORMANCE_SECTION in roles else ()
        reviews = _REVIEWS if roles & {Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION} else ()
        return (*section, *reviews)

    def extra_context(self) -> dict[str, Any]:
        user = self.request.user
        own = RecoveryLine.objects.visible_to(user).filter(run__fiscal_year=self.kwargs["year"])
        return {
            "year": self.kwargs["year"],
            "stats": line_queries.stage_stats(line_queries.stages(own)),
            "bureau": bool(user.role_set & BUREAU_STAFF),
        }

    def bulk(self, action: str, rows: QuerySet[Any]) -> str:
        chosen, comment = list(rows), self.request.POST.get("comment", "")
        if action == "request":
            return self._request(chosen)
        if action == "submit_review":
            outcome = services.submit_review(lines=chosen, by=self.request.user, comment=comment)
        else:
            outcome = services.review_many(lines=chosen, verdict=Verdict(action), by=self.request.user, comment=comment)
        reasons = "；".join(f"{line.project_year.name}：{reason}" for line, reason in outcome.left_out[:5])
        if not outcome.done:
            raise Refused(reasons or "所选各行都不能这样办理。", code="nothing")
        told = f"已办理 {outcome.done} 行，合计 {wan_text(outcome.amount)} 万元。"
        return told + (f"未办理 {len(outcome.left_out)} 行：{reasons}" if outcome.left_out else "")

    def _request(self, chosen: list[RecoveryLine]) -> str:
        asked = 0
        for run in {line.run for line in chosen}:
            own = [line for line in chosen if line.run_id == run.pk and line.state == LineState.PROPOSED]
            if own:
                asked += services.request_opinions(run=run, lines=own, by=self.request.user)
        if not asked:
            raise Refused("所选各行都不在“拟收回”状态。", code="nothing")
        return f"已就 {asked} 行征求意见。"


def _own(request: HttpRequest, year: int, pk: int) -> RecoveryLine:
    rows = line_queries.with_story(RecoveryLine.objects.visible_to(request.user).filter(run__fiscal_year=year))
    found: RecoveryLine = get_object_or_404(rows, pk=pk)
    return found


@require_GET
def line(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    return render(request, "monitoring/line.html", _context(request, year, found))


def _context(request: HttpRequest, year: int, found: RecoveryLine, **forms: Any) -> dict[str, Any]:
    answers = {answer.move.action: answer for answer in found.answers(request.user) if answer.move}
    version = {"version": found.version}
    try:
        speaker = party_of(found, request.user)[1]
    except Refused:
        speaker = None
    given = [one for one in found.opinions.all() if speaker is not None and one.organisation_id == speaker.pk]
    suggested = services.preview(found) if "keep" in answers else None
    opened = drafts.OpenForm(services.opinion_form(found), found.version)
    if speaker is not None:
        opened = drafts.load(by=request.user, form=opened.form, version=opened.version)
    return {
        "year": year,
        "object": found,
        "line": found,
        "answers": answers,
        "speaks_as": speaker.name if speaker is not None else "",
        "said": given[-1] if given else None,
        "suggested": suggested,
        "before": line_queries.before_recovery(found),
        "opinion_form": forms.get("opinion") or OpinionForm(initial=_said(given) | opened.fields | version),
        "opinion_draft": opened,
        "unsent": [
            (field.label, opened.fields[name])
            for name, field in OpinionForm.base_fields.items()
            if name != "stance" and opened.fields.get(name)
        ],
        "review_form": forms.get("review") or ReviewForm(initial=version | _verdict(found, suggested)),
        "assign_form": forms.get("assign") or AssignForm(initial=version | {"allocation": found.execution_allocation}),
        "limit": settings.UPLOAD_LIMIT,
        "bureau": bool(request.user.role_set & BUREAU_STAFF),
    }


def _verdict(found: RecoveryLine, suggested: Decimal | None) -> dict[str, Any]:
    """The form starts from the verdict given, or from what the declared 本年必须支付 leaves."""
    if found.verdict:
        return {"verdict": found.verdict, "amount": found.reviewed if found.verdict == Verdict.REDUCE else None}
    less = suggested is not None and 0 < suggested < found.recoverable
    return {"verdict": Verdict.REDUCE if less else Verdict.KEEP, "amount": suggested if less else None}


def _said(given: list[Opinion]) -> dict[str, Any]:
    """The form starts from what was said last, so that a correction repeats nothing and drops nothing by accident."""
    if not given:
        return {"stance": Stance.AGREE}
    last = given[-1]
    kept = {name: getattr(last, name) for name in ("stance", "must_pay", "must_pay_reason", "evidence_note", "text")}
    return kept | ({"accepted": last.accepted} if last.stance == Stance.OBJECT else {})


def _answered(
    request: HttpRequest,
    year: int,
    found: RecoveryLine,
    name: str,
    form: Any,
    do: Callable[[], Any],
    told: str,
    draft: str = "",
) -> HttpResponse:
    """Do it and go back to the line; a refusal comes back with what was typed.

    With `draft` what was posted is kept under that key first: a failure in the middle loses nothing either.
    """
    if draft:
        _keep(request, found, form, draft)
    if form.is_valid():
        try:
            do()
        except Refused as refused:
            form.add_error(None, refused.reason)
        else:
            messages.success(request, told)
            return redirect("recovery_line", year=year, pk=found.pk)
    return render(request, "monitoring/line.html", _context(request, year, found, **{name: form}), status=422)


def _keep(request: HttpRequest, found: RecoveryLine, form: Any, draft: str) -> None:
    typed = {key: text for key, text in request.POST.items() if key in form.fields and key != "version"}
    # Against the version it was typed for: a second click on what is done already leaves no draft behind.
    with suppress(ValueError, Refused):
        version = min(int(request.POST.get("version", "")), found.version)
        drafts.save(by=request.user, form=draft, base_version=version, fields=typed)


@require_POST
def line_opinion(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    form = OpinionForm(request.POST, request.FILES)

    def give() -> None:
        data = dict(form.cleaned_data)
        upload = data.pop("evidence")
        files = [(upload.name, store(upload.chunks()))] if upload else []
        services.give_opinion(line=found, by=request.user, files=files, **data)

    return _answered(request, year, found, "opinion", form, give, "意见已提交。", draft=services.opinion_form(found))


@require_POST
def line_review(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    form = ReviewForm(request.POST)
    return _answered(
        request,
        year,
        found,
        "review",
        form,
        lambda: services.review(line=found, by=request.user, **form.cleaned_data),
        "会审意见已记录。",
    )


@require_POST
def line_assign(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    form = AssignForm(request.POST)
    return _answered(
        request,
        year,
        found,
        "assign",
        form,
        lambda: services.assign_allocation(line=found, by=request.user, **form.cleaned_data),
        "执行指标已指定。",
    )


@require_POST
def line_withdraw(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    try:
        version = int(request.POST.get("version", ""))
        services.withdraw(line=found, by=request.user, version=version, comment=request.POST.get("comment", ""))
    except ValueError:
        messages.error(request, "页面已过期，请刷新后再办理。")
    except Refused as refused:
        messages.error(request, refused.reason)
    else:
        messages.success(request, "已撤销收回。")
    return redirect("recovery_line", year=year, pk=pk)


@require_GET
def evidence(request: HttpRequest, year: int, pk: int) -> HttpResponseBase:
    """An opinion's attachment, for whoever sees its line."""
    found = get_object_or_404(OpinionEvidence.objects.visible_to(request.user).select_related("file"), pk=pk)
    return download(found, found.file)
