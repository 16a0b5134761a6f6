"""The workbooks of projects and of the ledger, declared; their rows made into rows of the services."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from budgets.enums import EntryKind, FundLevel, ProjectCategory, ProjectKind, SourceKind
from budgets.services import EntryRow, ProjectRow
from core.workbooks import BOOLEAN, CHOICE, CODE, DATE, INTEGER, MONEY, Column, Form, Reading, Sheet

PROJECT_SHEET = "项目"
LEDGER_SHEET = "流水"
BALANCE_SHEET = "余额"

_LEVELS = [
    (FundLevel.OWN, "本级"),
    (FundLevel.HIGHER, "上级"),
    (FundLevel.OWN, "县级"),
    (FundLevel.HIGHER, "上级转移支付"),
    (FundLevel.MIXED, "混合"),
]
# Every word that a treasury's table uses for a kind of line; nothing else is taken.
_KINDS = [
    *EntryKind.choices,
    *(
        (EntryKind.PAYMENT, word)
        for word in ("直接支付", "授权支付", "财政直接支付", "财政授权支付", "实拨", "正常支付")
    ),
    *((EntryKind.REFUND, word) for word in ("退回", "退款", "资金退回", "支付退款")),
    *((EntryKind.CORRECTION, word) for word in ("更正", "红冲", "支付红冲")),
    (EntryKind.INITIAL, "年初批复"),
    (EntryKind.CARRIED_OVER, "结转"),
    (EntryKind.SUPPLEMENT, "调增"),
    (EntryKind.REDUCTION, "追减"),
    *((EntryKind.RECOVERY, word) for word in ("财政收回", "指标收回")),
]

_ORGANISATIONS = [
    Column("department", "主管部门代码", CODE, max_length=38, aliases=["部门代码", "主管部门编码"]),
    Column("department_name", "主管部门", max_length=150, aliases=["主管部门名称", "部门名称"], fill_down=True),
    Column("unit", "预算单位代码", CODE, max_length=38, aliases=["单位代码", "预算单位编码", "单位编码"]),
    Column(
        "unit_name",
        "预算单位",
        max_length=150,
        aliases=["预算单位名称", "单位名称", "单位", "实施单位"],
        help="代码与名称至少填一项；也可写作“301001-单位名称”",
        fill_down=True,
    ),
]
_FUNDS = [
    Column(
        "fund_source", "资金来源", max_length=40, aliases=["资金性质", "资金性质/来源", "资金性质名称", "资金来源名称"]
    ),
    Column(
        "fund_level",
        "资金级次",
        CHOICE,
        choices=[(str(v), label) for v, label in _LEVELS],
        aliases=["资金性质(本级/上级)", "本级/上级", "本级或上级"],
    ),
]

PROJECTS = Form(
    "QT-PROJECTS",
    1,
    "项目及预算表",
    [
        Sheet(
            PROJECT_SHEET,
            [
                Column("fiscal_year", "预算年度", INTEGER, aliases=["年度", "预算年份"]),
                Column("code", "项目代码", CODE, required=True, max_length=40, aliases=["项目编码"], width=26),
                Column("name", "项目名称", required=True, max_length=200, aliases=["项目"], width=36),
                *_ORGANISATIONS,
                Column(
                    "users", "其他使用单位代码", max_length=400, help="多个代码用顿号隔开", aliases=["使用单位代码"]
                ),
                Column("division", "归口科室代码", CODE, max_length=38, aliases=["业务科室代码"]),
                Column(
                    "division_name", "归口科室", max_length=150, aliases=["业务科室", "归口科室名称"], fill_down=True
                ),
                Column(
                    "category", "项目类别", CHOICE, required=True, choices=ProjectCategory.choices, aliases=["项目类型"]
                ),
                Column(
                    "kind",
                    "新增/延续",
                    CHOICE,
                    choices=ProjectKind.choices,
                    aliases=["新增或延续", "项目属性"],
                    help="不填：上年已有同一代码的为延续，否则为新增",
                ),
                *_FUNDS,
                Column("initial", "年初预算（元）", MONEY, aliases=["年初预算数", "年初批复数", "年初预算"]),
                Column("carried_over", "上年结转（元）", MONEY, aliases=["上年结转数", "结转资金", "上年结转结余"]),
                Column("supplements", "追加（元）", MONEY, aliases=["追加数", "调增", "年中追加"]),
                Column("reductions", "调减（元）", MONEY, aliases=["调减数", "追减"]),
                Column("transfers_in", "调剂转入（元）", MONEY, aliases=["调入"]),
                Column("transfers_out", "调剂转出（元）", MONEY, aliases=["调出"]),
                Column(
                    "adjustment",
                    "调整数（元）",
                    MONEY,
                    aliases=["预算调整数", "调整"],
                    help="净额，可为负；已分列追加、调减、调剂的不再填",
                ),
                Column(
                    "adjusted",
                    "全年预算（元）",
                    MONEY,
                    aliases=["全年预算数", "调整后预算", "调整预算数", "预算数"],
                    help="用于核对；未填任何调整数时，与年初预算及上年结转之差即为调整数",
                ),
                Column("is_key", "重点项目", BOOLEAN, aliases=["重点", "重点标记", "是否重点"]),
                Column("is_sampled", "抽评项目", BOOLEAN, aliases=["抽评", "抽评标记", "是否抽评"]),
                Column("marks", "标记", max_length=200, help="如 三保、债券、救灾应急；多个用顿号隔开"),
                Column("start_year", "起始年度", INTEGER, aliases=["项目起始年度"]),
                Column("term", "项目期（年）", INTEGER, aliases=["项目期", "项目期限"]),
                Column(
                    "as_of", "截至日", DATE, aliases=["截止日期", "截至日期"], help="调整数的截至日；不填按年初起算"
                ),
            ],
            key=["code"],
        )
    ],
    instructions=[
        "一行一个项目，按项目代码识别：已有的更新，没有的新增；表中没有的项目不受影响。",
        "各预算列为全年累计数：与系统已记的差额记一笔流水；空格表示该列为 0，整列没有则不动。",
        "预算已随预算流水（指标）导入的项目，各预算列留空，以免重复记账。",
        "收款人账号等列不读取、不保存。有任何一处错误，整表不导入。",
    ],
)

_LINE = [
    Column("project_code", "项目代码", CODE, required=True, max_length=40, aliases=["项目编码"], width=26),
    Column("project_name", "项目名称", max_length=200, aliases=["项目"], width=36),
    Column("allocation", "指标文号/ID", max_length=80, aliases=["指标文号", "指标ID", "指标id", "指标编号", "文号"]),
    Column("vintage", "指标年度", INTEGER, aliases=["指标所属年度", "资金年度"]),
    *_FUNDS,
    Column("function_code", "功能分类", max_length=60, aliases=["功能分类科目", "支出功能分类", "支出功能分类科目"]),
    Column(
        "economic_code",
        "经济分类",
        max_length=60,
        aliases=["经济分类科目", "部门经济分类", "部门支出经济分类", "政府经济分类"],
    ),
]

LEDGER = Form(
    "QT-LEDGER",
    1,
    "预算和支付流水表",
    [
        Sheet(
            LEDGER_SHEET,
            [
                Column(
                    "kind",
                    "业务类型",
                    CHOICE,
                    choices=_KINDS,
                    aliases=["支付类型", "类型"],
                    help="不填按来源方案的种类",
                ),
                Column(
                    "voucher",
                    "凭证号",
                    CODE,
                    required=True,
                    max_length=60,
                    aliases=["支付凭证号", "退款单号", "单据号"],
                ),
                Column("line", "明细号", CODE, max_length=40, aliases=["凭证明细号", "行号"]),
                Column("date", "业务日期", DATE, required=True, aliases=["支付日期", "退款日期", "记账日期", "日期"]),
                Column("fiscal_year", "预算年度", INTEGER, aliases=["年度", "预算年份"]),
                Column("unit", "单位代码", CODE, max_length=38, aliases=["预算单位代码", "单位编码"]),
                Column("unit_name", "单位名称", max_length=150, aliases=["预算单位", "预算单位名称", "单位"]),
                *_LINE,
                Column(
                    "amount",
                    "金额",
                    MONEY,
                    required=True,
                    unit="元",
                    aliases=["金额(元,±)", "支付金额", "退款金额", "发生额"],
                    help="负的支付为退回或更正；调减、调剂转出、收回的正负号不论",
                ),
                Column("summary", "摘要", max_length=200, aliases=["用途", "摘要/用途", "支付摘要"]),
            ],
        )
    ],
    instructions=[
        "导入年初至今的全部行：与上次相同的不重复记，改动的冲销后重记，消失的列出由人处理。",
        "凭证号与明细号合起来在一个来源、一个年度内不重复。",
        "收款人账号等列不读取、不保存。有任何一处错误，整表不导入。",
    ],
)

BALANCE = Form(
    "QT-BALANCE",
    1,
    "指标余额表",
    [
        Sheet(
            BALANCE_SHEET,
            [
                Column("fiscal_year", "预算年度", INTEGER, aliases=["年度", "预算年份"]),
                Column(
                    "as_of",
                    "截至日",
                    DATE,
                    aliases=["截止日期", "截至日期"],
                    help="不填时读表头上方的“截至某年某月某日”",
                ),
                Column("unit", "单位代码", CODE, max_length=38, aliases=["预算单位代码", "单位编码"]),
                Column("unit_name", "单位名称", max_length=150, aliases=["预算单位", "预算单位名称", "单位"]),
                *_LINE,
                Column(
                    "amount",
                    "累计支付（元）",
                    MONEY,
                    required=True,
                    aliases=["累计支付数", "累计支出", "支出数", "已支付", "全年执行数", "执行数"],
                ),
            ],
        )
    ],
    instructions=["一行一个项目的一条指标，金额为年初至截至日的累计支付；与系统已记的差额记入当月。"],
)

FORMS: dict[str, Form] = {
    SourceKind.PROJECTS: PROJECTS,
    SourceKind.VOUCHERS: LEDGER,
    SourceKind.REFUNDS: LEDGER,
    SourceKind.BALANCE: BALANCE,
}

# Headings that must not be mapped: account numbers of payees are never imported.
_ACCOUNT = re.compile(r"账号|帐号|账户|帐户|卡号|银行卡|ACCOUNT", re.IGNORECASE)


def names_account(heading: str) -> bool:
    """Whether a heading speaks of an account number."""
    return bool(_ACCOUNT.search(heading))


PLACE = 10_000_000


def place_of(row: Any) -> int:
    """File and row in one number; `file_and_row` takes it apart."""
    place: int = row.file_no * PLACE + row.row_no
    return place


def file_and_row(place: int) -> tuple[int, int]:
    return divmod(place, PLACE)


_CODE_AND_NAME = re.compile(r"([0-9][0-9A-Za-z]{2,37})(?:[-—_\s\u3000]+(.+))?\Z")
_SEPARATORS = re.compile(r"[、,，;；\s]+")
_LEADING_CODE = re.compile(r"[0-9]{3,}")


def split_code(code: str | None, name: str | None, memo: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """(code, name) of an organisation: `301001-单位名称` and a bare code in the name's column are both understood."""
    if code or not name:
        return code or "", name or ""
    if name not in memo:
        found = _CODE_AND_NAME.match(name)
        memo[name] = (found[1], found[2] or "") if found else ("", name)
    return memo[name]


