"""Columns and filters of the list of notices."""

from __future__ import annotations

import django_filters
import django_tables2 as tables

from core.lists import CodeColumn, Column, DateColumn, LinkColumn, NumberColumn, StateColumn
from notices.enums import NoticeState
from notices.models import Notice


class NoticeTable(tables.Table):
    number = CodeColumn("发文字号", order_by=("year", "serial"), nullable=True, width=24)
    title = LinkColumn("标题", route="notice", keys={"pk": "pk"}, width=48)
    state = StateColumn("状态", choices=NoticeState, tones={NoticeState.ISSUED: "green", NoticeState.DRAFT: "grey"})
    issued_on = DateColumn("成文日期", nullable=True)
    addressed = NumberColumn("主送")
    confirmed = NumberColumn("已确认收悉")
    author = Column("拟稿人", accessor="created_by__full_name", orderable=False)


class NoticeFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(label="标题", field_name="title", lookup_expr="icontains")
    state = django_filters.ChoiceFilter(label="状态", choices=NoticeState.choices, empty_label="全部")

    class Meta:
        model = Notice
        fields: tuple[str, ...] = ()
