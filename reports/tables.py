"""Columns and filters of the history."""

from __future__ import annotations

from html import escape
from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.utils import timezone

from core.lists import CodeColumn, Column, MoneyColumn, StateColumn
from core.templatetags.house import day_text, moment_text
from organisations.roles import BUREAU_STAFF
from reports.enums import DeedKind
from reports.history import Deed

LONG = 60


class WhenColumn(Column):
    """To the minute where it is known, else to the day."""

    css = "date"

    def inner(self, value: Any, row: Deed) -> str:
        return day_text(value) if row.day_only else moment_text(value)

    def exported_value(self, value: Any, row: Deed) -> str:
        return f"{timezone.localtime(value):{'%Y-%m-%d' if row.day_only else '%Y-%m-%d %H:%M'}}"


class DeedColumn(Column):
    """What it was about, opening the line or the notice."""

    css = "name"

    def inner(self, value: Any, row: Deed) -> str:
        return f'<a href="{escape(row.url)}">{escape(value)}</a>'


class SaidColumn(Column):
    """Long words are cut on the page (whole on hover), never in the export."""

    def inner(self, value: Any, row: Deed) -> str:
        text = self.text(value)
        if len(text) <= LONG:
            return escape(text)
        return f'<span title="{escape(text)}">{escape(text[:LONG])}…</span>'


class HistoryTable(tables.Table):
    at = WhenColumn("时间", width=18)
    kind = StateColumn(
        "事项",
        choices=DeedKind,
        tones={DeedKind.OPINION: "blue", DeedKind.RECEIVED: "amber", DeedKind.ISSUED: "green"},
        orderable=False,
    )
    title = DeedColumn("项目或公文", orderable=False, width=40)
    code = CodeColumn("项目代码、文号", orderable=False, below="title", width=24)
    organisation = Column("机构", orderable=False, width=24)
    by = Column("办理人", orderable=False, below="organisation", width=18)
    said = SaidColumn("意见、操作", orderable=False, width=44)
    amount = MoneyColumn("金额", orderable=False)
    outcome = Column("结果", orderable=False, width=34)


class HistoryFilter(django_filters.FilterSet):
    """Only its form is used: the entries come from several tables (`reports.history.keys`)."""

    kind = django_filters.ChoiceFilter(label="事项", choices=DeedKind.choices, empty_label="全部")
    q = django_filters.CharFilter(label="项目、公文", help_text="名称、代码、拼音首字母、公文标题")
    since = django_filters.DateFilter(label="自", widget=forms.DateInput({"type": "date"}))
    until = django_filters.DateFilter(label="至", widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.request is not None and not self.request.user.role_set & BUREAU_STAFF:
            without = [choice for choice in DeedKind.choices if choice[0] != DeedKind.ISSUED]
            self.filters["kind"].extra["choices"] = without
