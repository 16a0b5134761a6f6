from datetime import date
from decimal import Decimal

import pytest

from core.documents import Annex, Column, Kind, Letter, Paragraph, Table, chinese_date, texts, wan
from core.documents.letter import Line, Style, head_size, printable, title_lines
from tests.core.documents.samples import letter, sheet


def line(document: Letter, style: Style) -> Line:
    return next(part for part in document.parts() if isinstance(part, Line) and part.style is style)


@pytest.mark.parametrize(
    ("yuan", "shown"),
    [
        ("0", "0.00"),
        ("49.99", "0.00"),
        ("50", "0.01"),
        ("12345678", "1,234.57"),
        ("-10050", "-1.01"),
        ("20000000.00", "2,000.00"),
    ],
)
def test_money_is_shown_in_wan_rounded_half_up(yuan: str, shown: str) -> None:
    assert wan(Decimal(yuan)) == shown


def test_dates_have_no_leading_zeros() -> None:
    assert chinese_date(date(2023, 3, 8)) == "2023年3月8日"


def test_reading_order_of_a_letter() -> None:
    found = texts(letter(paragraphs=1))
    assert found[0] == "青田县财政局文件"
    assert found[1] == "青财绩效〔2023〕31号"
    assert found[3] == "县教育局、各乡镇人民政府（街道办事处）："
    order = ["一、收回范围", "附件：1.收回资金项目清单", "2.整改情况反馈书", "青田县财政局", "2023年3月8日"]
    order += ["（此件公开发布）", "附件1", "收回资金项目清单", "抄送：县人大常委会，县审计局。"]
    order += ["青田县财政局办公室", "2023年3月9日印发"]
    assert [text for text in found if text in order] == order


def test_a_single_attachment_has_no_number() -> None:
    found = texts(letter(annexes=[Annex("清单", [Paragraph("内容")])]))
    assert "附件：清单" in found
    assert "附件" in found


def test_an_annex_without_content_is_only_named() -> None:
    assert texts(letter(annexes=[Annex("反馈书")])).count("反馈书") == 0


def test_a_row_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match="表格应有 2 列，有一行是 1 列"):
        Table([Column("甲"), Column("乙")], [["只有一格"]])


def test_cells_by_kind() -> None:
    columns = [Column("文字"), Column("元", Kind.NUMBER), Column("万元", Kind.MONEY, places=4), Column("日期")]
    table = Table(columns, [["甲\n乙", Decimal("0.5000"), Decimal("10001"), date(2023, 9, 30)], [None, 3, 0, None]])
    assert [[text for _, text in row] for row in table.text_rows] == [
        ["甲 乙", "0.5000", "1.0001", "2023-09-30"],
        ["", "3", "0.0000", ""],
    ]


def test_sealed_date_stands_four_from_the_right_and_the_signer_is_centred_over_it() -> None:
    signed = letter(signed_by="青田县财政局", signed_on=date(2023, 11, 28))
    day, signer = line(signed, Style.DATE), line(signed, Style.SIGNATURE)
    width = 3 + 8 * 0.52
    assert day.right == 4
    assert signer.right + 6 / 2 == pytest.approx(day.right + width / 2, abs=0.01)


def test_unsealed_date_begins_two_right_of_the_signer() -> None:
    signed = letter(signed_by="青田县财政局预算绩效管理科", sealed=False)
    day, signer = line(signed, Style.DATE), line(signed, Style.SIGNATURE)
    width = 3 + 6 * 0.52
    assert signer.right == 2
    assert day.right + width == pytest.approx(signer.right + 13 - 2, abs=0.01)


def test_unsealed_date_longer_than_the_signer_stands_two_from_the_right() -> None:
    signed = letter(signed_by="财政局", signed_on=date(2023, 11, 28), sealed=False)
    day, signer = line(signed, Style.DATE), line(signed, Style.SIGNATURE)
    width = 3 + 8 * 0.52
    assert day.right == 2
    assert signer.right + 3 == pytest.approx(2 + width + 2, abs=0.01)


@pytest.mark.parametrize(
    "title",
    [
        "青田县财政局关于收回2023年度预算执行进度偏慢项目资金的通知",
        "青田县财政局关于印发《青田县2023年度县级预算部门绩效自评抽查工作实施方案》的通知",
        "关于开展青田县2022年度预算绩效自评工作并报送项目支出绩效自评表和整改情况反馈书的补充通知",
    ],
)
def test_long_titles_break_without_breaking_words(title: str) -> None:
    broken = title_lines(title)
    rows = broken.split("\n")
    assert broken.replace("\n", "") == title
    assert 2 <= len(rows) <= 3
    assert all(len(row) <= 20 for row in rows)
    assert all(row[0] not in "的、，）》" and row[-1] not in "（《" for row in rows)
    assert any("2023年度" in row or "2022年度" in row for row in rows)


def test_short_titles_and_own_breaks_are_kept() -> None:
    assert title_lines("收回资金告知单") == "收回资金告知单"
    assert title_lines("甲乙丙\n关于丁的通知") == "甲乙丙\n关于丁的通知"


def test_red_head_fits_one_line() -> None:
    assert head_size("青田县财政局") == 62.0
    long = "中共青田县委员会预算绩效管理工作领导小组办公室文件"
    assert head_size(long) * len(long) * 1.02 < 156 / 25.4 * 72


def test_characters_that_paper_does_not_know_are_dropped() -> None:
    assert printable("甲\x00\x0b乙\ud800\r\n丙\t丁") == "甲乙 丙 丁"


def test_a_sheet_has_neither_number_nor_head() -> None:
    styles = {part.style for part in sheet().parts() if isinstance(part, Line)}
    assert not styles & {Style.HEAD, Style.NUMBER, Style.COPIES, Style.PRINTED_BY}
    assert "单位：万元" in texts(sheet())