def classification(text: str | None) -> str:
    """`2010101 行政运行` → `2010101`; a text without a code is kept as far as it fits."""
    if not text:
        return ""
    found = _LEADING_CODE.match(text)
    return found[0][:20] if found else text[:20]


def _funds(row: Any) -> tuple[str, str]:
    """资金性质 is used for the fund and for 本级/上级; the words 本级 and 上级 are always the level."""
    source, level = row.fund_source or "", row.fund_level or ""
    if not level and source in _LEVEL_WORDS:
        return "", _LEVEL_WORDS[source]
    return source, level


_LEVEL_WORDS = {label: str(value) for value, label in _LEVELS}
_AMOUNTS = ("initial", "carried_over", "supplements", "reductions", "transfers_in", "transfers_out")
_CHANGES = ("supplements", "reductions", "transfers_in", "transfers_out", "adjustment")
_ZERO = Decimal("0.00")


def budget_of(row: Any) -> Decimal:
    """全年预算 as the row's own columns add up."""
    zero = _ZERO
    total: Decimal = (
        (row.initial or zero)
        + (row.carried_over or zero)
        + abs(row.supplements or zero)
        - abs(row.reductions or zero)
        + abs(row.transfers_in or zero)
        - abs(row.transfers_out or zero)
        + (row.adjustment or zero)
    )
    return total


