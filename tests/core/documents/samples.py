"""Documents for the tests, and readers of what was made of them."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import docx
import pdfplumber
import pypdfium2
from docx.oxml.ns import qn

from core.documents import Annex, Column, Kind, Letter, ListSheet, Paragraph, Table

MM = 72 / 25.4
LEFT, TOP, WIDTH, HEIGHT = 28 * MM, 37 * MM, 156 * MM, 225 * MM
LINE = 225 / 22 * MM

TABLE = Table(
    [
        Column("序号", Kind.CENTRE, 0.5),
        Column("项目名称", width=3),
        Column("指标文号", width=2),
        Column("收回金额", Kind.MONEY, 1.3),
    ],
    [
        [number, f"祔埠镇农村公路{number}期（黄垟乡）", f"青财预〔2023〕{number}号", Decimal(1234500)]
        for number in (1, 2, 3)
    ],
    total=["", "合计", "", Decimal(3703500)],
    unit="万元",
)


def letter(paragraphs: int = 3, **changes: object) -> Letter:
    """A complete red-head letter with `paragraphs` long paragraphs; `changes` replace its fields."""
    given: dict[str, object] = {
        "title": "青田县财政局关于收回2023年度预算执行进度偏慢项目资金的通知",
        "issuer": "青田县财政局文件",
        "number": "青财绩效〔2023〕31号",
        "recipients": ["县教育局", "各乡镇人民政府（街道办事处）"],
        "body": [
            Paragraph("一、收回范围", 1),
            Paragraph("（一）执行率低于50%的县本级项目资金。", 2),
            Paragraph("1.当年预算安排的项目资金。", 3),
            *[Paragraph("为进一步加强预算绩效管理，盘活财政存量资金，提高财政资金使用效益，" * 4)] * paragraphs,
            TABLE,
        ],
        "annexes": [Annex("收回资金项目清单", [TABLE]), Annex("整改情况反馈书")],
        "signed_by": "青田县财政局",
        "signed_on": date(2023, 3, 8),
        "remark": "此件公开发布",
        "copies_to": ["县人大常委会", "县审计局"],
        "printed_by": "青田县财政局办公室",
        "printed_on": date(2023, 3, 9),
    }
    return Letter(**(given | changes))


def sheet(rows: int = 3) -> ListSheet:
    """A 告知单 with a table of `rows` rows."""
    lines = [
        [row, f"农村公路{row}期（黄垟乡）", f"青财预〔2023〕{row}号", Decimal(10000)] for row in range(1, rows + 1)
    ]
    return ListSheet(
        title="收回资金告知单",
        recipients=["祔埠镇人民政府"],
        before=[Paragraph("现收回你单位下列项目资金。")],
        table=Table(TABLE.columns, lines, total=["", "合计", "", Decimal(10000) * rows], unit="万元"),
        after=[Paragraph("特此告知。")],
        signed_by="青田县财政局",
        signed_on=date(2023, 11, 8),
    )


def pages(pdf: bytes) -> list[pdfplumber.page.Page]:
    return pdfplumber.open(BytesIO(pdf)).pages


def pdf_text(pdf: bytes) -> str:
    """All text without white space."""
    return "".join("".join(page.extract_text().split()) for page in pages(pdf))


def lines(page: pdfplumber.page.Page) -> list[list[dict]]:
    """The characters of a page grouped by line, from the top."""
    found: dict[int, list[dict]] = {}
    for character in page.chars:
        found.setdefault(round(character["bottom"]), []).append(character)
    return [sorted(found[key], key=lambda one: one["x0"]) for key in sorted(found)]


def em_top(character: dict) -> float:
    """Top of the em box: pdfplumber hangs its box on the font's descent (0.286 em), the em box ends at 0.12 em."""
    return character["top"] - 0.166 * character["size"]


def ink_top(pdf: bytes, number: int, *, red: bool = False) -> float:
    """Points from the page's top edge to its first (red) ink."""
    scale = 4
    bitmap = pypdfium2.PdfDocument(pdf)[number].render(scale=scale).to_pil().convert("RGB")
    red_of, green_of, _ = (band.tobytes() for band in bitmap.split())
    for place, (redness, greenness) in enumerate(zip(red_of, green_of, strict=True)):
        if greenness < 128 and (not red or redness > 200):
            return place // bitmap.width / scale
    raise AssertionError("no ink")


def line_of(page: pdfplumber.page.Page, text: str) -> list[dict]:
    """The characters of the line of `page` that is or holds `text`."""
    for line in lines(page):
        if text in "".join(one["text"] for one in line):
            return line
    raise AssertionError(f"{text} is not on the page")


def docx_texts(content: bytes) -> list[str]:
    """Every paragraph in reading order, table cells included; tabs part texts, empty ones are left out."""
    body = docx.Document(BytesIO(content)).element.body
    found = []
    for paragraph in body.iter(qn("w:p")):
        text = ""
        for node in paragraph.iter(qn("w:t"), qn("w:br"), qn("w:tab")):
            if node.getparent().tag == qn("w:tabs"):
                continue
            text += {qn("w:br"): "\n", qn("w:tab"): "\t"}.get(node.tag) or node.text or ""
        found.extend(text.split("\t"))
    return [text for text in found if text]
