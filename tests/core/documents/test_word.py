import shutil
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import qn
from docx.shared import Mm

from core.documents import Letter, Paragraph, document_docx, document_html, texts
from tests.core.documents.samples import LINE, docx_texts, letter, lines, pages, pdf_text, sheet

EVIL = "{{7*7}}<b>&amp;{% now %}"


def html_texts(html: str) -> list[str]:
    import tinyhtml5

    body = tinyhtml5.parse(html, namespace_html_elements=False).find("body")
    return [element.text for element in body.iter() if element.tag in {"p", "th", "td"} and element.text]


@pytest.mark.parametrize("document", [letter(), letter(issuer="", number="", sealed=False), sheet(12)])
def test_pdf_and_docx_hold_the_same_paragraphs_in_the_same_order(document: Letter) -> None:
    wanted = texts(document)
    assert len(wanted) > 20
    assert docx_texts(document_docx(document)) == wanted
    assert html_texts(document_html(document)) == wanted


def test_values_are_text() -> None:
    document = letter(title=f"关于{EVIL}的通知", recipients=[EVIL], body=[Paragraph(EVIL)], printed_by=EVIL)
    found = docx_texts(document_docx(document))
    assert found.count(EVIL) == 2
    assert f"{EVIL}：" in found
    assert html_texts(document_html(document)) == found


def test_page_and_grid() -> None:
    made = docx.Document(BytesIO(document_docx(letter())))
    section = made.sections[0]
    assert (section.page_width, section.page_height) == pytest.approx((Mm(210), Mm(297)), abs=700)
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert margins == pytest.approx((Mm(37), Mm(35), Mm(28), Mm(26)), abs=700)
    grid = section._sectPr.find(qn("w:docGrid"))
    assert grid.get(qn("w:type")) == "linesAndChars"
    pitch = int(grid.get(qn("w:linePitch")))
    # Whole twips: 22 lines must fit 225 mm, 23 must not.
    assert 22 * pitch <= 225 / 25.4 * 1440 < 23 * pitch
    width = 16 + int(grid.get(qn("w:charSpace"))) / 4096
    assert 28 * width == pytest.approx(156 / 25.4 * 72, abs=0.05)
    body = next(one for one in made.paragraphs if one.text.startswith("为进一步"))
    tighter = int(body.runs[0]._r.rPr.find(qn("w:spacing")).get(qn("w:val"))) / 20
    assert 28 * (16 + tighter) <= 156 / 25.4 * 72 < 29 * (16 + tighter)
    assert body._p.pPr.find(qn("w:spacing")).get(qn("w:lineRule")) == "exact"
    assert body._p.pPr.find(qn("w:spacing")).get(qn("w:line")) == str(pitch)


def test_prescribed_fonts_are_named_for_chinese_text() -> None:
    made = docx.Document(BytesIO(document_docx(letter())))
    fonts = {}
    for paragraph in made.paragraphs:
        for run in paragraph.runs:
            names = {run._r.rPr.rFonts.get(qn(f"w:{name}")) for name in ("eastAsia", "ascii", "hAnsi")}
            assert len(names) == 1
            fonts[paragraph.text.replace("\n", "")] = (names.pop(), run.font.size.pt)
    assert fonts["青财绩效〔2023〕31号"] == ("仿宋_GB2312", 16)
    assert fonts["青田县财政局关于收回2023年度预算执行进度偏慢项目资金的通知"] == ("方正小标宋简体", 22)
    assert fonts["一、收回范围"] == ("黑体", 16)
    assert fonts["（一）执行率低于50%的县本级项目资金。"] == ("楷体_GB2312", 16)
    assert fonts["附件1"] == ("黑体", 16)
    assert fonts["青田县财政局文件"][0] == "方正小标宋简体"
    assert fonts["抄送：县人大常委会，县审计局。"] == ("仿宋_GB2312", 14)


def test_the_table_repeats_its_header_and_aligns_money_right() -> None:
    table = docx.Document(BytesIO(document_docx(sheet(5)))).tables[0]
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert all(row._tr.trPr.find(qn("w:tblHeader")) is None for row in table.rows[1:])
    for row in table.rows[1:]:
        assert row.cells[3].paragraphs[0]._p.pPr.find(qn("w:jc")).get(qn("w:val")) == "right"


def test_paragraph_properties_stand_in_the_order_of_the_schema() -> None:
    """Word calls a file broken whose properties stand otherwise; python-docx does not check."""
    paragraph_order = ["keepNext", "pageBreakBefore", "framePr", "widowControl", "pBdr", "tabs", "snapToGrid"]
    paragraph_order += ["spacing", "ind", "jc"]
    run_order = ["rFonts", "snapToGrid", "color", "spacing", "sz"]
    table_order = ["tblStyle", "tblW", "jc", "tblLayout", "tblCellMar", "tblLook"]
    made = docx.Document(BytesIO(document_docx(letter())))
    for tag, order in (("w:pPr", paragraph_order), ("w:rPr", run_order), ("w:tblPr", table_order)):
        found = list(made.element.body.iter(qn(tag)))
        assert found
        for properties in found:
            names = [child.tag.rpartition("}")[2] for child in properties]
            assert names == sorted(names, key=order.index)


def test_page_number_fields() -> None:
    with zipfile.ZipFile(BytesIO(document_docx(letter()))) as archive:
        names = archive.namelist()
        footers = [archive.read(name).decode() for name in names if "footer" in name and name.endswith(".xml")]
        settings = archive.read("word/settings.xml").decode()
    numbered = [footer for footer in footers if 'w:instr="PAGE"' in footer]
    assert {align for footer in numbered for align in ("left", "right") if f'w:jc w:val="{align}"' in footer} == {
        "left",
        "right",
    }
    assert "evenAndOddHeaders" in settings


@pytest.mark.skipif(not shutil.which("soffice"), reason="本机没有 LibreOffice（soffice）")
def test_libreoffice_opens_it_and_sets_22_lines(tmp_path: Path) -> None:
    long = Letter(title="标题", body=[Paragraph("绩" * 2000)])
    for name, document in (("letter", letter()), ("sheet", sheet(40)), ("long", long)):
        (tmp_path / f"{name}.docx").write_bytes(document_docx(document))
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "pdf"]
    files = [str(tmp_path / f"{name}.docx") for name in ("letter", "sheet", "long")]
    subprocess.run([*command, "--outdir", str(tmp_path), *files], check=True, capture_output=True, timeout=120)
    printed = pdf_text((tmp_path / "letter.pdf").read_bytes())
    for text in ("青财绩效〔2023〕31号", "（一）执行率低于50%", "2023年3月9日印发", "祔埠镇农村公路1期（黄垟乡）"):
        assert text in printed
    assert "合计40.00" in pdf_text((tmp_path / "sheet.pdf").read_bytes())
    page = pages((tmp_path / "long.pdf").read_bytes())[1]
    body = [line for line in lines(page) if line[0]["text"] == "绩"]
    assert len(body) == 22
    # LibreOffice 7 widens characters in a grid of negative spacing: 27 a line. Word sets 28.
    assert len(body[0]) in (27, 28)
    assert body[1][0]["bottom"] - body[0][0]["bottom"] == pytest.approx(LINE, abs=0.1)
