"""List pages: columns declared once serve the page, its sorting, its totals and the export of all filtered rows.

A list declares a django-tables2 `Table` (with the columns below), a django-filter `FilterSet` and a `ListPage`:

    class ProjectTable(tables.Table):
        name = LinkColumn("项目名称", route="project", keys={"pk": "pk"})
        adjusted = MoneyColumn("全年预算", accessor="totals__adjusted")

    class ProjectList(ListPage):
        title, table, filterset = "项目与预算", ProjectTable, ProjectFilter
        aggregates = {"adjusted": Sum("totals__adjusted")}

        def get_queryset(self): return ProjectYear.objects.visible_to(self.request.user)
        def with_columns(self, rows): return rows.select_related("unit")

Queries of a page, whatever the number of rows: one for count and totals, one for the fifty keys, one for their rows,
and those of the filter bar's choices. Rows are drawn by closures compiled from the columns (a tables2 row costs twice).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from operator import attrgetter
from typing import Any, ClassVar

import django_filters
import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Aggregate, Count, F, Model, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.safestring import SafeString, mark_safe
from django.views import View

from core.enums import SecurityEventKind
from core.services import Refused, record_security_event
from core.templatetags.house import (
    NOTHING,
    bar_html,
    day_text,
    moment_text,
    rate_text,
    tag_html,
    tone_of,
    wan_text,
    yuan_text,
)

Cell = Callable[[Any], str]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A key that no row has: what stands in an address until a row's own key takes its place.
PLACEHOLDER = 987_654_321


# ---------- columns ----------


class Column(tables.Column):
    """Plain text. `kind` and `unit` are those of the export's column, `css` the class of its cells.

    `nullable` sorts unknown values last in both directions (an index on the column cannot serve that).
    `below` names another column: on the page the value stands small under that one's, in the export it is a column of
    its own. So a list of seventeen columns fits a screen of 1366.
    """

    kind = "text"
    unit: str | None = None
    css = "text"

    def __init__(
        self,
        label: str,
        *,
        accessor: str | None = None,
        order_by: str | Sequence[str] | None = None,
        nullable: bool = False,
        css: str = "",
        width: int | None = None,
        exported: bool = True,
        below: str = "",
        **options: Any,
    ) -> None:
        super().__init__(verbose_name=label, accessor=accessor, order_by=order_by, **options)
        self.nullable = nullable
        self.below = below
        self.width = width
        self.exported = exported
        if css:
            self.css = f"{self.css} {css}"

    def text(self, value: Any) -> str:
        """The value as people read it, not yet escaped."""
        return NOTHING if value is None or value == "" else str(value)

    def inner(self, value: Any, row: Any) -> str:
        """HTML inside the cell."""
        return escape(self.text(value))

    def cell(self, name: str, page: ListPage) -> Cell:
        """The function that draws this column's cell of a row."""
        get, inner = self.getter(name), self.inner
        opening = f'<td class="{self.css}">'

        def draw(row: Any) -> str:
            return f"{opening}{inner(get(row), row)}</td>"

        return draw

    def cell_with(self, name: str, page: ListPage, below: dict[str, Column]) -> Cell:
        """The same with the values of `below` small under it."""
        draw = self.cell(name, page)
        if not below:
            return draw
        small = [(column.getter(key), column.inner) for key, column in below.items()]

        def draw_all(row: Any) -> str:
            values = ((get(row), inner) for get, inner in small)
            # By identity: a sum of 0 is a figure to show, a mark that is not set is nothing.
            shown = [
                inner(value, row) for value, inner in values if not (value is None or value is False or value == "")
            ]
            return f'{draw(row).removesuffix("</td>")}<span class="sub">{" · ".join(shown)}</span></td>'

        return draw_all

    def getter(self, name: str) -> Callable[[Any], Any]:
        path = str(self.accessor or name).replace("__", ".")
        plain = attrgetter(path)
        if "." not in path:
            return plain

        def through(row: Any) -> Any:
            try:
                return plain(row)
            except AttributeError:  # an empty foreign key on the way
                return None

        return through

    def total(self, value: Any) -> str:
        return self.inner(value, None)

    def exported_value(self, value: Any, row: Any) -> Any:
        return value


class CodeColumn(Column):
    """Codes and numbers of documents: text, never wrapped."""

    kind = "code"
    css = "num"


