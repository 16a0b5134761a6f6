"""Converters: every value survives template and parser; every spelling is understood or refused, never guessed."""

import datetime
import io
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.workbooks import BOOLEAN, CHOICE, CODE, DATE, INTEGER, MONEY, RATE, Column, Form, Sheet, neutralise, read
from core.workbooks.cells import Converter, Fault, Noted, restore
from core.workbooks.write import write_table

WAN = Column("amount", "金额", MONEY, unit="万元")
YUAN = Column("amount", "金额", MONEY, unit="元")


def convert(column, cell, **options):
    options.setdefault("per_unit", column.per_unit if column.kind == MONEY else None)
    converter = Converter(column, **options)
    single = converter.convert(cell)
    [in_chunk] = Converter(column, **options).chunk([cell])
    if isinstance(single, (Fault, Noted)):
        assert (in_chunk.code, in_chunk.text) == (single.code, single.text)
    else:
        assert in_chunk == single and type(in_chunk) is type(single)
    return single


def refused(column, cell, **options):
    found = convert(column, cell, **options)
    assert isinstance(found, Fault), found
    return found.code


cents = st.integers(-(10**15) + 1, 10**15 - 1).map(lambda number: Decimal(number).scaleb(-2))
codes = st.text("0123456789ABCDEFGHJKT-", min_size=1, max_size=30).filter(lambda code: neutralise(code) == code)
names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn")), min_size=1)
days = st.dates(datetime.date(1950, 1, 1), datetime.date(2099, 12, 31))


@given(st.lists(st.tuples(codes, cents, cents, days, st.booleans(), st.integers(-(10**14), 10**14), names), min_size=1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("000000000000000000001", Decimal("0.01"), Decimal("-0.01"), datetime.date(2023, 9, 30), False, 0, "=1+1")])
def test_round_trip_through_a_workbook(values):
    columns = [
        Column("code", "代码", CODE, required=True),
        Column("yuan", "金额", MONEY, unit="元"),
        Column("wan", "预算", MONEY, unit="万元"),
        Column("day", "日期", DATE),
        Column("flag", "是否", BOOLEAN),
        Column("number", "数量", INTEGER),
        Column("name", "名称"),
    ]
    target = io.BytesIO()
    write_table(columns, values, target, sheet="表")
    import tempfile
    from pathlib import Path

    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        Path(file.name).write_bytes(target.getvalue())
        reading = read(Form("T", 1, "表", [Sheet("表", columns)]), file.name)
    marked = {error.cell for error in reading.errors}
    for number, (row, expected) in enumerate(zip(reading.rows["表"], values, strict=True), 2):
        for letter, got, wanted in zip("ABCDEFG", row[2:], expected, strict=True):
            if f"{letter}{number}" in marked:
                # Only what Excel itself cannot tell apart from an error value or a number in scientific notation.
                assert letter in "AG"
            else:
                assert got == (restore(wanted) if letter == "G" else wanted)


@given(cents)
def test_money_as_a_double(amount):
    assert convert(YUAN, float(amount)) == amount
    if abs(amount) < 10**9:
        assert convert(WAN, float(amount / 10_000)) == amount


@given(cents, st.sampled_from(["{:,.2f}", "￥{:,.2f}", " {:,.2f} 元", "{:.2f}", "\u200b{:,.2f}\u3000", "RMB{:,.2f}"]))
def test_money_as_text(amount, pattern):
    text = pattern.format(amount)
    assert convert(WAN if "元" in text else YUAN, text) == amount
    wide = text.translate({ord(narrow): ord(narrow) + 0xFEE0 for narrow in "0123456789.,-"})
    assert convert(WAN if "元" in text else YUAN, wide) == amount


@pytest.mark.parametrize(
    ("cell", "yuan"),
    [
        ("(1,234.50)", "-1234.50"),
        ("（1,234.50）", "-1234.50"),
        ("−5", "-5.00"),
        ("1.5万", "15000.00"),
        ("1.5 万元", "15000.00"),
        ("(1.5万元)", "-15000.00"),
        ("0.2亿元", "20000000.00"),
        ("3元整", "3.00"),
        (".5", "0.50"),
        (0.1 + 0.2, "0.30"),
        (1234.5600000000001, "1234.56"),
        (-0.0, "0.00"),
    ],
)
def test_money_spellings(cell, yuan):
    found = convert(YUAN, cell)
    assert str(found) == yuan


@pytest.mark.parametrize(
    "cell", ["一百", "1,23", "12,34.5", "1.2.3", "1.2E+05", "5%", "约5", True, datetime.date(2023, 1, 1), "元"]
)
def test_what_is_no_money(cell):
    assert refused(YUAN, cell) == "NOT_MONEY"


@pytest.mark.parametrize("cell", ["", None, " ", "-", "—", "——", "/", "\u3000"])
def test_blank_money(cell):
    assert convert(YUAN, cell) is None


def test_fractions_of_a_cent_are_rounded_and_said():
    found = convert(YUAN, 333.335)
    assert isinstance(found, Noted) and found.value == Decimal("333.34")
    assert found.text == "333.335 元已四舍五入为 333.34 元，金额最小到分，请确认"
    assert convert(WAN, 1.2345678).value == Decimal("12345.68")


