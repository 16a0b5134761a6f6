"""HTML to PDF by WeasyPrint, closed to the outside; one `Renderer` serves a whole batch."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from core.documents import fonts
from core.documents.errors import AddressRefused
from core.documents.letter import Document, Line, Style

if TYPE_CHECKING:
    from weasyprint.urls import URLFetcherResponse

# Never asked over a network: relative addresses need some base to be joined to.
BASE_ADDRESS = "https://documents.invalid/"
ATTACHED_ADDRESS = "attached/"
_STYLESHEETS = Path(__file__).parent / "css"
_local = threading.local()


def document_html(document: Document, *, imprint: str = "") -> str:
    """The HTML of a letter or list, by `templates/documents/base_<base>.html`; every value is escaped text."""
    context = {"document": document, "parts": list(document.parts()), "imprint": imprint}
    return render_to_string(f"documents/base_{document.base}.html", context)


def render_pdf(html: str, *, base: str | None = "letter", attached: Mapping[str, bytes] | None = None) -> bytes:
    """A single PDF; `base` names the stylesheet under the document's own (`letter`, `list`) or is None.

    `attached` are files by name, for addresses `attached/<name>`. Raises AddressRefused for any other address.
    """
    return renderer().pdf(html, base=base, attached=attached)


def document_pdf(document: Document) -> bytes:
    """A letter or list as PDF."""
    return renderer().document(document)


def renderer() -> "Renderer":
    """This thread's renderer with the fonts in use."""
    key = fonts.current_key()
    held: Renderer | None = getattr(_local, "renderer", None)
    if held is None or held.fonts.key != key:
        held = _local.renderer = Renderer()
    return held


class Renderer:
    """Keeps fonts and parsed stylesheets over many documents. For one thread at a time."""

    def __init__(self, font_set: fonts.FontSet | None = None) -> None:
        from weasyprint.text.fonts import FontConfiguration

        # Nine lines for every document, at INFO.
        logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
        self.fonts = font_set or fonts.prepared_fonts()
        self._configuration = FontConfiguration()
        self._sheets: dict[str, Any] = {}
        self._font_sheet = self._css(self.fonts.stylesheet)

    def pdf(self, html: str, *, base: str | None = "letter", attached: Mapping[str, bytes] | None = None) -> bytes:
        """See `render_pdf`."""
        return self._write(self._lay_out(html, base, attached))

    def document(self, document: Document) -> bytes:
        """See `document_pdf`. The 版记 is put at the foot of the last, even page (GB/T 9704-2012 §7.4.1)."""
        laid_out = self._lay_out(document_html(document), document.base, None)
        if len(laid_out.pages) % 2 and any(
            isinstance(part, Line) and part.style in (Style.COPIES, Style.PRINTED_BY) for part in document.parts()
        ):
            # Where the text itself ends on an even page a blank page comes between, and neither has a number.
            text_ends_here = "end-of-text" in laid_out.pages[-1].anchors
            html = document_html(document, imprint="apart" if text_ends_here else "apart unnumbered")
            laid_out = self._lay_out(html, document.base, None)
        return self._write(laid_out)

    def _lay_out(self, html: str, base: str | None, attached: Mapping[str, bytes] | None) -> Any:
        from weasyprint import HTML
        from weasyprint.urls import FatalURLFetchingError

        sheets = [self._font_sheet, *([self._sheet(base)] if base else [])]
        fetcher = _fetcher(self.fonts, attached or {})
        try:
            page = HTML(string=html, base_url=BASE_ADDRESS, url_fetcher=fetcher)
            return page.render(font_config=self._configuration, stylesheets=sheets)
        except FatalURLFetchingError as refusal:
            raise AddressRefused(fetcher.refused[0]) from refusal

    def _write(self, laid_out: Any) -> bytes:
        from weasyprint.urls import FatalURLFetchingError

        refused = laid_out.url_fetcher.refused
        try:
            written: bytes = laid_out.write_pdf()
        except FatalURLFetchingError as refusal:
            raise AddressRefused(refused[0]) from refusal
        if refused:  # an image inside an SVG: WeasyPrint swallows even fatal errors there
            raise AddressRefused(refused[0])
        return written

    def _sheet(self, base: str) -> Any:
        if base not in self._sheets:
            self._sheets[base] = self._css((_STYLESHEETS / f"{base}.css").read_text("utf-8"))
        return self._sheets[base]

    def _css(self, text: str) -> Any:
        from weasyprint import CSS

        return CSS(
            string=text,
            base_url=BASE_ADDRESS,
            url_fetcher=_fetcher(self.fonts, {}),
            font_config=self._configuration,
        )


def _fetcher(font_set: fonts.FontSet, attached: Mapping[str, bytes]) -> Any:
    """A fetcher that answers for prepared fonts, static files and `attached` only, and opens no connection.

    A refusal is fatal: by default WeasyPrint would only log it and leave a hole in the document.
    """
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class ClosedFetcher(URLFetcher):
        def __init__(self) -> None:
            super().__init__()
            self.refused: list[str] = []

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> "URLFetcherResponse":
            content = _content(url, font_set, attached)
            if content is None:
                self.refused.append(url.removeprefix(BASE_ADDRESS))
                raise FatalURLFetchingError(url)
            return URLFetcherResponse(url, content)

    return ClosedFetcher()


def _content(url: str, font_set: fonts.FontSet, attached: Mapping[str, bytes]) -> bytes | None:
    if not url.startswith(BASE_ADDRESS):
        return None
    path = unquote(urlsplit(url).path).lstrip("/")
    static = settings.STATIC_URL.lstrip("/")
    if path.startswith(fonts.FONT_ADDRESS):
        file = font_set.files.get(path.removeprefix(fonts.FONT_ADDRESS))
        return file.read_bytes() if file else None
    if path.startswith(ATTACHED_ADDRESS):
        return attached.get(path.removeprefix(ATTACHED_ADDRESS))
    if path.startswith(static) and ".." not in path.split("/"):
        found = finders.find(path.removeprefix(static))
        return Path(found).read_bytes() if found and Path(found).is_file() else None
    return None
