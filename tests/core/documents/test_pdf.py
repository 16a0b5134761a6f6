import itertools
from io import BytesIO

import pypdf
import pytest

from core.documents import AddressRefused, Letter, Paragraph, Renderer, document_html, document_pdf, render_pdf, texts
from tests.core.documents.samples import (
    HEIGHT,
    LEFT,
    LINE,
    MM,
    TOP,
    WIDTH,
    em_top,
    ink_top,
    letter,
    line_of,
    lines,
    pages,
    pdf_text,
    sheet,
)

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92"
    "ef0000000049454e44ae426082"
)
NEAR = 1.0  # points


def test_a_full_page_has_22_lines_of_28_characters() -> None:
    page = pages(document_pdf(Letter(title="标题", body=[Paragraph("绩" * 2000)])))[1]
    body = [line for line in lines(page) if line[0]["text"] == "绩"]
    assert len(body) == 22
    assert {len(line) for line in body} == {28}
    pitches = [below[0]["bottom"] - above[0]["bottom"] for above, below in itertools.pairwise(body)]
    assert pitches == pytest.approx([LINE] * 21, abs=0.05)
    assert body[0][0]["x0"] == pytest.approx(LEFT, abs=0.2)
    assert body[0][-1]["x1"] == pytest.approx(LEFT + WIDTH, abs=0.5)
    assert body[0][0]["size"] == pytest.approx(16, abs=0.01)


def test_text_stays_within_the_text_area() -> None:
    for page in pages(document_pdf(letter(paragraphs=12))):
        assert (float(page.width), float(page.height)) == pytest.approx((210 * MM, 297 * MM), abs=0.1)
        inner = [one for one in page.chars if one["top"] < TOP + HEIGHT]
        assert min(one["x0"] for one in inner) >= LEFT - NEAR
        assert max(one["x1"] for one in inner) <= LEFT + WIDTH + NEAR
        assert min(one["top"] for one in inner) >= TOP - NEAR


def test_red_head_number_and_red_line() -> None:
    made = document_pdf(letter())
    assert ink_top(made, 0, red=True) == pytest.approx(TOP + 35 * MM, abs=NEAR)
    page = pages(made)[0]
    head = line_of(page, "青田县财政局文件")
    assert {one["non_stroking_color"] for one in head} == {(1, 0, 0)}
    middle = (head[0]["x0"] + head[-1]["x1"]) / 2
    assert middle == pytest.approx(LEFT + WIDTH / 2, abs=2)
    number = line_of(page, "青财绩效〔2023〕31号")
    red = [rect for rect in page.rects if rect["non_stroking_color"] == (1, 0, 0)]
    # A border is drawn as the outer box less the inner one: the line runs from the inner bottom to the outer.
    assert len(red) == 2
    line_top = min(rect["bottom"] for rect in red)
    assert red[0]["x0"] == pytest.approx(LEFT, abs=NEAR)
    assert red[0]["x1"] == pytest.approx(LEFT + WIDTH, abs=NEAR)
    assert line_top - (em_top(number[0]) + 16) == pytest.approx(4 * MM, abs=NEAR)


def test_indents_of_the_body() -> None:
    page = pages(document_pdf(letter()))[0]
    two = LEFT + 2 * 156 / 28 * MM
    for text in ("一、收回范围", "（一）执行率", "1.当年预算", "为进一步加强"):
        assert line_of(page, text)[0]["x0"] == pytest.approx(two, abs=NEAR), text
    assert line_of(page, "县教育局、")[0]["x0"] == pytest.approx(LEFT, abs=NEAR)