def states_changes(row: Any) -> bool:
    """Whether the row fills any column of adjustments."""
    return any(getattr(row, key) is not None for key in _CHANGES)


def project_rows(reading: Reading) -> Iterator[ProjectRow]:
    """Rows for `upsert_projects`. A blank amount in a column that the file has is zero."""
    present = {key for key in (*_AMOUNTS, "adjustment") if reading.has(PROJECT_SHEET, key)}
    blank = {key: _ZERO if key in present else None for key in (*_AMOUNTS, "adjustment")}
    derive = reading.has(PROJECT_SHEET, "adjusted")
    memo: dict[str, tuple[str, str]] = {}

    def amount(row: Any, key: str) -> Decimal | None:
        value: Decimal | None = getattr(row, key)
        return blank[key] if value is None else value

    for row in reading.rows[PROJECT_SHEET]:
        unit, unit_name = split_code(row.unit, row.unit_name, memo)
        department, department_name = split_code(row.department, row.department_name, memo)
        division, division_name = split_code(row.division, row.division_name, memo)
        fund_source, fund_level = _funds(row)
        adjustment = amount(row, "adjustment")
        if derive and row.adjusted is not None and not states_changes(row):
            adjustment = row.adjusted - budget_of(row)
        yield ProjectRow(
            row.code or "",
            row.name or "",
            unit,
            row.category or "",
            row.kind or "",
            fund_source,
            fund_level,
            amount(row, "initial"),
            amount(row, "carried_over"),
            amount(row, "supplements"),
            amount(row, "reductions"),
            amount(row, "transfers_in"),
            amount(row, "transfers_out"),
            adjustment,
            unit_name,
            department,
            department_name,
            division,
            division_name,
            None if row.users is None else _SEPARATORS.split(row.users),
            row.start_year,
            row.term,
            row.is_key,
            row.is_sampled,
            None if row.marks is None else _SEPARATORS.split(row.marks),
            row.file_no * PLACE + row.row_no,
        )


