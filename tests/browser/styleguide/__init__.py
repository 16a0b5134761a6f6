"""Every component of the house on a few pages, full, empty, with errors and with a 60-character name: a URL
configuration of the tests only, beside the real one.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
import django_tables2 as tables
from django import forms
from django.db.models import DecimalField, ExpressionWrapper, F, QuerySet, Sum, Value
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from core import lists
from core.workflow import Answer, Move
from organisations.enums import Kind
from organisations.models import Organisation
from qingtian_perf.urls import urlpatterns as real

HERE = Path(__file__).parent
LONG_NAME = (
    "青田县温溪镇港头片区未来乡村建设一期工程及配套公共停车场改扩建"
    "与汛期排涝泵站提升改造补助资金项目（二〇二三年度续建部分）"
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


class StyleTable(tables.Table):
    name = lists.LinkColumn("部门名称", route="style_row", keys={"pk": "pk"}, order_by="sort_key")
    code = lists.CodeColumn("代码", below="name")
    division = lists.Column("归口科室", accessor="division__name", nullable=True)
    amount = lists.MoneyColumn("全年预算")
    paid = lists.MoneyColumn("已支付")
    rate = lists.RateColumn("执行率", orderable=False)
    bar = lists.BarColumn("进度", accessor="rate", orderable=False, exported=False)
    kind = lists.StateColumn("类型", choices=Kind, tones={"department": "blue", "unit": "amber"})
    is_active = lists.MarkColumn("标记", mark="重点", orderable=False)


class StyleFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(label="名称", lookup_expr="contains")
    kind = django_filters.ChoiceFilter(label="类型", choices=Kind.choices, empty_label="全部类型")
    code = django_filters.NumberFilter(label="代码", field_name="code")

    class Meta:
        model = Organisation
        fields = ()


class StyleList(lists.ListPage):
    title = "样张清单"
    table = StyleTable
    filterset = StyleFilter
    default_sort = ("sort_key",)
    aggregates = {"amount": Sum("amount"), "paid": Sum("paid")}
    unit = "个部门"
    empty = lists.Empty("还没有部门", "先导入机构，再导入项目。", "desk", "导入机构")
    bulk_actions = (
        lists.BulkAction("keep", "批量保留", "将保留勾选的 {n} 个部门。\n保留后不再列入收回清单。"),
        lists.BulkAction("drop", "批量剔除", "将剔除勾选的 {n} 个部门。", icon="trash", kind="danger", comment=True),
    )

    def get_queryset(self) -> QuerySet[Any]:
        return Organisation.objects.visible_to(self.request.user).filter(kind__in=[Kind.DEPARTMENT, Kind.UNIT])

    def with_columns(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        money = DecimalField(max_digits=18, decimal_places=2)
        return rows.select_related("division").annotate(
            amount=ExpressionWrapper(F("pk") * Value(Decimal("1234567.89")), money),
            paid=ExpressionWrapper(F("pk") * Value(Decimal("812345.60")), money),
            rate=ExpressionWrapper(Value(Decimal("0.6580")), money),
        )

    def totals(self, sums: dict[str, Any]) -> dict[str, Any]:
        rate = sums["paid"] / sums["amount"] if sums["amount"] else None
        return {**sums, "rate": rate}

    def bulk(self, action: str, rows: QuerySet[Any]) -> str:
        return f"已办理 {rows.count()} 个部门。"


class EmptyList(StyleList):
    filterset = None

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().none()


class PaperForm(forms.Form):
    done = forms.CharField(label="实际完成情况", max_length=200, widget=forms.Textarea(attrs={"rows": 2}))
    actual = forms.DecimalField(label="实际完成值", help_text="按合同验收数填写", widget=forms.TextInput)
    band = forms.ChoiceField(label="达成档次", choices=[("", "请选择"), ("met", "达成"), ("part", "部分达成")])
    reason = forms.CharField(label="偏差原因及改进措施", max_length=60, required=True)
    agree = forms.BooleanField(label="已核对支付数据", required=True)
    file = forms.FileField(label="佐证材料", required=False, help_text="竣工验收报告、现场照片等。")


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    text = (HERE / template).read_text(encoding="utf-8")
    return HttpResponse(engines["django"].from_string(text).render(context, request))


def answers() -> list[Answer]:
    submit = Move("submit", {"draft"}, "submitted", label="提交审核", roles={"x"})
    back = Move("return", {"submitted"}, "returned", label="退回", roles={"x"}, comment=True)
    return [
        Answer(submit, True, warning="您已办理过“填报”，本步骤宜由他人办理；系统将如实记录。"),
        Answer(back, True),
        Answer(back, False, "退回由归口科室办理，您没有该权限。"),
    ]


def timeline() -> list[Any]:
    at = datetime(2023, 4, 11, 16, 20, tzinfo=SHANGHAI)
    words = "实际完工已晚于计划，请如实填报并说明原因。"
    return [
        SimpleNamespace(action="return", label="退回", actor_name="经济建设科 李四", at=at, comment=words, warning=""),
        SimpleNamespace(
            action="review",
            label="审核",
            actor_name=f"{LONG_NAME} 审核岗",
            at=at - timedelta(days=3),
            comment="",
            warning="您已办理过“提交”，本步骤宜由他人办理。",
        ),
        SimpleNamespace(
            action="submit", label="提交", actor_name="温溪镇 填报岗", at=at - timedelta(days=5), comment="", warning=""
        ),
    ]


def stats() -> list[dict[str, Any]]:
    names = ["目标审核", "运行监控", "重点监控", "绩效自评", "绩效抽评", "重点评价", "整改反馈"]
    values = ["101", "1,812", "38", "1,796", "217", "9", "46"]
    notes = [
        "部门 · 退回单位 71",
        "项目 · 已报 1,640",
        "项目 · 已核查 31",
        "项目 · 定稿 1,733",
        "项目 · 11 个部门",
        "项目 · 良 9",
        "件 · 逾期 4",
    ]
    fractions = ["1", "0.905", "0.816", "0.965", "1", "1", "0.7"]
    return [
        {"name": name, "value": value, "note": note, "fraction": Decimal(fraction), "url": "/style/list/"}
        for name, value, note, fraction in zip(names, values, notes, fractions, strict=True)
    ]


def components(request: HttpRequest) -> HttpResponse:
    bands = [("<60", 5), ("60–", 20), ("70–", 45), ("80–", 124), ("85–", 190), ("90–", 325), ("95–", 298), ("100", 740)]
    options = {
        "house": {"tooltip": "{name} 分：{y} 个项目"},
        "xAxis": {"type": "category", "data": [label for label, _ in bands]},
        "yAxis": {"type": "value"},
        "series": [{"type": "bar", "data": [number for _, number in bands], "barMaxWidth": 34}],
    }
    from django.contrib import messages

    if request.GET.get("said"):
        messages.success(request, "已保存 10:42。")
        messages.error(request, f"“{LONG_NAME}”没有保存：版本已变化。")
    context = {
        "long_name": LONG_NAME,
        "stats": stats(),
        "boxes": [
            {"name": "推算可收回", "value": "1,431.60", "unit": "万元", "note": "较 v2 规则 −236.40"},
            *stats()[:2],
        ],
        "answers": answers(),
        "timeline": timeline(),
        "options": options,
        "columns": ["得分", "项目数"],
        "rows": bands,
        "amount": Decimal("8123456.78"),
        "rate": Decimal("0.9158"),
        "day": date(2023, 9, 30),
    }
    return page(request, "components.html", context)


def form(request: HttpRequest) -> HttpResponse:
    bound = PaperForm(request.POST, request.FILES) if request.method == "POST" else PaperForm(initial={"actual": 226})
    if bound.is_bound and bound.is_valid():
        return HttpResponse("ok")
    context = {"form": bound, "long_name": LONG_NAME, "timeline": timeline(), "limit": 1024 * 1024}
    return page(request, "form.html", context)


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


urlpatterns = [
    *real,
    path("<int:year>/style/list/", StyleList.as_view(), name="style_list"),
    path("style/list/", StyleList.as_view()),
    path("style/rows/<int:pk>/", broken, name="style_row"),
    path("style/empty/", EmptyList.as_view()),
    path("style/components/", components),
    path("style/form/", form),
    path("style/broken/", broken),
]
