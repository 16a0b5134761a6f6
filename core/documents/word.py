"""The same documents as .docx, naming the fonts that GB/T 9704 prescribes: the bureau's Word has them."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from core.documents.letter import Document, Line, Style, Table

FANG, SONG, KAI, HEI, PLAIN = "仿宋_GB2312", "方正小标宋简体", "楷体_GB2312", "黑体", "宋体"
# 225/22 mm is 579.8 twips. Word knows whole twips only, and 22 × 580 would no longer fit the page: 21 lines.
LINE = 579
# 156/28 mm a character instead of 16 pt, in twips.
CHARACTER = 316
_TIGHTER = -4
_RED = "FF0000"


@dataclass(frozen=True)
class Format:
    """Sizes in points, spacing in lines, indents in characters of 16 pt."""

    font: str = FANG
    size: float = 16
    align: str = "both"
    before: float = 0
    after: float = 0
    left: float = 0
    first: float = 0
    keep_next: bool = False
    exact: int | None = LINE
    colour: str | None = None
    new_page: bool = False


FORMATS = {
    Style.HEAD: Format(SONG, 0, "center", exact=None, colour=_RED),
    Style.NUMBER: Format(align="center", before=2),
    Style.TITLE: Format(SONG, 22, "center", before=2, keep_next=True),
    Style.RECIPIENTS: Format(align="left", before=1, keep_next=True),
    Style.BODY: Format(first=2),
    Style.LEVEL_1: Format(HEI, first=2, keep_next=True),
    Style.LEVEL_2: Format(KAI, first=2),
    Style.LEVEL_3: Format(first=2),
    Style.LEVEL_4: Format(first=2),
    Style.NOTE: Format(align="left", before=1, left=5, first=-3),
    Style.NOTE_NEXT: Format(align="left", left=5),
    Style.SIGNATURE: Format(align="right", before=1, keep_next=True),
    Style.DATE: Format(align="right"),
    Style.REMARK: Format(first=2),
    Style.ANNEX_MARK: Format(HEI, align="left", new_page=True, keep_next=True),
    Style.ANNEX_TITLE: Format(SONG, 22, "center", before=1, after=1, keep_next=True),
    Style.UNIT: Format(size=12, align="right", exact=340, keep_next=True),
}
_CELL = Format(size=12, align="left", exact=340)
_CELL_ALIGN = {"text": "left", "centre": "center", "figure": "right", "money": "right"}
_IMPRINT = {Style.COPIES, Style.PRINTED_BY, Style.PRINTED_ON}


def document_docx(document: Document) -> bytes:
    """A letter or list as .docx: its `parts()`, each as one paragraph or table, in order."""
    import docx

    word = docx.Document()
    for paragraph in list(word.paragraphs):
        paragraph._element.getparent().remove(paragraph._element)
    word.core_properties.title = document.title.replace("\n", "")[:255]
    word.core_properties.author = word.core_properties.comments = ""
    _base_style(word)
    _page(word, landscape=document.landscape)
    _page_numbers(word, plain=document.base == "list")
    parts = list(document.parts())
    imprint = [part for part in parts if isinstance(part, Line) and part.style in _IMPRINT]
    previous: Style | None = None
    for part in parts:
        if isinstance(part, Table):
            _table(word, part, landscape=document.landscape)
            previous = None
        elif part.style not in _IMPRINT:
            _line(word, part, previous, first=part is parts[0])
            previous = part.style
    if imprint:
        _imprint(word, imprint)
    target = BytesIO()
    word.save(target)
    return target.getvalue()


def _line(word: Any, line: Line, previous: Style | None, *, first: bool) -> None:
    paragraph = word.add_paragraph()
    form = FORMATS[line.style]
    _set_paragraph(paragraph, form, right=line.right or 0)
    spacing = paragraph._p.pPr.find(_tag("w:spacing"))
    if line.style is Style.HEAD:
        spacing.set(_tag("w:before"), str(_twips(35)))
        spacing.set(_tag("w:line"), str(round((line.size or 0) * 20)))
        spacing.set(_tag("w:lineRule"), "exact")
    elif first or (line.style is Style.TITLE and previous not in (Style.HEAD, Style.NUMBER)):
        spacing.set(_tag("w:before"), "0")
    elif line.style is Style.SIGNATURE and line.first:
        spacing.set(_tag("w:before"), str(3 * LINE))
    elif line.style in (Style.BODY, Style.LEVEL_1) and previous is Style.TITLE:
        spacing.set(_tag("w:before"), str(LINE))
    if line.style is Style.NUMBER:
        _border(paragraph, "bottom", 12, _RED, space=11)  # eighths of a point; 11 pt are 4 mm
    _runs(paragraph, line.text, form, size=line.size)


def _table(word: Any, table: Table, *, landscape: bool) -> None:
    rows = [table.text_rows, [table.total_row]] if table.total_row else [table.text_rows]
    body = [row for group in rows for row in group]
    grid = word.add_table(rows=len(body) + 1, cols=len(table.columns))
    grid.style = "Table Grid"
    grid.autofit = False
    # An old Word table writer would be quadratic here: python-docx finds each cell by walking the grid.
    width = _twips(225 if landscape else 156)
    widths = [round(width * share / 100) for share in table.shares]
    for column, wide in zip(grid._tbl.tblGrid.gridCol_lst, widths, strict=True):
        column.set(_tag("w:w"), str(wide))
    header = [("centre", title) for title in table.header]
    for index, (element, row) in enumerate(zip(grid._tbl.tr_lst, [header, *body], strict=True)):
        properties = element.get_or_add_trPr()
        properties.append(_element("w:cantSplit"))
        if index == 0:
            properties.append(_element("w:tblHeader"))
        strong = index == 0 or (bool(table.total_row) and index == len(body))
        for cell, (kind, text), wide in zip(element.tc_lst, row, widths, strict=True):
            _cell(cell, text, Format(HEI if strong else FANG, 12, _CELL_ALIGN[kind], exact=340), wide)


def _cell(cell: Any, text: str, form: Format, width: int) -> None:
    from docx.text.paragraph import Paragraph

    properties = cell.get_or_add_tcPr()
    for old in properties.findall(_tag("w:tcW")):
        properties.remove(old)
    properties.insert(0, _element("w:tcW", {"w:w": str(width), "w:type": "dxa"}))
    properties.append(_element("w:vAlign", {"w:val": "center"}))
    paragraph = Paragraph(cell.p_lst[0], None)
    _set_paragraph(paragraph, form)
    _runs(paragraph, text, form)


def _imprint(word: Any, lines: list[Line]) -> None:
    """版记 as a table that Word keeps at the foot of the text area of the last page (GB/T 9704 §7.4)."""
    copies = next((line for line in lines if line.style is Style.COPIES), None)
    printed = [line for line in lines if line.style is not Style.COPIES]
    grid = word.add_table(rows=bool(copies) + bool(printed), cols=2)
    grid.autofit = False
    properties = grid._tbl.tblPr
    place = {"w:vertAnchor": "margin", "w:horzAnchor": "margin", "w:tblpXSpec": "left", "w:tblpYSpec": "bottom"}
    properties.insert(1, _element("w:tblpPr", place))
    borders = _element("w:tblBorders")
    for side, eighths in (("top", "8"), ("bottom", "8"), ("insideH", "6")):  # 0.35 and 0.25 mm
        edge = {"w:val": "single", "w:sz": eighths, "w:space": "0", "w:color": "000000"}
        borders.append(_element(f"w:{side}", edge))
    properties.append(borders)
    half = _twips(78)
    if copies:
        merged = grid.cell(0, 0).merge(grid.cell(0, 1))
        _cell(merged._tc, copies.text, Format(size=14, align="left", left=3.6, first=-2.7), 2 * half)
    if printed:
        left = Format(size=14, align="left", left=0.9)
        right = Format(size=14, align="right")
        cells = grid._tbl.tr_lst[-1].tc_lst
        _cell(cells[0], printed[0].text, left, half)
        _cell(cells[1], printed[1].text if len(printed) > 1 else "", right, half)
    # Word wants a paragraph after the last table.
    last = word.add_paragraph()
    _set_paragraph(last, Format(size=1, exact=20))


def _base_style(word: Any) -> None:
    style = word.styles["Normal"]
    style.font.name = FANG
    style.element.get_or_add_rPr().get_or_add_rFonts().set(_tag("w:eastAsia"), FANG)
    from docx.shared import Pt

    style.font.size = Pt(16)


def _page(word: Any, *, landscape: bool) -> None:
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm

    section = word.sections[0]
    section.page_width, section.page_height = (Mm(297), Mm(210)) if landscape else (Mm(210), Mm(297))
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    top, right, bottom, left = (28, 35, 26, 37) if landscape else (37, 26, 35, 28)
    section.top_margin, section.right_margin = Mm(top), Mm(right)
    section.bottom_margin, section.left_margin = Mm(bottom), Mm(left)
    # The number's line stands 7 mm below the text area and is 14 pt high.
    section.footer_distance = Mm(max(bottom - 7 - 5, 5))
    for old in section._sectPr.findall(_tag("w:docGrid")):
        section._sectPr.remove(old)
    # 22 lines of 28 characters: charSpace is the pitch less the font's size, in 1/4096 pt.
    pitch = 156 / 28 / 25.4 * 72
    grid = {"w:type": "linesAndChars", "w:linePitch": str(LINE), "w:charSpace": str(round((pitch - 16) * 4096))}
    section._sectPr.append(_element("w:docGrid", grid))


def _page_numbers(word: Any, *, plain: bool) -> None:
    """— 1 — at the outer edge of odd and even pages, one character in; lists have theirs in the middle."""
    word.settings.odd_and_even_pages_header_footer = not plain
    section = word.sections[0]
    _footer(section.footer, "center" if plain else "right", right=0 if plain else 0.9)
    if not plain:
        _footer(section.even_page_footer, "left", left=0.9)


def _footer(footer: Any, align: str, *, left: float = 0, right: float = 0) -> None:
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    form = Format(PLAIN, 14, align, left=left, exact=280)
    _set_paragraph(paragraph, form, right=right)
    _runs(paragraph, "— ", form)
    field = _element("w:fldSimple", {"w:instr": "PAGE"})
    paragraph._p.append(field)
    run = paragraph.add_run("1")
    _set_run(run, form, None)
    field.append(run._r)
    _runs(paragraph, " —", form)


def _set_paragraph(paragraph: Any, form: Format, *, right: float = 0) -> None:
    properties = paragraph._p.get_or_add_pPr()
    for child in list(properties):
        properties.remove(child)
    if form.keep_next:
        properties.append(_element("w:keepNext"))
    if form.new_page:
        properties.append(_element("w:pageBreakBefore"))
    properties.append(_element("w:widowControl", {"w:val": "0"}))
    properties.append(_element("w:snapToGrid", {"w:val": "0"}))
    spacing = {"w:before": str(round(form.before * LINE)), "w:after": str(round(form.after * LINE))}
    if form.exact is not None:
        spacing |= {"w:line": str(form.exact), "w:lineRule": "exact"}
    properties.append(_element("w:spacing", spacing))
    indent = {"w:left": round(form.left * CHARACTER), "w:right": round(right * CHARACTER)}
    if form.first > 0:
        indent["w:firstLine"] = round(form.first * CHARACTER)
    elif form.first < 0:
        indent["w:hanging"] = round(-form.first * CHARACTER)
    properties.append(_element("w:ind", {name: str(value) for name, value in indent.items()}))
    properties.append(_element("w:jc", {"w:val": form.align}))


def _runs(paragraph: Any, text: str, form: Format, *, size: float | None = None) -> None:
    for index, piece in enumerate(text.split("\n")):
        run = paragraph.add_run()
        if index:
            run.add_break()
        run.add_text(piece)
        _set_run(run, form, size)


def _set_run(run: Any, form: Format, size: float | None) -> None:
    from docx.shared import Pt, RGBColor

    run.font.name = form.font
    run.font.size = Pt(size or form.size)
    run._r.rPr.rFonts.set(_tag("w:eastAsia"), form.font)
    run._r.rPr.rFonts.set(_tag("w:hint"), "eastAsia")
    if form.colour:
        run.font.color.rgb = RGBColor.from_string(form.colour)
    if form.exact == LINE and form.size == 16:
        run._r.rPr.append(_element("w:spacing", {"w:val": str(_TIGHTER)}))


def _border(paragraph: Any, side: str, eighths: int, colour: str, *, space: int) -> None:
    borders = _element("w:pBdr")
    edge = {"w:val": "single", "w:sz": str(eighths), "w:space": str(space), "w:color": colour}
    borders.append(_element(f"w:{side}", edge))
    properties = paragraph._p.pPr
    properties.insert(list(properties).index(properties.find(_tag("w:snapToGrid"))), borders)


def _element(name: str, attributes: dict[str, str] | None = None) -> Any:
    from docx.oxml import OxmlElement

    element = OxmlElement(name)
    for key, value in (attributes or {}).items():
        element.set(_tag(key), value)
    return element


def _tag(name: str) -> str:
    from docx.oxml.ns import qn

    return str(qn(name))


def _twips(millimetres: float) -> int:
    return round(millimetres / 25.4 * 1440)