def _line_fields(row: Any, codes: dict[str | None, str]) -> dict[str, Any]:
    fund_source, fund_level = _funds(row)
    for text in (row.function_code, row.economic_code):
        if text not in codes:
            codes[text] = classification(text)
    return {
        "allocation": row.allocation or "",
        "vintage": row.vintage,
        "fund_source": fund_source,
        "fund_level": fund_level,
        "function_code": codes[row.function_code],
        "economic_code": codes[row.economic_code],
        "project_name": row.project_name or "",
        "unit": row.unit or row.unit_name or "",
        "place": row.file_no * PLACE + row.row_no,
    }


def voucher_rows(reading: Reading, kind: str) -> Iterator[EntryRow]:
    """Rows of a voucher or refund table for `post_entries`; `kind` is that of rows which name none."""
    codes: dict[str | None, str] = {}
    for row in reading.rows[LEDGER_SHEET]:
        key = row.voucher or f"?{row.file_no}-{row.row_no}"
        yield EntryRow(
            source_key=f"{key}-{row.line}" if row.line else key,
            project_code=row.project_code or "",
            kind=row.kind or kind,
            amount=row.amount,
            date=row.date,
            summary=row.summary or "",
            **_line_fields(row, codes),
        )


def balance_rows(reading: Reading, as_of: Callable[[Any], date | None]) -> Iterator[EntryRow]:
    """Rows of a balance table; the line is project, 指标, year of the money, fund and classifications together."""
    codes: dict[str | None, str] = {}
    for row in reading.rows[BALANCE_SHEET]:
        fields = _line_fields(row, codes)
        parts = (row.project_code, *(fields[k] for k in ("allocation", "vintage", "fund_source", "function_code")))
        yield EntryRow(
            source_key="|".join(str(part or "") for part in (*parts, fields["economic_code"]))[:110],
            project_code=row.project_code or "",
            kind=EntryKind.PAYMENT,
            amount=row.amount,
            date=as_of(row),
            **fields,
        )


_AS_OF = re.compile(r"截[至止]\D{0,4}(\d{4})\s*[年\-/.]\s*(\d{1,2})\s*[月\-/.]\s*(\d{1,2})")


def stated_as_of(reading: Reading, sheet: str, file_no: int) -> date | None:
    """The 截至日 in the lines above a file's heading."""
    origin = reading.origins.get((file_no, sheet))
    if origin is None:
        return None
    for row in origin.titles:
        for cell in row:
            if isinstance(cell, str) and (found := _AS_OF.search(cell)):
                try:
                    return date(int(found[1]), int(found[2]), int(found[3]))
                except ValueError:
                    return None
    return None