class LinkColumn(Column):
    """Text that opens the row: `route` with `keys` (URL keyword → accessor), and the work year if it takes one."""

    css = "name"

    def __init__(self, label: str, *, route: str, keys: dict[str, str], **options: Any) -> None:
        super().__init__(label, **options)
        self.route = route
        self.keys = keys

    def cell(self, name: str, page: ListPage) -> Cell:
        get, text = self.getter(name), self.text
        pattern, getters = address_pattern(self.route, self.keys, page.kwargs.get("year"))
        opening = f'<td class="{self.css}"><a href="'

        def draw(row: Any) -> str:
            url = pattern
            for sign, key in getters:
                url = url.replace(sign, escape(str(key(row))))
            return f'{opening}{url}">{escape(text(get(row)))}</a></td>'

        return draw


def address_pattern(
    route: str, keys: dict[str, str], year: int | None
) -> tuple[str, list[tuple[str, Callable[[Any], Any]]]]:
    """The address with a placeholder for each key: resolving it once a page, not once a row, saves a millisecond."""
    signs = {keyword: PLACEHOLDER + index for index, keyword in enumerate(keys)}
    attempts: list[dict[str, Any]] = [{**signs, "year": year}] if year and "year" not in signs else []
    for attempt in [*attempts, dict(signs)]:
        try:
            url = reverse(route, kwargs=attempt)
        except NoReverseMatch:
            continue
        return url, [(str(signs[key]), attrgetter(path.replace("__", "."))) for key, path in keys.items()]
    raise NoReverseMatch(f"no route {route} with {sorted(keys)}")


class NumberColumn(Column):
    """A whole number."""

    kind = "integer"
    css = "right"

    def text(self, value: Any) -> str:
        return NOTHING if value is None else f"{value:,}"


class MoneyColumn(Column):
    """Yuan in the row; 万元 on the page with the yuan on hover; 元 in the export."""

    kind = "money"
    unit = "元"
    css = "right"

    def inner(self, value: Any, row: Any) -> str:
        if value is None:
            return NOTHING
        return f'<span class="money" title="{yuan_text(value)} 元">{wan_text(value)}</span>'


class RateColumn(Column):
    """A fraction shown as percent; None (no divisor) is a dash, never 0."""

    kind = "rate"
    css = "right"

    def __init__(self, label: str, *, nullable: bool = True, **options: Any) -> None:
        super().__init__(label, nullable=nullable, **options)

    def text(self, value: Any) -> str:
        return rate_text(value)


class BarColumn(RateColumn):
    """A fraction as a thin bar."""

    css = ""

    def inner(self, value: Any, row: Any) -> str:
        return bar_html(value)


class DateColumn(Column):
    kind = "date"
    css = "date"

    def text(self, value: Any) -> str:
        return day_text(value)


class MomentColumn(Column):
    """A point in time, to the minute."""

    css = "date"

    def text(self, value: Any) -> str:
        return moment_text(value)

    def exported_value(self, value: Any, row: Any) -> Any:
        return moment_text(value) if value else None


