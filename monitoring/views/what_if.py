"""规则推演: a rule tried on the ledger, live; nothing is written until the rule is published."""

from __future__ import annotations

import tempfile
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from core import workbooks
from core.lists import XLSX
from core.services import Refused, record_security_event
from core.templatetags.house import rate_text, wan_text
from monitoring import services
from monitoring.enums import LineStatus
from monitoring.forms import WhatIfForm, initial_of
from monitoring.models import RecoveryLine, RecoveryRule
from monitoring.queries import lines as line_queries
from monitoring.queries import recovery
from monitoring.queries.recovery import Question
from organisations.access import require
from organisations.enums import Role
from organisations.roles import BUREAU_STAFF

SHOWN = 50
SECTION = frozenset({Role.PERFORMANCE_SECTION})
_COLUMNS = (
    ("department", "部门", "text"),
    ("project_code", "项目代码", "code"),
    ("project_name", "项目名称", "text"),
    ("allocation", "指标文号/ID", "text"),
    ("adjusted", "全年预算", "money"),
    ("paid", "已支付", "money"),
    ("rate", "执行率", "rate"),
    ("must_pay", "本年必须支付", "money"),
    ("recoverable", "可收回", "money"),
    ("status", "规则结论", "text"),
    ("explanation", "说明", "text"),
)


def _form(request: HttpRequest, year: int, data: Any) -> WhatIfForm:
    rules = RecoveryRule.objects.visible_to(request.user).published().filter(fiscal_year=year)
    marks, sources = line_queries.choices_of_year(year)
    if not data:
        data = initial_of(rules.order_by("-number").first(), year)
    return WhatIfForm(data, year=year, marks=marks, fund_sources=sources, rules=rules)


@require_GET
def what_if(request: HttpRequest, year: int) -> HttpResponse:
    require(request.user, BUREAU_STAFF)
    form = _form(request, year, request.GET)
    context: dict[str, Any] = {
        "year": year,
        "form": form,
        "section": bool(request.user.role_set & SECTION),
        "labels": line_queries.data_labels(year),
        "next_number": (RecoveryRule.objects.visible_to(request.user).filter(fiscal_year=year).count() + 1),
    }
    if form.is_valid():
        context |= _results(request, year, form)
    partial = bool(request.headers.get("HX-Request")) and request.headers.get("HX-Target") == "results"
    template = "monitoring/what_if_results.html" if partial else "monitoring/what_if.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    response["Cache-Control"] = "private, no-store"
    return response


def _results(request: HttpRequest, year: int, form: WhatIfForm) -> dict[str, Any]:
    question = Question(form.rule_set(), year, form.cleaned_data["as_of"])
    sums = recovery.sums(question)
    candidates = recovery.candidates(question, limit=SHOWN, order="amount")
    compared = form.cleaned_data["compare"]
    difference = ""
    if compared is not None:
        other = recovery.sums(Question(compared.rule_set, year, question.as_of))
        change = sums.recoverable - other.recoverable
        difference = (
            f"较{compared} {'+' if change >= 0 else '−'}{wan_text(abs(change))}（{sums.lines - other.lines:+d} 行）"
        )
    own = RecoveryLine.objects.visible_to(request.user).filter(run__fiscal_year=year)
    stages = line_queries.stages(own)
    back = recovery.back_test(question)
    name = "推演中的规则"
    return {
        "question": question,
        "elapsed": rate_text(recovery.elapsed(year, question.as_of), 0),
        "sums": sums,
        "unclaimed": recovery.unclaimed(year, question.as_of),
        "candidates": [(line, LineStatus(line.status), line.explanation(question, name)) for line in candidates],
        "curve": line_queries.curve_chart(question),
        "stats": [
            {"name": "推算可收回", "value": wan_text(sums.recoverable), "unit": "万元", "note": difference},
            {
                "name": "涉及项目 / 部门",
                "value": f"{sums.projects} / {sums.departments}",
                "note": f"豁免 {sums.exempt} · 低于起收 {sums.below_minimum} · 命中 {sums.lines}",
            },
            {
                "name": "待执行 → 已执行",
                "value": f"{wan_text(stages.awaiting[1])} → {wan_text(stages.executed[1])}",
                "unit": "万元",
                "note": "以预算科确认或导入为准",
            },
            {
                "name": "去年回测",
                "value": f"{back.unspent} / {back.hits}",
                "note": "去年同样规则命中而未收回的，年底仍未支出" if back.hits else "去年没有可回测的数据",
            },
        ],
    }


@require_POST
def what_if_export(request: HttpRequest, year: int) -> HttpResponseBase:
    """All candidates of the what-if as a workbook; the page shows the largest fifty."""
    require(request.user, BUREAU_STAFF)
    form = _form(request, year, request.POST)
    if not form.is_valid():
        messages.error(request, "推演条件有误，未导出。")
        return redirect("recovery_what_if", year=year)
    question = Question(form.rule_set(), year, form.cleaned_data["as_of"])
    found = recovery.candidates(question)
    columns = [
        workbooks.Column(key, label, kind=kind, unit="元" if kind == "money" else None) for key, label, kind in _COLUMNS
    ]
    rows = (
        [
            *(getattr(line, key) for key, _, _ in _COLUMNS[:9]),
            LineStatus(line.status).label,
            line.explanation(question, "推演中的规则"),
        ]
        for line in found
    )
    target = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
    total = {"recoverable": recovery.sums(question).recoverable}
    workbooks.write_table(columns, rows, target, sheet="收回推演", totals=total)
    target.seek(0)
    name = f"收回推演（{year}年度，截至{question.as_of}）.xlsx"
    record_security_event("export", user=request.user, what=f"{name} {len(found)} 行")
    return FileResponse(target, as_attachment=True, filename=name, content_type=XLSX)


@require_POST
def rule_publish(request: HttpRequest, year: int) -> HttpResponse:
    """Publish what was tried as the next version of the year's rule."""
    require(request.user, SECTION)
    form = _form(request, year, request.POST)
    if not form.is_valid():
        messages.error(request, "规则有误，未发布。")
        return render(request, "monitoring/what_if.html", {"year": year, "form": form, "section": True}, status=422)
    rules = form.rule_set()
    try:
        rule = services.draft_rule(
            fiscal_year=year,
            as_of=form.cleaned_data["as_of"],
            by=request.user,
            rate_below=rules.rate_below,
            lag_above=rules.lag_above,
            minimum=rules.minimum,
            round_down_to=rules.round_down_to,
            levels=list(rules.levels),
            vintages=list(rules.vintages),
            exempt_categories=list(rules.categories),
            exempt_fund_sources=list(rules.fund_sources),
            exempt_marks=list(rules.marks),
            legal_basis=form.cleaned_data["legal_basis"],
        )
        services.publish_rule(rule=rule, by=request.user)
    except Refused as refused:
        messages.error(request, refused.reason)
        return redirect("recovery_what_if", year=year)
    messages.success(request, f"{rule}已发布。可据此正式测算。")
    return redirect("recovery_run_list", year=year)
