"""Columns of the lists."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables

from budgets.enums import EntryKind, FundLevel, ProjectCategory, ProjectKind, VanishedState
from core.lists import (
    ChoiceColumn,
    CodeColumn,
    Column,
    DateColumn,
    LinkColumn,
    MarkColumn,
    MoneyColumn,
    RateColumn,
    StateColumn,
)
from core.templatetags.house import rate_text


class ExecutionColumn(RateColumn):
    """执行率; where funds were recovered, the rate before recovery stands under it."""

    def inner(self, value: Any, row: Any) -> str:
        text = rate_text(value)
        if row is None or not row.recovered:
            return text
        return f'{text}<span class="sub">收回前 {rate_text(row.rate_before)}</span>'


class ProjectTable(tables.Table):
    code = CodeColumn("项目代码", accessor="project__code", width=26, below="name")
    name = LinkColumn("项目名称", route="project", keys={"pk": "pk"}, width=36)
    department = Column("主管部门", accessor="department__name", order_by="department__sort_key", width=22)
    unit = Column("预算单位", accessor="unit__name", order_by="unit__sort_key", width=22, below="department")
    division = Column(
        "归口科室",
        accessor="division__name",
        order_by="division__sort_key",
        nullable=True,
        width=14,
        below="department",
    )
    category = ChoiceColumn("项目类别", choices=ProjectCategory)
    kind = ChoiceColumn("新增/延续", choices=ProjectKind, below="name")
    fund_level = ChoiceColumn("资金级次", choices=FundLevel, below="name")
    initial = MoneyColumn("年初预算")
    carried_over = MoneyColumn("上年结转", below="initial")
    adjustment = MoneyColumn("调整数")
    recovered = MoneyColumn("收回", below="adjustment")
    adjusted = MoneyColumn("全年预算")
    paid = MoneyColumn("支出")
    rate = ExecutionColumn("执行率")
    is_key = MarkColumn("重点", mark="重点", tone="blue")
    is_sampled = MarkColumn("抽评", mark="抽评", tone="amber", below="name")


class HeldTable(tables.Table):
    project_code = CodeColumn("项目代码（文件）")
    project_name = LinkColumn("项目名称（文件）", route="held", keys={"pk": "pk"})
    kind = ChoiceColumn("业务类型", choices=EntryKind)
    date = DateColumn("业务日期")
    allocation = CodeColumn("指标文号/ID")
    amount = MoneyColumn("金额")
    summary = Column("摘要")
    source = Column("来源", accessor="source__name")
    claimed = Column("认领到", accessor="claimed_entry__project_year__name", nullable=True)


class VanishedTable(tables.Table):
    name = LinkColumn("项目名称", accessor="entry__project_year__name", route="vanished", keys={"pk": "pk"})
    code = CodeColumn("项目代码", accessor="entry__project_year__project__code")
    source_key = CodeColumn("凭证号", accessor="entry__source_key")
    kind = ChoiceColumn("业务类型", accessor="entry__kind", choices=EntryKind)
    date = DateColumn("业务日期", accessor="entry__date")
    amount = MoneyColumn("金额", accessor="entry__amount")
    found = DateColumn("发现于文件", accessor="batch__as_of")
    state = StateColumn("处理", choices=VanishedState, tones={"open": "amber"})
