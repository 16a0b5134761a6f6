"""发文字号 and dates (V33, V34)."""

from datetime import date

import pytest

from core.documents import chinese_date
from notices.rules import number_text, parse_number


def test_v33_a_number_as_the_standard_wants_it():
    assert parse_number("青财绩效〔2023〕31号") == ("青财绩效", 2023, 31)
    assert number_text("青财绩效", 2023, 31) == "青财绩效〔2023〕31号"


@pytest.mark.parametrize(
    "text",
    [
        "青财绩效[2023]31号",
        "青财绩效〔2023〕031号",
        "青财绩效〔2023〕第31号",
        "青财绩效〔23〕31号",
        "青财绩效〔2023〕0号",
        "青财绩效〔2023〕31",
        "〔2023〕31号",
        "",
    ],
)
def test_v33_others_are_refused(text):
    assert parse_number(text) is None


def test_v34_dates_carry_no_leading_zeros():
    assert chinese_date(date(2023, 3, 8)) == "2023年3月8日"
