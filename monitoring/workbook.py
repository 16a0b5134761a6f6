"""收回意见表: the lines that wait for an opinion, out prefilled and in again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from core.workbooks import CHOICE, CODE, DATE, INTEGER, MONEY, RATE, Column, Form, Sheet
from monitoring.enums import LineState, Stance
from monitoring.models import RecoveryLine

OPINION_SHEET = "收回意见"

OPINIONS = Form(
    "QT-RECOVERY-OPINIONS",
    1,
    "资金收回意见表",
    [
        Sheet(
            OPINION_SHEET,
            [
                Column("line", "清单号", INTEGER, required=True, locked=True, help="系统编号，请勿改动"),
                Column("department", "主管部门", locked=True, width=22),
                Column("code", "项目代码", CODE, locked=True, width=24),
                Column("name", "项目名称", locked=True, width=30),
                Column("allocation", "指标文号/ID", locked=True, width=20),
                Column("adjusted", "全年预算", MONEY, unit="元", locked=True),
                Column("paid", "已支付", MONEY, unit="元", locked=True),
                Column("rate", "执行率", RATE, locked=True),
                Column("recoverable", "拟收回", MONEY, unit="元", locked=True),
                Column("deadline", "反馈期限", DATE, locked=True),
                Column("stance", "意见", CHOICE, choices=Stance.choices, help="不填表示暂不反馈"),
                Column("accepted", "同意收回金额", MONEY, unit="元", help="有异议时填写，全部不同意填 0"),
                Column("must_pay", "本年必须支付", MONEY, unit="元"),
                Column("must_pay_reason", "必须支付事由", max_length=300, width=28),
                Column("evidence_note", "佐证及存放处", max_length=300, width=28),
                Column("text", "说明", max_length=2000, width=36, help="有异议的须写明理由"),
            ],
            key=["line"],
            total_row="forbidden",
            fixed_rows=True,
        )
    ],
    instructions=[
        "逐行填写“意见”：同意，或有异议并写明理由和同意收回的金额；不填的行不提交。",
        "填写本年必须支付的，须写明事由和佐证及存放处；佐证附件请在页面上传。",
        "请勿改动灰色单元格。有任何一处错误，整表不导入。",
    ],
    stamped=True,
)


def opinion_lines(lines: QuerySet[RecoveryLine], fiscal_year: int) -> QuerySet[RecoveryLine]:
    """Those that wait for an opinion, with what the workbook shows."""
    return (
        lines.filter(run__fiscal_year=fiscal_year, state=LineState.CONSULTING)
        .select_related("run", "project_year__project", "project_year__department")
        .order_by("project_year__department__sort_key", "project_year__project__code", "pk")
    )


def opinion_rows(lines: QuerySet[RecoveryLine]) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {
            "line": line.pk,
            "department": line.project_year.department.name,
            "code": line.project_year.project.code,
            "name": line.project_year.name,
            "allocation": line.allocation or "未分解到指标",
            "adjusted": line.adjusted,
            "paid": line.paid,
            "rate": line.rate,
            "recoverable": line.recoverable,
            "deadline": line.run.opinion_deadline,
        }
