"""HTTP in: number and date of a notice."""

from __future__ import annotations

from django import forms


class IssueForm(forms.Form):
    number = forms.CharField(
        label="发文字号", required=False, max_length=60, help_text="空着由系统按顺序编号；手填应如 青财绩效〔2023〕31号"
    )
    issued_on = forms.DateField(label="成文日期", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
