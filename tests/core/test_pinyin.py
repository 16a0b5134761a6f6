"""Names are found by the initials of their hanzi, rare place names included."""

import pytest

from core.pinyin import initials


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("青田县农业农村局", "qtxnyncj"),
        ("祯埠镇人民政府", "zbzrmzf"),
        ("黄垟乡人民政府", "hyxrmzf"),
        ("2023年（一期）A标段", "2023nyqabd"),
        ("", ""),
    ],
)
def test_initials(name, expected):
    assert initials(name) == expected
