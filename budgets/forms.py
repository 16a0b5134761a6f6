"""HTTP in: uploads, claims, decisions, the mapping of columns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.forms.widgets import ClearableFileInput

from budgets.enums import SourceKind
from budgets.models import Source
from budgets.services.uploads import IMPORT_KINDS

SOURCE_KINDS = [(kind.value, kind.label) for kind in SourceKind if kind in IMPORT_KINDS]


class Files(ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or several files; cleans to a list."""

    widget = Files

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, (list, tuple)) else [data]
        return [super(FilesField, self).clean(one, initial) for one in given]


class UploadForm(forms.Form):
    """What is imported: kind, fiscal year, source, files."""

    limit = settings.UPLOAD_LIMIT

    kind = forms.ChoiceField(label="导入内容", choices=SOURCE_KINDS)
    fiscal_year = forms.IntegerField(label="预算年度", min_value=2000, max_value=2100)
    source = forms.ChoiceField(
        label="来源方案", required=False, help_text="文件的列名与模板不同时，先建立来源方案；不选即按模板的列名"
    )
    as_of = forms.DateField(
        label="截至日",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="文件中已写明的不必填",
    )
    hold_unknown = forms.BooleanField(
        label="未知项目转入待认领", required=False, help_text="不勾选时，有未知项目代码则整批不导入"
    )
    files = FilesField(label="文件", help_text="可一次选择多个文件，作为一次导入。")

    def __init__(self, *args: Any, sources: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named = [(source.name, f"{source.name}（{source.get_kind_display()}）") for source in sources]
        choice = self.fields["source"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [("", "按模板的列名"), *named]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        source = Source.objects.filter(name=data.get("source") or "").first()
        if source is not None and data.get("kind") and source.kind != data["kind"]:
            self.add_error("source", f"该来源方案是“{source.get_kind_display()}”，与导入内容不同。")
        return data


class ClaimForm(forms.Form):
    """认领: the code of the project that the row belongs to."""

    project_code = forms.CharField(label="认领到项目代码", max_length=40)


class SettleForm(forms.Form):
    decision = forms.ChoiceField(
        label="处理",
        choices=[("keep", "保留（流水不变）"), ("reverse", "冲销（从合计中扣除）")],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 2}))


class SampleForm(forms.Form):
    """First step of a 来源方案: its name, kind, and a file whose headings are to be mapped."""

    limit = settings.UPLOAD_LIMIT

    name = forms.CharField(label="来源名称", max_length=60, help_text="如 国库集中支付系统导出")
    kind = forms.ChoiceField(label="导入内容", choices=SOURCE_KINDS)
    file = forms.FileField(label="样例文件", help_text="只读取表头和前几行，不保存。")
