"""The forms that the tests of workbooks declare."""

from core.workbooks import BOOLEAN, CHOICE, CODE, DATE, INTEGER, MONEY, RATE, Column, Form, Sheet

COLUMNS = [
    Column("code", "项目代码", CODE, required=True, locked=True, aliases=["项目编码"], max_length=21),
    Column("name", "项目名称", required=True, max_length=20),
    Column("dept", "主管部门代码", CODE, required=True, aliases=["部门代码"]),
    Column("category", "项目类别", CHOICE, choices=[("special", "特定目标类"), ("running", "运转类")]),
    Column("initial", "年初预算", MONEY, required=True, unit="万元", aliases=["资金/年初数"]),
    Column("paid", "支出数", MONEY, unit="元", aliases=["资金/支出数"]),
    Column("count", "数量", INTEGER),
    Column("rate", "执行率", RATE),
    Column("start", "开始日期", DATE, help="项目开始的日期"),
    Column("priority", "重点项目", BOOLEAN),
    Column("note", "备注"),
]
PROJECTS = Form(
    "QT-PROJECTS",
    2,
    "项目表",
    [
        Sheet("项目", COLUMNS, key=["code"]),
        Sheet(
            "附表",
            [Column("code", "项目代码", CODE, required=True), Column("unit", "单位", required=True)],
            total_row="forbidden",
            required=False,
        ),
    ],
    instructions=["年初预算填万元，支出数填元。"],
)
STRICT = Form(
    "QT-STRICT",
    1,
    "绩效自评表",
    [
        Sheet("自评", COLUMNS[:5], key=["code"], total_row="forbidden", title_rows=False, fixed_rows=True),
        Sheet(
            "指标",
            [Column("code", "项目代码", CODE, required=True, fill_down=True), Column("name", "指标", required=True)],
        ),
    ],
    stamped=True,
)
UNITLESS = Form(
    "QT-LEDGER",
    1,
    "支付明细",
    [Sheet("明细", [Column("no", "凭证号", CODE, required=True), Column("amount", "金额", MONEY, required=True)])],
)
FORMS = {form.code: form for form in (PROJECTS, STRICT, UNITLESS)}