class StateColumn(Column):
    """A coloured tag: `choices` is the enum; `tones` overrides the house's colours by code."""

    css = ""

    def __init__(self, label: str, *, choices: Any, tones: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(label, **options)
        self.labels = {str(value): str(text) for value, text in choices.choices}
        given = tones or {}
        self.tags = {code: tag_html(text, given.get(code) or tone_of(code)) for code, text in self.labels.items()}

    def text(self, value: Any) -> str:
        return self.labels.get(str(value), NOTHING)

    def inner(self, value: Any, row: Any) -> str:
        return self.tags.get(str(value), NOTHING)

    def exported_value(self, value: Any, row: Any) -> Any:
        return self.labels.get(str(value))


class ChoiceColumn(StateColumn):
    """The label of a choice, as plain text."""

    def inner(self, value: Any, row: Any) -> str:
        return escape(self.text(value))


class MarkColumn(Column):
    """True shows a tag with `mark`, false nothing."""

    css = ""

    def __init__(self, label: str, *, mark: str, tone: str = "blue", **options: Any) -> None:
        super().__init__(label, **options)
        self.mark = mark
        self.tag = tag_html(mark, tone)

    def inner(self, value: Any, row: Any) -> str:
        return self.tag if value else ""

    def exported_value(self, value: Any, row: Any) -> Any:
        return self.mark if value else None


# ---------- the page ----------


@dataclass(frozen=True)
class BulkAction:
    """An action on the ticked rows; `confirm` names what will happen, `{n}` is the number of rows."""

    action: str
    label: str
    confirm: str
    icon: str = "checks"
    kind: str = "outline"
    comment: bool = False


@dataclass(frozen=True)
class Empty:
    """What a list without any row says, and the route of what to do next."""

    title: str = "还没有内容"
    hint: str = ""
    route: str = ""
    label: str = ""


class _CountedPaginator(Paginator):
    """The count is known from the aggregate query."""

    def __init__(self, count: int, per_page: int) -> None:
        super().__init__([], per_page)
        self.known = count

    @property
    def count(self) -> int:  # type: ignore[override]
        return self.known


class ListPage(View):
    """GET: the page, or its results alone for htmx. POST with `export=xlsx`: all filtered rows as a workbook, with a
    line in the security log (a GET never writes). POST with `action` and `ids`: `bulk`.
    """

    title = ""
    table: type[tables.Table]
    filterset: type[django_filters.FilterSet] | None = None
    aggregates: ClassVar[dict[str, Aggregate | Any]] = {}
    default_sort: ClassVar[Sequence[str]] = ()
    per_page = 50
    template_name = "list.html"
    results_template = "components/list_results.html"
    empty = Empty()
    bulk_actions: ClassVar[Sequence[BulkAction]] = ()
    ticked: frozenset[int] = frozenset()
    unit = "条"

    # ----- what a list may override -----

    def get_queryset(self) -> QuerySet[Any]:
        """Rows the user may see (`visible_to`), as plain as the filters and most orders allow."""
        raise NotImplementedError

    def with_columns(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows` with what the columns read: `select_related`, annotations.

        Only the fifty rows of the page, an export, totals and an order by an annotation pay for these: annotating
        100,000 rows to show fifty makes a list five times slower.
        """
        return rows

    def ordered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """In the order asked for; with the columns' annotations only where the order needs one."""
        terms = self.order()
        names = {_first_name(term) for term in terms}
        known = {field.name for field in rows.model._meta.get_fields()} | set(rows.query.annotations) | {"pk"}
        return (rows if names <= known else self.with_columns(rows)).order_by(*terms)

    def aggregate(self, rows: QuerySet[Any]) -> dict[str, Any]:
        """One query: "rows" and `aggregates`. Override where a join would count a row twice."""
        rows = self.with_columns(rows) if self.aggregates else rows
        # Under names of their own: an aggregate called like an annotation hides it from the query.
        named = {f"total_{name}": aggregate for name, aggregate in self.aggregates.items()}
        found = rows.aggregate(total_rows=Count("*"), **named)
        return {name.removeprefix("total_"): value for name, value in found.items()}

    def totals(self, sums: dict[str, Any]) -> dict[str, Any]:
        """Totals by column name; `sums` holds the aggregates. Override to add rates of sums."""
        return sums

    def fiscal_year(self) -> int | None:
        """预算年度 printed in the title."""
        year: int | None = self.kwargs.get("year")
        return year

    def extra_context(self) -> dict[str, Any]:
        return {}

    def get_bulk_actions(self) -> Sequence[BulkAction]:
        """Those that the present user may take."""
        return self.bulk_actions

    def bulk(self, action: str, rows: QuerySet[Any]) -> str:
        """Do `action` on the ticked rows (already narrowed to those visible); returns the message to show.

        Raise `Refused` where nothing was done: the page comes back with what was ticked.
        """
        raise NotImplementedError

    # ----- filter, sort, totals -----

    @cached_property
    def filters(self) -> django_filters.FilterSet | None:
        if self.filterset is None:
            return None
        return self.filterset(self.request.GET or None, queryset=self.get_queryset(), request=self.request)

    @cached_property
    def filtered(self) -> QuerySet[Any]:
        if self.filters is None:
            return self.get_queryset()
        if self.filters.is_bound and not self.filters.is_valid():
            return self.get_queryset().none()
        rows: QuerySet[Any] = self.filters.qs
        return rows

    @cached_property
    def is_filtered(self) -> bool:
        names = self.filters.form.fields if self.filters is not None else ()
        data = self.request.GET
        return any(data.get(key) for key in data if key in names or key.rsplit("_", 1)[0] in names)

    @cached_property
    def columns(self) -> dict[str, Column]:
        return dict(self.table.base_columns)

    @cached_property
    def shown(self) -> dict[str, Column]:
        """The columns of the page."""
        return {name: column for name, column in self.columns.items() if not column.below}

    def under(self, name: str) -> dict[str, Column]:
        """The columns that stand small under `name`."""
        return {key: column for key, column in self.columns.items() if column.below == name}

    @cached_property
    def sort(self) -> str:
        """The column sorted by, with a leading minus for descending; "" for the default order."""
        asked = self.request.GET.get("sort", "")
        column = self.columns.get(asked.lstrip("-"))
        return asked if column is not None and column.orderable is not False else ""

    def order(self) -> list[Any]:
        if not self.sort:
            return [*self.default_sort, "pk"]
        name, descending = self.sort.lstrip("-"), self.sort.startswith("-")
        column = self.columns[name]
        fields = column.order_by or (column.accessor or name,)
        terms: list[Any] = []
        for field in fields:
            plain = str(field).replace(".", "__")
            downwards = plain.startswith("-") != descending
            term = F(plain.lstrip("-"))
            nulls = {"nulls_last": True} if column.nullable else {}
            terms.append(term.desc(**nulls) if downwards else term.asc(**nulls))
        return [*terms, "pk"]

    @cached_property
    def sums(self) -> dict[str, Any]:
        """Count of the whole filter under "rows", and the aggregates."""
        return self.aggregate(self.filtered.order_by())

    def page_of_rows(self) -> tuple[Page, list[Model]]:
        """The page and its rows. Keys first, without what the columns read: sorting 100,000 narrow rows is cheap."""
        page = _CountedPaginator(self.sums["rows"], self.per_page).get_page(self.request.GET.get("page"))
        if not self.sums["rows"]:
            return page, []
        start = (page.number - 1) * self.per_page
        narrow = self.ordered(self.filtered).select_related(None).prefetch_related(None)
        keys = list(narrow.values_list("pk", flat=True)[start : start + self.per_page])
        found = {row.pk: row for row in self.with_columns(self.get_queryset().order_by().filter(pk__in=keys))}
        return page, [found[key] for key in keys if key in found]

    # ----- drawing -----

    def draw_rows(self, rows: Iterable[Model]) -> SafeString:
        cells = [column.cell_with(name, self, self.under(name)) for name, column in self.shown.items()]
        tick = bool(self.get_bulk_actions())
        drawn = []
        for row in rows:
            box = _tick(row, row.pk in self.ticked) if tick else ""
            drawn.append(f"<tr>{box}{''.join([cell(row) for cell in cells])}</tr>")
        return mark_safe("\n".join(drawn))  # noqa: S308 - every cell escapes its text

    def headings(self) -> list[dict[str, Any]]:
        """A heading a column; each holds its own label and those of the columns under it, all to sort by."""
        headings = []
        for name, column in self.shown.items():
            labels = [self._label(key, one) for key, one in {name: column, **self.under(name)}.items()]
            headings.append(
                {
                    "labels": labels,
                    "right": "right" in column.css,
                    "sorted": next((label["sorted"] for label in labels if label["sorted"]), ""),
                }
            )
        return headings

    def _label(self, name: str, column: Column) -> dict[str, Any]:
        current, descending = self.sort.lstrip("-") == name, self.sort.startswith("-")
        return {
            "text": column.verbose_name,
            "sortable": column.orderable is not False,
            "next": f"-{name}" if current and not descending else name,
            "sorted": ("descending" if descending else "ascending") if current else "",
        }

    def totals_row(self) -> SafeString:
        """Cells of the totals row over the whole filter, not the page; empty without aggregates."""
        if not self.aggregates:
            return SafeString("")
        totals = self.totals({key: value for key, value in self.sums.items() if key != "rows"})
        names = list(self.shown)
        first = next((index for index, name in enumerate(names) if name in totals), len(names))
        span = first + (1 if self.get_bulk_actions() else 0)
        cells = [f'<th scope="row" colspan="{span}">合计（{self.sums["rows"]:,} {self.unit}）</th>'] if span else []
        for name in names[first:]:
            column = self.shown[name]
            small = [one.total(totals[key]) for key, one in self.under(name).items() if key in totals]
            sub = f'<span class="sub">{" · ".join(small)}</span>' if small else ""
            cells.append(f'<td class="{column.css}">{column.total(totals[name]) if name in totals else ""}{sub}</td>')
        return mark_safe("".join(cells))  # noqa: S308 - every cell escapes its text

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        page, rows = self.page_of_rows()
        partial = bool(request.headers.get("HX-Request")) and request.headers.get("HX-Target") == "results"
        context = {
            "list": self,
            "page": page,
            "rows": self.draw_rows(rows),
            "total": self.sums["rows"],
            "title": self.title,
            "fiscal_year": self.fiscal_year(),
            "headings": self.headings(),
            "totals_row": self.totals_row(),
            "has_money": any(isinstance(column, MoneyColumn) for column in self.columns.values()),
            "bulk_actions": self.get_bulk_actions(),
            "empty": self.empty,
            "empty_url": self._empty_url(),
            **self.extra_context(),
        }
        response = render(request, self.results_template if partial else self.template_name, context)
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        response["Cache-Control"] = "private, no-store"
        return response

    def _empty_url(self) -> str:
        if not self.empty.route:
            return ""
        for kwargs in ({"year": self.kwargs.get("year")}, {}):
            try:
                return reverse(self.empty.route, kwargs=kwargs)
            except NoReverseMatch:
                continue
        return ""

    # ----- writing -----

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.GET.get("export") == "xlsx" or request.POST.get("export") == "xlsx":
            return self.export()
        action = request.POST.get("action", "")
        if action not in {one.action for one in self.get_bulk_actions()}:
            return HttpResponseNotAllowed(["GET"])
        from django.contrib import messages

        ids = [int(value) for value in request.POST.getlist("ids") if value.isascii() and value.isdigit()]
        if not ids:
            messages.warning(request, "没有勾选任何一行，未办理。")
            return redirect(request.get_full_path())
        try:
            messages.success(request, self.bulk(action, self.get_queryset().filter(pk__in=ids)))
        except Refused as refused:
            messages.error(request, f"未办理：{refused.reason}")
            self.ticked = frozenset(ids)
            response = self.get(request, *args, **kwargs)
            response.status_code = 422
            return response
        return redirect(request.get_full_path())

    def export(self) -> HttpResponse | FileResponse:
        """Every filtered row in the page's order, money in yuan."""
        from core import workbooks

        shown = {name: column for name, column in self.columns.items() if column.exported}
        columns = [
            workbooks.Column(
                name, str(column.verbose_name), kind=column.kind, unit=column.unit, width=column.width or None
            )
            for name, column in shown.items()
        ]
        target = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
        totals = self.totals({key: value for key, value in self.sums.items() if key != "rows"})
        workbooks.write_table(
            columns, self._export_rows(shown), target, sheet=self.title, totals=totals if self.aggregates else None
        )
        target.seek(0)
        year = self.fiscal_year()
        name = f"{self.title}（{year}年度）.xlsx" if year else f"{self.title}.xlsx"
        record_security_event(
            SecurityEventKind.EXPORT, user=self.request.user, what=f"{name} {self.sums['rows']} {self.unit}"
        )
        return FileResponse(target, as_attachment=True, filename=name, content_type=XLSX)

    def _export_rows(self, columns: dict[str, Column]) -> Iterator[list[Any]]:
        getters = [(column.getter(name), column.exported_value) for name, column in columns.items()]
        # A server-side cursor must stay within one transaction when PgBouncer stands between.
        with transaction.atomic():
            for row in self.with_columns(self.ordered(self.filtered)).iterator(chunk_size=2000):
                yield [value(get(row), row) for get, value in getters]


def _first_name(term: Any) -> str:
    """The field or annotation that an order term begins with."""
    name = term if isinstance(term, str) else term.expression.name
    return str(name).lstrip("-").split("__")[0]


def _tick(row: Model, checked: bool) -> str:
    label = escape(f"勾选 {row}")
    return (
        f'<td class="tick"><input class="form-check-input" type="checkbox" name="ids" value="{row.pk}" '
        f'form="bulk-form" aria-label="{label}"{" checked" if checked else ""}></td>'
    )
