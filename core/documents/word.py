"""The same documents as .docx, naming the fonts that GB/T 9704 prescribes: the bureau's Word has them."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from core.documents.letter import Document, Line, Style, Table

FANG, SONG, KAI, HEI, PLAIN = "仿宋_GB2312", "方正小标宋简体", "楷体_GB2312", "黑体", "宋体"
# 225/22 mm is 579.8 twips. Word knows whole twips only, and 22 × 580 would no longer fit the page: 21 lines.
LINE = 579
# 156/28 mm a character instead of 16 pt (320 twips); with 316 the 28th would no longer fit.
CHARACTER = 315
_TIGHTER = CHARACTER - 320
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
_COPIES = Format(size=14, align="left", left=3.6, first=-2.7, exact=488)
_PRINTED = Format(size=14, align="left", left=0.9, exact=488)
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
        borders = _element("w:pBdr")
        borders.append(_edge("bottom", 12, _RED, space=11))  # 11 pt are 4 mm
        _put(paragraph, "w:pBdr", borders)
    _runs(paragraph, line.text, form, size=line.size)


def _table(word: Any, table: Table, *, landscape: bool) -> None:
    rows = [table.text_rows, [table.total_row]] if table.total_row else [table.text_rows]
    body = [row for group in rows for row in group]
    grid = word.add_table(rows=len(body) + 1, cols=len(table.columns))
    grid.style = "Table Grid"
    grid.autofit = False
    _centre_table(grid)
    # Through the elements: python-docx finds each cell by walking the whole grid.
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
            _cell(word.part, cell, text, Format(HEI if strong else FANG, 12, _CELL_ALIGN[kind], exact=340), wide)


def _centre_table(grid: Any) -> None:
    """Centred, since Word's versions disagree whether a table's indent means its border or its text."""
    from docx.enum.table import WD_TABLE_ALIGNMENT

    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    margins = _element("w:tblCellMar")
    for side in ("left", "right"):
        margins.append(_element(f"w:{side}", {"w:w": str(_twips(1.2)), "w:type": "dxa"}))
    look = grid._tbl.tblPr.find(_tag("w:tblLook"))
    look.addprevious(margins)


def _cell(part: Any, cell: Any, text: str, form: Format, width: int) -> None:
    from docx.text.paragraph import Paragraph

    properties = cell.get_or_add_tcPr()
    for old in properties.findall(_tag("w:tcW")):
        properties.remove(old)
    properties.insert(0, _element("w:tcW", {"w:w": str(width), "w:type": "dxa"}))
    properties.append(_element("w:vAlign", {"w:val": "center"}))
    paragraph = Paragraph(cell.p_lst[0], part)
    _set_paragraph(paragraph, form)
    _runs(paragraph, text, form)


def _imprint(word: Any, lines: list[Line]) -> None:
    """版记 in a frame at the foot of the text area (GB/T 9704 §7.4): printer and date share a line, parted by a tab.

    Outer lines are 0.35 mm, the inner one 0.25 mm. LibreOffice 7 does not know inner lines in a frame and leaves the
    版记 in the text; Word and WPS place it.
    """
    copies = [line for line in lines if line.style is Style.COPIES]
    printed = [line for line in lines if line.style is not Style.COPIES]
    rows = [line.text for line in copies] + (["\t".join(line.text for line in printed)] if printed else [])
    for index, text in enumerate(rows):
        is_copies = index < len(copies)
        form = _COPIES if is_copies else _PRINTED
        paragraph = word.add_paragraph()
        _set_paragraph(paragraph, form, right=0.9)
        place = {"w:w": str(_twips(156)), "w:wrap": "around", "w:vAnchor": "margin", "w:hAnchor": "margin"}
        _put(paragraph, "w:framePr", _element("w:framePr", place | {"w:xAlign": "left", "w:yAlign": "bottom"}))
        borders = _element("w:pBdr")
        for side, eighths in (("top", 8), ("bottom", 8), ("between", 6)):
            borders.append(_edge(side, eighths))
        _put(paragraph, "w:pBdr", borders)
        if not is_copies:
            tabs = _element("w:tabs")
            tabs.append(_element("w:tab", {"w:val": "right", "w:pos": str(_twips(156) - round(0.9 * CHARACTER))}))
            _put(paragraph, "w:tabs", tabs)
        _runs(paragraph, text, form)
    # A frame is anchored to the paragraph after it.
    _set_paragraph(word.add_paragraph(), Format(size=1, exact=20))


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
    """— 1 — at the outer edge of odd and even pages, one character in; lists have 第 1 页  共 2 页 in the middle."""
    word.settings.odd_and_even_pages_header_footer = not plain
    section = word.sections[0]
    if plain:
        _footer(
            section.footer, Format(PLAIN, 10.5, "center", exact=280), ("第 ", "PAGE", " 页  共 ", "NUMPAGES", " 页")
        )
        return
    for footer, align in ((section.footer, "right"), (section.even_page_footer, "left")):
        _footer(footer, Format(PLAIN, 14, align, left=0.9, exact=280), ("— ", "PAGE", " —"))


def _footer(footer: Any, form: Format, pieces: tuple[str, ...]) -> None:
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    _set_paragraph(paragraph, form, right=form.left)
    for piece in pieces:
        if not piece.isupper():
            _runs(paragraph, piece, form)
            continue
        run = paragraph.add_run("1")
        _set_run(run, form, None)
        field = _element("w:fldSimple", {"w:instr": piece})
        paragraph._p.append(field)
        field.append(run._r)


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
        for number, text_piece in enumerate(piece.split("\t")):
            if number:
                run.add_tab()
            run.add_text(text_piece)
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
        # The pitch is set here, not by the grid, which counts for this run no more: twice would be too tight.
        run._r.rPr.rFonts.addnext(_element("w:snapToGrid", {"w:val": "0"}))
        run._r.rPr.find(_tag("w:sz")).addprevious(_element("w:spacing", {"w:val": str(_TIGHTER)}))


def _edge(side: str, eighths: int, colour: str = "000000", space: int = 0) -> Any:
    """A border line; `eighths` of a point thick, `space` points from the text."""
    width = {"w:val": "single", "w:sz": str(eighths), "w:space": str(space), "w:color": colour}
    return _element(f"w:{side}", width)


# The schema orders a paragraph's properties; Word calls a file broken that has them otherwise.
_ORDER = ("w:keepNext", "w:pageBreakBefore", "w:framePr", "w:widowControl", "w:pBdr", "w:tabs", "w:snapToGrid")


def _put(paragraph: Any, name: str, element: Any) -> None:
    properties = paragraph._p.pPr
    later = {_tag(other) for other in (*_ORDER[_ORDER.index(name) + 1 :], "w:spacing", "w:ind", "w:jc")}
    place = next(index for index, child in enumerate(properties) if child.tag in later)
    properties.insert(place, element)


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