def test_sealed_date_stands_four_characters_from_the_right() -> None:
    made = pages(document_pdf(letter(annexes=[])))
    for page in made:
        if "2023年3月8日" in page.extract_text():
            day, signer = line_of(page, "2023年3月8日"), line_of(page, "青田县财政局")
            if signer[-1]["text"] != "局" or page.extract_text().count("青田县财政局") > 2:
                signer = lines(page)[lines(page).index(day) - 1]
            assert LEFT + WIDTH - day[-1]["x1"] == pytest.approx(4 * 16, abs=NEAR)
            centres = [(line[0]["x0"] + line[-1]["x1"]) / 2 for line in (day, signer)]
            assert centres[0] == pytest.approx(centres[1], abs=3)
            return
    raise AssertionError("no date")


def test_page_numbers_stand_outside_seven_millimetres_below() -> None:
    for number, page in enumerate(pages(document_pdf(letter(paragraphs=12))), start=1):
        foot = line_of(page, f"— {number} —")
        if number % 2:
            assert LEFT + WIDTH - foot[-1]["x1"] == pytest.approx(14, abs=NEAR)
        else:
            assert foot[0]["x0"] - LEFT == pytest.approx(14, abs=NEAR)
        figure = next(one for one in foot if one["text"] == str(number))
        assert em_top(figure) == pytest.approx(TOP + HEIGHT + 7 * MM, abs=NEAR)
        assert figure["size"] == pytest.approx(14, abs=0.01)


@pytest.mark.parametrize("paragraphs", range(1, 14))
@pytest.mark.parametrize(
    "copies", [["县审计局"], ["县人大常委会办公室", "县政协办公室", "县监察委员会", "县审计局"] * 3]
)
def test_imprint_stands_at_the_foot_of_the_last_even_page(paragraphs: int, copies: list[str]) -> None:
    made = pages(document_pdf(letter(paragraphs=paragraphs, annexes=[], copies_to=copies)))
    assert len(made) % 2 == 0
    assert [("抄送" in page.extract_text()) for page in made] == [False] * (len(made) - 1) + [True]
    printer = line_of(made[-1], "青田县财政局办公室")
    assert "".join(one["text"] for one in printer) == "青田县财政局办公室2023年3月9日印发"
    assert printer[0]["x0"] == pytest.approx(LEFT + 14, abs=NEAR)
    assert printer[-1]["x1"] == pytest.approx(LEFT + WIDTH - 14, abs=NEAR)
    assert TOP + HEIGHT - 24.4 <= em_top(printer[0]) <= em_top(printer[0]) + 14 <= TOP + HEIGHT
    first = em_top(line_of(made[-1], "抄送")[0])
    above = [one for one in made[-1].chars if em_top(one) < first - NEAR]
    assert not above or max(em_top(one) + one["size"] for one in above) < first - 14


def test_a_blank_page_before_the_imprint_and_the_imprint_have_no_number() -> None:
    """GB/T 9704 §7.5. Where the text fills an even page to its end, the 版记 must go to the next even one."""
    found = []
    for count in range(1060, 1240, 28):
        made = pages(document_pdf(Letter(title="标题", body=[Paragraph("绩" * count)], printed_by="办公室")))
        found.append(len(made))
        if len(made) == 4 and "绩" not in made[2].extract_text():
            assert made[2].extract_text().strip() == ""
            assert "— 2 —" in made[1].extract_text()
            assert made[3].extract_text().strip() == "办公室"
            return
    pytest.fail(f"no length left the imprint a page of its own after an even page: {found}")


def test_the_text_of_the_pdf_is_the_text_of_the_document() -> None:
    for document in (letter(), sheet(3)):
        printed = pdf_text(document_pdf(document))
        place = 0
        for text in texts(document):
            wanted = "".join(text.split())
            # Long paragraphs run over a page's end, with its number between.
            for piece in (wanted[start : start + 6] for start in range(0, min(len(wanted), 24), 6)):
                found = printed.find(piece, place)
                assert found >= 0, f"{piece} of {text}"
                place = found


def test_values_are_text() -> None:
    evil = "{{7*7}}<b>&amp;{% now %}"
    made = document_pdf(letter(recipients=[evil], title=f"关于{evil}的通知", signed_by=evil))
    printed = pdf_text(made)
    assert printed.count("{{7*7}}<b>&amp;{%now%}") == 3
    assert "49" not in printed


