"""Rule sets, elapsed time, working days and sentences, without a database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from monitoring.rules import (
    Inputs,
    RuleSet,
    RulesInvalid,
    elapsed,
    elapsed_months,
    explain,
    parse_rules,
    working_days_after,
)

CATEGORIES = {"特定目标类": "3", "3": "3", "人员类": "1", "1": "1"}
CONTRACT = {
    "rate_below": "0.50",
    "lag_above": None,
    "minimum": "10000.00",
    "round_down_to": "100.00",
    "scope": {"levels": ["本级", "上级"], "vintages": ["当年", "结转"]},
    "exempt": {"categories": [], "fund_sources": [], "marks": []},
}


def parse(data):
    return parse_rules(data, categories=CATEGORIES)


def test_the_contracts_file_and_its_defaults_say_the_same():
    assert parse(CONTRACT) == parse({"rate_below": "0.50"}) == RuleSet(rate_below=Decimal("0.50"))
    assert parse(CONTRACT).as_json() == CONTRACT


def test_categories_by_label_or_code():
    rules = parse(CONTRACT | {"exempt": {"categories": ["特定目标类", "3", "1"], "marks": ["三保"]}})
    assert (rules.categories, rules.marks) == (("3", "1"), ("三保",))


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"rate": "0.5"}, "KEY_UNKNOWN", "rate"),
        ({"scope": {"level": []}}, "KEY_UNKNOWN", "scope.level"),
        ({"exempt": {"mark": []}}, "KEY_UNKNOWN", "exempt.mark"),
        ({"rate_below": None}, "THRESHOLD_MISSING", None),
        ({"rate_below": "50%"}, "NOT_A_NUMBER", "rate_below"),
        ({"rate_below": 0.5}, "NOT_A_NUMBER", "rate_below"),
        ({"rate_below": True}, "NOT_A_NUMBER", "rate_below"),
        ({"rate_below": "NaN"}, "NOT_A_NUMBER", "rate_below"),
        ({"rate_below": "50"}, "OUT_OF_RANGE", "rate_below"),
        ({"rate_below": "0"}, "OUT_OF_RANGE", "rate_below"),
        ({"rate_below": "0.50001"}, "TOO_MANY_DECIMALS", "rate_below"),
        ({"lag_above": "-0.1"}, "OUT_OF_RANGE", "lag_above"),
        ({"minimum": "-1"}, "OUT_OF_RANGE", "minimum"),
        ({"minimum": "1.005"}, "TOO_MANY_DECIMALS", "minimum"),
        ({"minimum": "1e20"}, "OUT_OF_RANGE", "minimum"),
        ({"round_down_to": "0"}, "OUT_OF_RANGE", "round_down_to"),
        ({"scope": []}, "SECTION_NOT_OBJECT", "scope"),
        ({"scope": {"levels": []}}, "SCOPE_UNKNOWN", "scope.levels"),
        ({"scope": {"levels": ["县级"]}}, "SCOPE_UNKNOWN", "scope.levels"),
        ({"scope": {"vintages": "当年"}}, "NOT_A_LIST", "scope.vintages"),
        ({"exempt": {"marks": [1]}}, "NOT_A_LIST", "exempt.marks"),
        ({"exempt": {"categories": ["三保"]}}, "CATEGORY_UNKNOWN", "exempt.categories"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change, code, where):
    with pytest.raises(RulesInvalid) as refused:
        parse(CONTRACT | change)
    assert (code, where) in [(e.code, e.where) for e in refused.value.errors]


def test_every_error_at_once():
    with pytest.raises(RulesInvalid) as refused:
        parse({"rat": 1, "minimum": "x", "scope": {"levels": ["县"]}})
    assert [e.code for e in refused.value.errors] == [
        "KEY_UNKNOWN",
        "THRESHOLD_MISSING",
        "NOT_A_NUMBER",
        "SCOPE_UNKNOWN",
    ]


def test_not_an_object():
    with pytest.raises(RulesInvalid, match="JSON 对象"):
        parse([])


@pytest.mark.parametrize(
    ("day", "months", "fraction"),
    [
        (date(2023, 1, 1), 0, "0.0000"),
        (date(2023, 1, 31), 1, "0.0833"),
        (date(2023, 2, 27), 1, "0.0833"),
        (date(2023, 2, 28), 2, "0.1667"),
        (date(2023, 9, 29), 8, "0.6667"),
        (date(2023, 9, 30), 9, "0.7500"),
        (date(2023, 10, 31), 10, "0.8333"),
        (date(2023, 12, 31), 12, "1.0000"),
        (date(2022, 12, 31), 0, "0.0000"),
        (date(2024, 1, 1), 12, "1.0000"),
    ],
)
def test_elapsed_counts_completed_months(day, months, fraction):
    assert (elapsed_months(2023, day), str(elapsed(2023, day))) == (months, fraction)


def test_working_days_pass_over_weekends_and_holidays():
    friday = date(2023, 10, 13)
    assert working_days_after(friday, 5) == date(2023, 10, 20)
    assert working_days_after(friday, 1) == date(2023, 10, 16)
    assert working_days_after(friday, 1, holidays=[date(2023, 10, 16)]) == date(2023, 10, 17)


def line(**change):
    values = {
        "as_of": date(2023, 9, 30),
        "months": 9,
        "adjusted": Decimal("1000000.00"),
        "paid": Decimal("412300.00"),
        "must_pay": Decimal("0.00"),
        "status": "recoverable",
        "reason": "rate",
        "recoverable": Decimal("587700.00"),
    }
    return Inputs(**(values | change))


HALF = RuleSet(rate_below=Decimal("0.5"))


def test_the_sentence_of_a_recoverable_line():
    assert explain(line(), HALF, "规则 2023-3 版") == (
        "全年预算 1,000,000.00 元，截至 2023-09-30 已支付 412,300.00 元，执行率 41.23% 低于 50.00%；"
        "扣除本年必须支付 0.00 元，可收回 587,700.00 元（规则 2023-3 版）"
    )


def test_a_rate_just_below_the_limit_is_not_shown_as_the_limit():
    sentence = explain(line(paid=Decimal("499999.99")), HALF, "规则")
    assert "执行率 49.999999% 低于 50.00%" in sentence


def test_the_sentence_below_the_minimum():
    sentence = explain(
        line(must_pay=Decimal("578000.00"), status="below_minimum", recoverable=Decimal(0)), HALF, "规则"
    )
    assert sentence.endswith(
        "扣除本年必须支付 578,000.00 元，余 9,700.00 元，低于起收金额 10,000.00 元，不收回（规则）"
    )


def test_the_sentence_of_an_exempt_line():
    sentence = explain(line(status="exempt", exempt_reason="mark", exempt_value="三保"), HALF, "规则")
    assert sentence.endswith("；标记豁免（三保），不收回（规则）")


def test_the_sentence_of_a_lagging_line():
    rules = RuleSet(lag_above=Decimal("0.25"))
    sentence = explain(line(months=10, paid=Decimal("550000"), reason="lag"), rules, "规则")
    assert "执行率 55.00% 落后序时进度 83.33% 达 28.33 个百分点，超过 25.00 个百分点" in sentence
