"""测算: rules, runs, and a run's steps up to the notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.services import Refused, store
from core.templatetags.house import wan_text
from core.views import download
from monitoring import services
from monitoring.enums import LineState, RuleState
from monitoring.forms import DecisionForm, RequestForm
from monitoring.models import DecisionScan, RecoveryDecision, RecoveryLine, RecoveryRule, RecoveryRun
from monitoring.queries import lines as line_queries
from monitoring.services.runs import start_run
from notices.models import Notice
from organisations.access import require
from organisations.enums import Role
from organisations.roles import BUREAU_STAFF

SECTION = frozenset({Role.PERFORMANCE_SECTION})


@require_GET
def run_list(request: HttpRequest, year: int) -> HttpResponse:
    require(request.user, BUREAU_STAFF)
    rules = RecoveryRule.objects.visible_to(request.user).filter(fiscal_year=year).select_related("published_by")
    context = {
        "year": year,
        "rules": rules,
        "runs": line_queries.runs_of(year, request.user),
        "section": bool(request.user.role_set & SECTION),
        "published": RuleState.PUBLISHED,
    }
    return render(request, "monitoring/run_list.html", context)


@require_POST
def run_start(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    require(request.user, SECTION)
    rule = get_object_or_404(RecoveryRule.objects.visible_to(request.user), pk=pk, fiscal_year=year)
    try:
        run = start_run(rule=rule, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
        return redirect("recovery_run_list", year=year)
    messages.success(request, f"已开始测算（{rule}，截至 {run.as_of}）。")
    return redirect("recovery_run", year=year, pk=run.pk)


def _own(request: HttpRequest, year: int, pk: int) -> RecoveryRun:
    found: RecoveryRun = get_object_or_404(line_queries.runs_of(year, request.user), pk=pk)
    return found


@require_GET
def run(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    return render(request, "monitoring/run.html", _context(request, year, _own(request, year, pk)))


def _context(request: HttpRequest, year: int, found: RecoveryRun, **forms: Any) -> dict[str, Any]:
    states = line_queries.states_of(found)
    lines = RecoveryLine.objects.visible_to(request.user).filter(run=found)
    job = found.job
    return {
        "year": year,
        "run": found,
        "job": job,
        "seconds_left": job.seconds_left(timezone.now()) if job else None,
        "files": [],
        "stats": line_queries.stage_stats(line_queries.stages(lines)),
        "states": [(LineState(s), *states[s]) for s in LineState.values if s in states],
        "counts": {s: states.get(s, (0, 0))[0] for s in LineState.values},
        "reviewed": line_queries.reviewed_count(found),
        "departments": line_queries.by_department(found),
        "decisions": RecoveryDecision.objects.visible_to(request.user).filter(run=found).prefetch_related("scans"),
        "notices": Notice.objects.visible_to(request.user).filter(source_key__startswith=f"recovery:{found.pk}:"),
        "section": bool(request.user.role_set & SECTION),
        "request_form": forms.get("request") or RequestForm(initial={"silence_consents": found.silence_consents}),
        "decision_form": forms.get("decision") or DecisionForm(),
        "limit": settings.UPLOAD_LIMIT,
    }


def _step(request: HttpRequest, year: int, pk: int, do: Callable[[RecoveryRun], str]) -> HttpResponse:
    """One step of the run by the performance section; its refusal is a message on the run's page."""
    found = _own(request, year, pk)
    require(request.user, SECTION)
    try:
        messages.success(request, do(found))
    except Refused as refused:
        messages.error(request, refused.reason)
    return redirect("recovery_run", year=year, pk=pk)


@require_POST
def run_request(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    form = RequestForm(request.POST)

    def ask(found: RecoveryRun) -> str:
        if not form.is_valid():
            raise Refused("反馈期限不是有效日期，请按 2023-10-20 的样式填写。", code="invalid")
        data = form.cleaned_data
        asked = services.request_opinions(
            run=found, by=request.user, deadline=data["deadline"], silence_consents=data["silence_consents"]
        )
        return f"已就 {asked} 行征求意见，反馈期限 {found.opinion_deadline}。"

    return _step(request, year, pk, ask)


@require_POST
def run_submit(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    def submit(found: RecoveryRun) -> str:
        lines = list(found.lines.filter(state=LineState.CONSULTING))
        outcome = services.submit_review(lines=lines, by=request.user, comment=request.POST.get("comment", ""))
        left = f"；{len(outcome.left_out)} 行未提交：{outcome.left_out[0][1]}" if outcome.left_out else ""
        return f"已提交会审 {outcome.done} 行{left}"

    return _step(request, year, pk, submit)


@require_POST
def run_decide(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    require(request.user, SECTION)
    form = DecisionForm(request.POST, request.FILES)
    if form.is_valid():
        data = dict(form.cleaned_data)
        upload = data.pop("scan")
        try:
            scans = [(upload.name, store(upload.chunks()))] if upload else []
            decision = services.record_decision(run=found, by=request.user, scans=scans, **data)
        except Refused as refused:
            form.add_error(None, refused.reason)
        else:
            taken = sum(line.decided or 0 for line in decision.lines.all())
            messages.success(request, f"已记录决定：{decision}，决定收回 {wan_text(taken)} 万元。")
            return redirect("recovery_run", year=year, pk=pk)
    return render(request, "monitoring/run.html", _context(request, year, found, decision=form), status=422)


@require_POST
def run_hand_over(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    def hand(found: RecoveryRun) -> str:
        return f"已将 {services.hand_over(run=found, by=request.user)} 行交预算科执行。"

    return _step(request, year, pk, hand)


@require_POST
def run_notice(request: HttpRequest, year: int, pk: int) -> HttpResponse:
    found = _own(request, year, pk)
    require(request.user, SECTION)
    try:
        notice = services.draft_notice(run=found, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
        return redirect("recovery_run", year=year, pk=pk)
    messages.success(request, "通知已拟稿，请核对后编号印发。")
    return redirect("notice", year=year, pk=notice.pk)


@require_GET
def scan(request: HttpRequest, year: int, pk: int) -> HttpResponseBase:
    found = get_object_or_404(DecisionScan.objects.visible_to(request.user).select_related("file"), pk=pk)
    return download(found, found.file)
