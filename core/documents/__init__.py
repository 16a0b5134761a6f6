"""Official documents: one model (`letter`), drawn as PDF (`pdf`, with prepared `fonts`) or as .docx (`word`)."""

from core.documents.errors import AddressRefused, DocumentError, FontsMissing
from core.documents.fonts import prepare_fonts
from core.documents.glyphs import MissingGlyph, missing_glyphs
from core.documents.letter import Annex, Column, Kind, Letter, ListSheet, Paragraph, Table, chinese_date, texts, wan
from core.documents.pdf import Renderer, document_html, document_pdf, render_pdf
from core.documents.word import document_docx

__all__ = [
    "AddressRefused",
    "Annex",
    "Column",
    "DocumentError",
    "FontsMissing",
    "Kind",
    "Letter",
    "ListSheet",
    "MissingGlyph",
    "Paragraph",
    "Renderer",
    "Table",
    "chinese_date",
    "document_docx",
    "document_html",
    "document_pdf",
    "missing_glyphs",
    "prepare_fonts",
    "render_pdf",
    "texts",
    "wan",
]
