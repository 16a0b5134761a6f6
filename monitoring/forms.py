"""HTTP in: the what-if, opinions, verdicts, decisions, execution."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms

from budgets.enums import ProjectCategory
from monitoring.enums import Level, Stance, Verdict, Vintage
from monitoring.models import RecoveryRule
from monitoring.rules import RuleSet

_BOXES = forms.CheckboxSelectMultiple
_DATE = {"type": "date"}
WAN = Decimal(10_000)
HUNDRED = Decimal(100)
ROUNDINGS = (("1", "元以下舍去"), ("100", "百元以下舍去"), ("1000", "千元以下舍去"), ("10000", "万元以下舍去"))


def _day(label: str, **options: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(_DATE, format="%Y-%m-%d"), **options)


def _yuan(label: str, **options: Any) -> forms.DecimalField:
    # A text box: from a number box the browser gives out nothing but numbers, and what was typed wrongly is lost.
    box = forms.TextInput({"inputmode": "decimal"})
    return forms.DecimalField(label=label, max_digits=18, decimal_places=2, min_value=0, widget=box, **options)


class WhatIfForm(forms.Form):
    """The rule on trial. Percentages and 万元 on the page; `rule_set` gives fractions and yuan."""

    as_of = _day("截止日期")
    rate = forms.DecimalField(
        label="执行率低于（%）",
        required=False,
        min_value=1,
        max_value=100,
        decimal_places=2,
        widget=forms.NumberInput({"type": "range", "min": 5, "max": 95, "step": 1, "class": "form-range"}),
    )
    lag = forms.DecimalField(
        label="或落后序时进度超过（百分点）", required=False, min_value=0, max_value=100, decimal_places=2
    )
    minimum = forms.DecimalField(label="起收金额（万元）", min_value=0, decimal_places=4)
    round_down_to = forms.ChoiceField(label="舍去", choices=ROUNDINGS)
    levels = forms.MultipleChoiceField(label="资金级次", choices=Level.choices, widget=_BOXES)
    vintages = forms.MultipleChoiceField(label="资金年度", choices=Vintage.choices, widget=_BOXES)
    categories = forms.MultipleChoiceField(
        label="豁免项目类别", choices=ProjectCategory.choices, required=False, widget=_BOXES
    )
    fund_sources = forms.MultipleChoiceField(label="豁免资金性质", required=False, widget=_BOXES)
    marks = forms.MultipleChoiceField(label="豁免标记", required=False, widget=_BOXES)
    compare = forms.ModelChoiceField(
        label="与已发布规则对比", queryset=RecoveryRule.objects.none(), required=False, empty_label="不对比"
    )
    legal_basis = forms.CharField(label="依据", required=False, max_length=500)

    def __init__(self, data: Any, *, year: int, marks: Iterable[str], fund_sources: Iterable[str], rules: Any) -> None:
        super().__init__(data)
        self.year = year
        given = getattr(data, "getlist", lambda name: data.get(name, []))
        self.fields["marks"].choices = [(m, m) for m in dict.fromkeys([*marks, *given("marks")])]
        self.fields["fund_sources"].choices = [(f, f) for f in dict.fromkeys([*fund_sources, *given("fund_sources")])]
        self.fields["compare"].queryset = rules

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("rate") is None and cleaned.get("lag") is None and not self.errors:
            raise forms.ValidationError("执行率与落后幅度至少填写一项。")
        as_of = cleaned.get("as_of")
        if as_of is not None and as_of.year != self.year:
            self.add_error("as_of", f"截止日期应在 {self.year} 预算年度内。")
        return cleaned

    def rule_set(self) -> RuleSet:
        data = self.cleaned_data
        return RuleSet(
            rate_below=None if data["rate"] is None else data["rate"] / HUNDRED,
            lag_above=None if data["lag"] is None else data["lag"] / HUNDRED,
            minimum=data["minimum"] * WAN,
            round_down_to=Decimal(data["round_down_to"]),
            levels=tuple(data["levels"]),
            vintages=tuple(data["vintages"]),
            categories=tuple(data["categories"]),
            fund_sources=tuple(data["fund_sources"]),
            marks=tuple(data["marks"]),
        )


def initial_of(rule: RecoveryRule | None, year: int) -> dict[str, Any]:
    """The form's data for a rule, or for the county's usual one."""
    rules = rule.rule_set if rule else RuleSet(rate_below=Decimal("0.50"))
    as_of = rule.as_of.isoformat() if rule else f"{year}-09-30"
    return {
        "as_of": as_of,
        "rate": "" if rules.rate_below is None else f"{rules.rate_below * 100:f}".rstrip("0").rstrip("."),
        "lag": "" if rules.lag_above is None else f"{rules.lag_above * 100:f}".rstrip("0").rstrip("."),
        "minimum": f"{rules.minimum / WAN:.2f}",
        "round_down_to": f"{rules.round_down_to:.0f}",
        "levels": list(rules.levels),
        "vintages": list(rules.vintages),
        "categories": list(rules.categories),
        "fund_sources": list(rules.fund_sources),
        "marks": list(rules.marks),
        "legal_basis": rule.legal_basis if rule else "",
    }


class RequestForm(forms.Form):
    deadline = _day("反馈期限", required=False, help_text="缺省为五个工作日，未计法定节假日")
    silence_consents = forms.BooleanField(label="逾期未反馈视为同意（印在征求意见中）", required=False, initial=True)


class OpinionForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    stance = forms.ChoiceField(label="意见", choices=Stance.choices, widget=forms.RadioSelect)
    accepted = _yuan("同意收回金额（元）", required=False, help_text="有异议时填写；全部不同意填 0")
    must_pay = _yuan("本年必须支付（元）", required=False, help_text="合同已到期应付、已结算工资等；须有佐证")
    must_pay_reason = forms.CharField(label="必须支付事由", required=False, max_length=300)
    evidence_note = forms.CharField(label="佐证及存放处", required=False, max_length=300)
    text = forms.CharField(label="说明", required=False, widget=forms.Textarea({"rows": 3}))
    evidence = forms.FileField(label="佐证附件", required=False)


class ReviewForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    verdict = forms.ChoiceField(label="会审意见", choices=Verdict.choices, widget=forms.RadioSelect)
    amount = _yuan("会审金额（元）", required=False, help_text="减少的填写")
    comment = forms.CharField(label="理由", required=False, widget=forms.Textarea({"rows": 2}))


class DecisionForm(forms.Form):
    meeting = forms.CharField(label="会议名称", max_length=100, help_text="如 局长办公会第 18 次会议")
    date = _day("会议日期")
    signatory = forms.CharField(label="签批人", max_length=60)
    scan = forms.FileField(label="会议纪要扫描件", required=False)


class ConfirmForm(forms.Form):
    document_number = forms.CharField(label="指标调整文号", max_length=80)
    executed_on = _day("执行日期")


class AssignForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    allocation = forms.CharField(label="执行指标文号/ID", max_length=80)


class WorkbookForm(forms.Form):
    file = forms.FileField(label="意见表", help_text="由本页下载的 xlsx 工作簿。")