def test_money_without_a_unit_anywhere():
    assert refused(Column("a", "金额", MONEY), 5.0, per_unit=None) == "UNIT_UNKNOWN"
    assert convert(Column("a", "金额", MONEY), "5万元", per_unit=None) == Decimal("50000.00")


def test_true_is_not_one():
    converter = Converter(YUAN, per_unit=1)
    one, true = converter.chunk([1.0, True])
    assert one == Decimal("1.00") and isinstance(true, Fault)


@given(codes)
def test_codes_stay_as_they_are(code):
    found = convert(Column("c", "代码", CODE), code)
    if isinstance(found, Fault):
        assert found.code == "CODE_SCIENTIFIC" and "E" in code
    else:
        assert found == code
        wide = code.translate({ord(narrow): ord(narrow) + 0xFEE0 for narrow in code})
        assert convert(Column("c", "代码", CODE), f" {wide}\u200b") == code


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (101001.0, "101001"),
        ('="0012"', "0012"),
        ("'0012", "0012"),
        ("\t0012", "0012"),
        ("0012 34", "001234"),
        (1e14, "1" + "0" * 14),
    ],
)
def test_code_spellings(cell, code):
    assert convert(Column("c", "代码", CODE), cell) == code


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        (6.30000242e20, "CODE_NUMERIC"),
        (1e15, "CODE_NUMERIC"),
        (630000242000000000001, None),
        ("6.30000242E+20", "CODE_SCIENTIFIC"),
        ("６.３E20", "CODE_SCIENTIFIC"),
        (12.5, "CODE_FORMAT"),
        (-1.0, "CODE_FORMAT"),
        (datetime.date(2023, 1, 1), "CODE_FORMAT"),
        ("#REF!", "ERROR_CELL"),
    ],
)
def test_codes_that_excel_has_spoilt(cell, error):
    if error is None:
        assert convert(Column("c", "代码", CODE), cell) == str(cell)  # a whole number that no double has touched
    else:
        assert refused(Column("c", "代码", CODE), cell) == error


@given(
    days,
    st.sampled_from(
        ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%Y-%m-%d 10:20:30", "%Y 年 %m 月 %d 日"]
    ),
)
def test_dates(day, pattern):
    column = Column("d", "日期", DATE)
    assert convert(column, day.strftime(pattern)) == day
    assert convert(column, day) == day
    assert convert(column, datetime.datetime.combine(day, datetime.time(9, 30))) == day
    assert convert(column, float((day - datetime.date(1899, 12, 30)).days)) == day


def test_a_short_day_and_a_time_are_kept_apart():
    assert convert(Column("d", "日期", DATE), "2023-9-3 10:00:00") == datetime.date(2023, 9, 3)
    assert convert(Column("d", "日期", DATE), 20230903.0) == datetime.date(2023, 9, 3)


@pytest.mark.parametrize("cell", ["2023-02-30", "9/30/2023", "2023年9月", "去年", 5.0, 45199.5, True, "2023-9/30"])
def test_what_is_no_date(cell):
    assert refused(Column("d", "日期", DATE), cell) == "NOT_DATE"


@pytest.mark.parametrize(
    ("cell", "percent", "rate"),
    [
        ("66.4%", False, "0.664"),
        ("66.4％", True, "0.664"),
        (0.664, False, "0.664"),
        (66.4, True, "0.664"),
        ("5‰", False, "0.005"),
    ],
)
def test_rates(cell, percent, rate):
    assert convert(Column("r", "执行率", RATE), cell, percent=percent) == Decimal(rate)


@pytest.mark.parametrize(("cell", "number"), [(3.0, 3), ("1,234", 1234), ("３", 3), ("(2)", -2), ("3.0", 3)])
def test_integers(cell, number):
    assert convert(Column("n", "数量", INTEGER), cell) == number


@pytest.mark.parametrize("cell", [1.5, "1.5", "三", True, "1E3"])
def test_what_is_no_integer(cell):
    assert refused(Column("n", "数量", INTEGER), cell) == "NOT_INTEGER"


def test_choices_by_label_or_value():
    column = Column("c", "类别", CHOICE, choices=[("a", "甲（一）"), ("b", "乙")])
    assert convert(column, " 甲(一)") == "a"
    assert convert(column, "b") == "b"
    assert refused(column, "丙") == "NOT_CHOICE"
    assert refused(column, True) == "NOT_CHOICE"


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|'/c calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", " =1+1", "\u200b=1"]
)
def test_formulas_are_neutralised(text):
    assert neutralise(text) == "'" + text
    assert restore(neutralise(text)) == text


@pytest.mark.parametrize("text", ["-", "--", "-5.2%", "+86", "农村公路", "a=b", "1-2", "——"])
def test_harmless_text_is_left_alone(text):
    assert neutralise(text) == text


@given(st.text(max_size=40))
def test_neutralised_text_starts_no_formula(text):
    safe = neutralise(text)
    assert safe == text or safe == "'" + text
    if safe[:1] in "=@＝＠\t\r\n" and safe:
        raise AssertionError(safe)