def test_money_is_right_aligned_and_the_header_repeats() -> None:
    made = pages(document_pdf(sheet(60)))
    assert len(made) >= 3
    assert [("项目名称" in page.extract_text()) for page in made[:-1]] == [True] * (len(made) - 1)
    amounts = [line[-1]["x1"] for page in made for line in lines(page) if line[-1]["text"] == "0"]
    assert len(amounts) == 61
    assert max(amounts) - min(amounts) < NEAR
    assert "合计60.00" in pdf_text(document_pdf(sheet(60)))


def test_a_landscape_sheet() -> None:
    wide = sheet().__class__(title="清单", table=sheet().table, landscape=True)
    page = pages(document_pdf(wide))[0]
    assert page.width > page.height


@pytest.mark.parametrize(
    "html",
    [
        '<img src="http://127.0.0.1:9/x.png">',
        '<img src="https://example.com/x.png">',
        '<img src="file:///etc/passwd">',
        '<img src="data:image/png;base64,AAAA">',
        '<img src="ftp://example.com/x.png">',
        '<img src="/static/../manage.py">',
        '<img src="/static/%2e%2e/manage.py">',
        '<img src="static/nothing-here.png">',
        '<img src="attached/other.png">',
        '<link rel="stylesheet" href="http://example.com/x.css">',
        '<link rel="attachment" href="file:///etc/passwd">',
        '<style>@import url("file:///etc/passwd");</style>',
        '<style>@font-face{font-family:x;src:url("file:///etc/passwd")}</style>',
        '<style>@font-face{font-family:x;src:local("DejaVu Sans")}</style>',
        "<style>body{background:url(file:///etc/hostname)}</style>",
        '<svg width="9" height="9"><image href="file:///etc/passwd" width="9" height="9"/></svg>',
        '<object data="file:///etc/passwd" type="image/png"></object>',
    ],
)
def test_addresses_outside_are_refused_by_name(html: str) -> None:
    with pytest.raises(AddressRefused, match="文档引用了不允许的地址：") as refused:
        render_pdf(f"<html><body><p>文</p>{html}</body></html>", attached={"mine.png": PNG})
    assert refused.value.address
    assert refused.value.address in str(refused.value)


def test_attached_and_static_files_may_be_drawn(settings: object, tmp_path: object) -> None:
    (tmp_path / "seal.png").write_bytes(PNG)
    settings.STATICFILES_DIRS = [tmp_path]
    from django.contrib.staticfiles import finders

    finders.get_finder.cache_clear()
    try:
        made = render_pdf('<img src="attached/章.png"><img src="/static/seal.png">', attached={"章.png": PNG})
    finally:
        finders.get_finder.cache_clear()
    assert len(pages(made)[0].images) == 2


def test_a_rare_character_is_drawn_by_the_full_font() -> None:
    rare = "龘𠮷㐂"
    page = pages(render_pdf(f'<html lang="zh-CN"><body><p class="body">{rare}祔垟</p></body></html>'))[0]
    fonts = {one["text"]: one["fontname"] for one in page.chars}
    assert set(fonts) >= set(rare)
    assert all("Noto" in fonts[character] for character in rare)
    assert all("Qingtian" in fonts[character] for character in "祔垟")
    reader = pypdf.PdfReader(BytesIO(document_pdf(letter(recipients=[rare]))))
    assert rare in reader.pages[0].extract_text().replace("\n", "")


def test_one_renderer_serves_a_batch() -> None:
    renderer = Renderer()
    first = renderer.pdf(document_html(sheet(3)), base="list")
    renderer.document(letter())
    again = renderer.pdf(document_html(sheet(3)), base="list")
    assert pdf_text(first) == pdf_text(again)
    assert [page.bbox for page in pages(first)] == [page.bbox for page in pages(again)]
    assert len(again) < 60_000
