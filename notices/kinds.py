"""Kinds of notices: what each one's context holds, by name, and how letter and part are drawn from it.

A context is frozen into its notice as JSON when the notice is drafted; letter and parts are drawn from that alone, so
a reprint says what was sent. Money is yuan in the context and 万元 on paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Protocol, Self

from core.documents import Annex, Column, Kind, Letter, ListSheet, Paragraph, Table, chinese_date, wan


class Context(Protocol):
    """What every kind of notice offers."""

    CODE: ClassVar[str]
    NAME: ClassVar[str]
    LABELS: ClassVar[Mapping[str, str]]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self: ...
    def as_json(self) -> dict[str, Any]: ...
    @property
    def title(self) -> str: ...
    def letter(self, *, number: str, signed_on: date | None) -> Letter: ...
    def part(self, recipient: str, lines: Mapping[str, Any], *, signed_on: date | None) -> ListSheet: ...


@dataclass(frozen=True)
class DepartmentSum:
    name: str
    lines: int
    amount: str


@dataclass(frozen=True)
class RecoveryNotice:
    """收回财政统筹通知. `total` and the departments' amounts are yuan as text with two decimals; dates are ISO."""

    CODE: ClassVar[str] = "recovery"
    NAME: ClassVar[str] = "收回资金通知"
    LABELS: ClassVar[Mapping[str, str]] = {
        "issuer": "发文机关",
        "fiscal_year": "预算年度",
        "as_of": "截至日",
        "legal_basis": "依据",
        "meeting": "决定会议",
        "decided_on": "决定日期",
        "lines": "收回项数",
        "total": "收回合计（元）",
        "departments": "各部门金额",
    }

    issuer: str
    fiscal_year: int
    as_of: str
    legal_basis: str
    meeting: str
    decided_on: str
    lines: int
    total: str
    departments: Sequence[DepartmentSum]

    @classmethod
    def example(cls) -> Self:
        """Invented values, for the preview of the template."""
        return cls(
            issuer="青田县财政局",
            fiscal_year=2023,
            as_of="2023-09-30",
            legal_basis="《中华人民共和国预算法》",
            meeting="局长办公会",
            decided_on="2023-10-20",
            lines=2,
            total="560000.00",
            departments=(DepartmentSum("示例甲局", 1, "500000.00"), DepartmentSum("示例乙镇人民政府", 1, "60000.00")),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        values = {f.name: data[f.name] for f in fields(cls)}
        values["departments"] = tuple(DepartmentSum(**one) for one in data["departments"])
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def title(self) -> str:
        return f"{self.issuer}关于收回{self.fiscal_year}年度部分项目预算资金的通知"

    def letter(self, *, number: str, signed_on: date | None) -> Letter:
        as_of, decided = (chinese_date(date.fromisoformat(day)) for day in (self.as_of, self.decided_on))
        basis = self.legal_basis.strip().rstrip("。")
        return Letter(
            title=self.title,
            issuer=self.issuer,
            number=number,
            recipients=[one.name for one in self.departments],
            body=[
                Paragraph(
                    f"{f'根据{basis}，' if basis else ''}我局对{self.fiscal_year}年度项目预算截至{as_of}的执行情况"
                    f"进行了测算，征求了有关部门、单位和归口科室意见。经{decided}{self.meeting}研究决定，"
                    f"收回{len(self.departments)}个部门{self.lines}项预算资金，合计{wan(Decimal(self.total))}万元，"
                    "由县财政统筹使用。现将有关事项通知如下："
                ),
                Paragraph("一、收回的预算指标已在预算管理一体化系统中调减，各部门不得再安排支出。", level=1),
                Paragraph("二、各部门收回项目及金额见随文告知单，请及时告知所属单位并做好账务处理。", level=1),
                Paragraph("三、各部门应加快剩余预算执行，执行情况作为以后年度预算安排的重要依据。", level=1),
            ],
            annexes=[Annex("收回预算资金汇总表", [self._summary()])],
            signed_by=self.issuer,
            signed_on=signed_on,
            printed_by=self.issuer,
            printed_on=signed_on,
        )

    def _summary(self) -> Table:
        return Table(
            columns=[
                Column("序号", Kind.CENTRE, 0.6),
                Column("部门", Kind.TEXT, 3),
                Column("项数", Kind.NUMBER, 0.8),
                Column("收回金额", Kind.MONEY, 1.4),
            ],
            rows=[
                (place, one.name, one.lines, Decimal(one.amount)) for place, one in enumerate(self.departments, start=1)
            ],
            total=("", "合计", self.lines, Decimal(self.total)),
            unit="万元",
        )

    def part(self, recipient: str, lines: Mapping[str, Any], *, signed_on: date | None) -> ListSheet:
        """告知单: no number, no seal; `lines` is `{"amount", "lines": [{project_code, project_name, …}]}`."""
        rows = lines["lines"]
        return ListSheet(
            title=f"{self.fiscal_year}年度收回预算资金告知单",
            recipients=[recipient],
            before=[
                Paragraph(
                    f"经{chinese_date(date.fromisoformat(self.decided_on))}{self.meeting}研究决定，收回你单位{len(rows)}项"
                    f"{self.fiscal_year}年度预算资金，合计{wan(Decimal(lines['amount']))}万元，明细如下："
                )
            ],
            table=Table(
                columns=[
                    Column("序号", Kind.CENTRE, 0.6),
                    Column("项目代码", Kind.TEXT, 2),
                    Column("项目名称", Kind.TEXT, 3),
                    Column("指标文号/ID", Kind.TEXT, 1.8),
                    Column("调整文号", Kind.TEXT, 1.6),
                    Column("收回金额", Kind.MONEY, 1.3),
                ],
                rows=[
                    (
                        place,
                        row["project_code"],
                        row["project_name"],
                        row["allocation"],
                        row["document_number"],
                        Decimal(row["amount"]),
                    )
                    for place, row in enumerate(rows, start=1)
                ],
                total=("", "合计", "", "", "", Decimal(lines["amount"])),
                unit="万元",
            ),
            signed_by=self.issuer,
            signed_on=signed_on,
        )


KINDS: dict[str, type[RecoveryNotice]] = {RecoveryNotice.CODE: RecoveryNotice}
