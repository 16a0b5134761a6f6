"""The house's template language: figures, tags, icons and the block components. Loaded into every template.

Components with a body are block tags here; those without are includes under `templates/components/`, whose README
lists both. Nothing here queries the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django import template
from django.forms import BaseForm
from django.forms.boundfield import BoundField
from django.template.context import RequestContext
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from core.request import current

register = template.Library()

NOTHING = "—"
WAN = Decimal(10_000)
CENT = Decimal("0.01")

# Colours of a state by its code, for every workflow: grey = not begun, blue = under way, amber = somebody must act,
# green = settled, red = wrong or late.
TONES: dict[str, str] = {
    "draft": "grey",
    "queued": "grey",
    "open": "blue",
    "running": "blue",
    "submitted": "blue",
    "reviewed": "blue",
    "pending": "amber",
    "proposed": "amber",
    "returned": "amber",
    "objected": "amber",
    "below_minimum": "grey",
    "exempt": "green",
    "approved": "green",
    "published": "green",
    "executed": "green",
    "done": "green",
    "closed": "green",
    "dropped": "grey",
    "cancelled": "grey",
    "recoverable": "red",
    "overdue": "red",
    "failed": "red",
}


# ---------- figures ----------


def wan_text(amount: Any, places: int = 2) -> str:
    """Yuan as 万元 text with thousands separators, half up: Decimal("4123000") → "412.30"; None → "—"."""
    number = _decimal(amount)
    if number is None:
        return NOTHING
    return f"{(number / WAN).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,}"


def yuan_text(amount: Any) -> str:
    """Yuan as text with separators and two decimals; None → "—"."""
    number = _decimal(amount)
    return NOTHING if number is None else f"{number.quantize(CENT, ROUND_HALF_UP):,}"


def rate_text(fraction: Any, places: int = 2) -> str:
    """A fraction as percent: Decimal("0.9158") → "91.58%"; None (no divisor) → "—"."""
    number = _decimal(fraction)
    if number is None:
        return NOTHING
    return f"{(number * 100).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,}%"


def day_text(value: date | datetime | None) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        value = timezone.localtime(value) if timezone.is_aware(value) else value
    return value.strftime("%Y-%m-%d")


def moment_text(value: datetime | None) -> str:
    """ "10月9日 16:20", with the year where it is not this year."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    year = "" if local.year == timezone.localdate().year else f"{local.year}年"
    return f"{year}{local.month}月{local.day}日 {local:%H:%M}"


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None


@register.filter
def wan(amount: Any) -> SafeString:
    """Money in 万元, the exact yuan on hover."""
    if _decimal(amount) is None:
        return mark_safe(NOTHING)  # noqa: S308 - a constant
    return format_html('<span class="num money" title="{} 元">{}</span>', yuan_text(amount), wan_text(amount))


register.filter("wan_text", wan_text)
register.filter("yuan", yuan_text)
register.filter("rate", rate_text)
register.filter("day", day_text)
register.filter("moment", moment_text)


@register.filter
def count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


@register.filter
def size(number: int | None) -> str:
    """Bytes as people say them: 2.1 MB."""
    if number is None:
        return NOTHING
    if number < 1024:
        return f"{number} B"
    if number < 1024 * 1024:
        return f"{number / 1024:.0f} KB"
    return f"{number / 1024 / 1024:.1f} MB"


@register.filter
def duration(seconds: int | None) -> str:
    """ "约 2 分钟", for the time left of a job; empty where nothing can be said."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"约 {max(1, seconds)} 秒"
    if seconds < 3600:
        return f"约 {(seconds + 59) // 60} 分钟"
    return f"约 {seconds // 3600} 小时 {seconds % 3600 // 60} 分钟"


# ---------- icons and tags ----------


def icon_html(name: str, label: str = "") -> SafeString:
    """A symbol of the vendored sprite (`tools/icons.txt` lists the names); hidden from readers unless labelled."""
    sprite = static("vendor/tabler-icons/sprite.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, sprite, name
        )
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>', sprite, name)


register.simple_tag(icon_html, name="icon")


def tag_html(label: Any, tone: str = "grey") -> SafeString:
    """A small coloured label; `tone` is grey, blue, amber, green or red."""
    return format_html('<span class="tag tag-{}">{}</span>', tone, label)


register.simple_tag(tag_html, name="tag")


def tone_of(code: Any) -> str:
    return TONES.get(str(code), "grey")


@register.simple_tag
def state(subject: Any, field: str = "state") -> SafeString:
    """The status tag of anything with a `state` and its choices."""
    label = getattr(subject, f"get_{field}_display")()
    return tag_html(label, tone_of(getattr(subject, field)))


@register.simple_tag
def request_id() -> str:
    """The id of the request being served: works on error pages, which have no context."""
    return current().request_id or NOTHING


def bar_html(fraction: Any, label: str = "") -> SafeString:
    """A thin bar. An SVG, because the width of a styled box would need an inline style. None draws an empty bar."""
    number = _decimal(fraction)
    percent = 0 if number is None else int(max(Decimal(0), min(Decimal(1), number)) * 1000) / 10
    return format_html(
        '<span class="bar" role="img" aria-label="{}"><svg preserveAspectRatio="none" viewBox="0 0 100 4" '
        'aria-hidden="true"><rect width="{}" height="4"/></svg></span>',
        label or (rate_text(fraction, 1) if number is not None else "无数据"),
        percent,
    )


register.simple_tag(bar_html, name="bar")


# ---------- blocks ----------


@register.simple_block_tag
def page_header(content: str, title: Any, fiscal_year: int | None = None, state_of: Any = None, note: str = "") -> str:
    """The page's h1 with its 预算年度, the state of the form, and the actions in the body."""
    return format_html(
        '<div class="page-head"><h1>{}</h1>{}{}{}{}</div>',
        title,
        format_html('<span class="fiscal">{} 预算年度</span>', fiscal_year) if fiscal_year else "",
        state(state_of) if state_of is not None else "",
        format_html('<span class="muted small">{}</span>', note) if note else "",
        format_html('<div class="actions">{}</div>', content) if content.strip() else "",
    )


@register.simple_block_tag
def card(content: str, title: Any = "", note: str = "", flush: bool = False, badge: Any = None, css: str = "") -> str:
    """A white panel. `flush` lets a table or list touch the edges; actions go into a nested {% card_actions %}."""
    actions = ""
    if "<!--actions-->" in content:
        before, rest = content.split("<!--actions-->", 1)
        actions, after = rest.split("<!--/actions-->", 1)
        content = before + after
    head = ""
    if title or actions:
        head = format_html(
            '<div class="panel-head"><h2>{}</h2>{}{}{}</div>',
            title,
            tag_html(badge) if badge is not None else "",
            format_html('<span class="note">{}</span>', note) if note else "",
            format_html('<div class="actions">{}</div>', mark_safe(actions)) if actions else "",  # noqa: S308 - rendered by the template
        )
    body = mark_safe(content)  # noqa: S308 - rendered by the template engine, escaped there
    if not flush:
        body = format_html('<div class="panel-body">{}</div>', body)
    return format_html('<section class="panel {}">{}{}</section>', css, head, body)


@register.simple_block_tag
def card_actions(content: str) -> str:
    """Buttons for the head of the surrounding card."""
    return format_html("<!--actions-->{}<!--/actions-->", content)


# ---------- actions ----------


@register.simple_tag
def action(
    label: str, url: str = "", icon: str = "", kind: str = "outline", why: str = "", new_tab: bool = False
) -> str:
    """A link that looks like a button; with `why` it is greyed and says why. `kind`: primary, outline, danger."""
    picture = icon_html(icon) if icon else ""
    if why:
        return greyed(label, why, picture, kind)
    target = mark_safe(' target="_blank" rel="noopener"') if new_tab else ""
    return format_html('<a class="btn btn-{}" href="{}"{}>{}{}</a>', kind, url, target, picture, label)


@register.simple_tag(takes_context=True)
def move_button(
    context: RequestContext, answer: Any, url: str, icon: str = "", kind: str = "outline", confirm: str = ""
) -> str:
    """The button of one workflow move (`core.workflow.Answer`): a POST, greyed with its reason where refused.

    `confirm` names what will happen ("将提交 12 个项目，合计 1,234.56 万元"); a move that demands a comment
    always opens the dialog, with a text box, and sends it as `comment`. The form's version travels as `version`.
    """
    label = answer.move.label if answer.move else answer.reason
    picture = icon_html(icon) if icon else ""
    if not answer.allowed:
        return greyed(label, answer.reason, picture, kind)
    text = confirm
    if answer.warning:
        text = f"{confirm}\n{answer.warning}".strip()
    return _post_button(
        context,
        label,
        url,
        picture,
        kind,
        confirm=text or (f"确定{label}？" if answer.move.comment else ""),
        comment=answer.move.comment,
        fields={"action": answer.move.action},
    )


@register.simple_tag(takes_context=True)
def post_button(
    context: RequestContext,
    label: str,
    url: str,
    icon: str = "",
    kind: str = "outline",
    confirm: str = "",
    why: str = "",
    **fields: Any,
) -> str:
    """A button that POSTs; further keywords become hidden fields. `confirm` asks first and names what will happen."""
    picture = icon_html(icon) if icon else ""
    if why:
        return greyed(label, why, picture, kind)
    return _post_button(context, label, url, picture, kind, confirm=confirm, comment=False, fields=fields)


def _post_button(
    context: RequestContext,
    label: str,
    url: str,
    picture: str,
    kind: str,
    *,
    confirm: str,
    comment: bool,
    fields: dict[str, Any],
) -> SafeString:
    hidden = format_html_join("", '<input type="hidden" name="{}" value="{}">', fields.items())
    version = getattr(context.get("object"), "version", None)
    if version is not None and "version" not in fields:
        hidden += format_html('<input type="hidden" name="version" value="{}">', version)
    asks = format_html(' data-confirm="{}" data-confirm-title="{}"', confirm, label) if confirm else ""
    if comment:
        asks += mark_safe(" data-confirm-comment")
    return format_html(
        '<form method="post" action="{}"{}><input type="hidden" name="csrfmiddlewaretoken" value="{}">{}'
        '<button class="btn btn-{}">{}{}</button></form>',
        url,
        asks,
        context.get("csrf_token", ""),
        hidden,
        kind,
        picture,
        label,
    )


def greyed(label: str, why: str, picture: str = "", kind: str = "outline") -> SafeString:
    """A button that cannot be used; reached by keyboard, and it says why on hover and focus."""
    return format_html(
        '<span class="btn btn-{}" role="button" tabindex="0" aria-disabled="true" data-bs-toggle="tooltip" '
        'aria-description="{}" title="{}">{}{}</span>',
        kind,
        why,
        why,
        picture,
        label,
    )


# ---------- forms ----------


def control(field: BoundField, *, cell: bool = False) -> SafeString:
    """The widget with the house's class, its error and hint tied to it for screen readers."""
    widget = field.field.widget
    kind = getattr(widget, "input_type", "")
    css = {"checkbox": "form-check-input", "radio": "", "select": "form-select"}.get(kind, "form-control")
    described = [f"{field.auto_id}_error"] if field.errors else []
    described += [f"{field.auto_id}_hint"] if field.help_text else []
    attrs: dict[str, Any] = {
        "class": f"{widget.attrs.get('class', '')} {css}{' is-invalid' if field.errors else ''}".strip()
    }
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if field.errors:
        attrs["aria-invalid"] = "true"
    if cell and "aria-label" not in widget.attrs:
        attrs["aria-label"] = str(field.label)
    return field.as_widget(attrs=attrs)


@register.filter
def filter_control(bound: BoundField) -> SafeString:
    """The control of a filter bar; a choice not made says 全部."""
    widget = bound.field.widget
    choices: Any = getattr(widget, "choices", None)
    if choices is not None:
        widget.choices = [
            ("", "全部") if key == "" and set(str(text)) == {"-"} else (key, text) for key, text in choices
        ]  # type: ignore[attr-defined]
    css = "form-select" if getattr(widget, "input_type", "") == "select" else "form-control"
    return bound.as_widget(attrs={"class": f"{widget.attrs.get('class', '')} {css}".strip()})


@register.filter
def upload_control(bound: BoundField, accept: str = "") -> SafeString:
    """The file input of `components/upload.html`."""
    attrs: dict[str, Any] = {"class": "form-control", "aria-describedby": f"{bound.auto_id}_hint {bound.auto_id}_error"}
    if accept:
        attrs["accept"] = accept
    return bound.as_widget(attrs=attrs)


def after_control(field: BoundField, hint: str = "") -> SafeString:
    errors = format_html_join(" ", "{}", ((error,) for error in field.errors))
    text = hint or field.help_text
    return format_html(
        "{}{}",
        format_html('<span class="field-error" id="{}_error">{}</span>', field.auto_id, errors) if field.errors else "",
        format_html('<span class="hint" id="{}_hint">{}</span>', field.auto_id, text) if text else "",
    )


@register.simple_tag
def field(bound: BoundField, hint: str = "") -> SafeString:
    """One labelled field of an ordinary form: label, control, error, hint."""
    if getattr(bound.field.widget, "input_type", "") == "checkbox":
        return format_html(
            '<div class="field"><label class="form-check">{}<span class="form-check-label">{}</span></label>{}</div>',
            control(bound),
            bound.label,
            after_control(bound, hint),
        )
    return format_html(
        '<div class="field"><label class="form-label{}" for="{}">{}</label>{}{}</div>',
        " required" if bound.field.required else "",
        bound.id_for_label,
        bound.label,
        control(bound),
        after_control(bound, hint),
    )


@register.simple_tag
def cell(bound: BoundField, colspan: int = 1, rowspan: int = 1, hint: str = "", label: bool = False) -> SafeString:
    """A table cell that holds a field of a 表格式 form; its label is read out, and shown where `label` is true."""
    spans = format_html_join(
        "", ' {}="{}"', ((name, span) for name, span in (("colspan", colspan), ("rowspan", rowspan)) if span > 1)
    )
    shown = (
        format_html('<label class="cell-label" for="{}">{}</label>', bound.id_for_label, bound.label) if label else ""
    )
    return format_html(
        "<td{}{}>{}{}{}</td>",
        mark_safe(' class="wrong"') if bound.errors else "",
        spans,
        shown,
        control(bound, cell=not label),
        after_control(bound, hint),
    )


@register.simple_tag(takes_context=True)
def draft(context: RequestContext, opened: Any, page: str = "") -> SafeString:
    """Attributes of a <form> that keeps what is typed (`core.services.drafts.OpenForm`); the page links js/draft.js.

    `page` is the address to load again where the form's own answer is shown (a refusal), so that a reload is a GET.
    """
    if opened is None:
        return SafeString("")
    kept = opened.saved_at
    today = kept and timezone.localdate(kept) == timezone.localdate()
    return format_html(
        'data-draft="{}" data-draft-version="{}" data-draft-user="{}" data-draft-url="{}" data-draft-page="{}" '
        'data-draft-saved="{}" data-draft-time="{}"{}',
        opened.form,
        opened.version,
        context["request"].user.pk,
        reverse("draft_autosave", kwargs={"form": opened.form}),
        page,
        kept.isoformat() if kept else "",
        (f"{timezone.localtime(kept):%H:%M}" if today else moment_text(kept)) if kept else "",
        mark_safe(" data-draft-stale") if opened.is_stale else "",
    )


@register.inclusion_tag("components/error_summary.html")
def error_summary(*forms: Any) -> dict[str, Any]:
    """Every error of the given forms and formsets, each with a link to its field."""
    found: list[tuple[str, str, str]] = []
    for form in forms:
        for one in _forms_in(form):
            found += [("", "", str(error)) for error in one.non_field_errors()]
            found += [
                (one[name].id_for_label, str(one[name].label), str(error))
                for name, errors in one.errors.items()
                if name != "__all__"
                for error in errors
            ]
        if hasattr(form, "non_form_errors"):
            found += [("", "", str(error)) for error in form.non_form_errors()]
    return {"errors": found}


def _forms_in(form: Any) -> Iterable[BaseForm]:
    if not form:
        return []
    if hasattr(form, "non_form_errors"):
        return form.forms if form.is_bound else []
    return [form] if form.is_bound else []


# ---------- charts, empty states ----------


@register.inclusion_tag("components/chart.html")
def chart(
    id: str,
    title: str,
    options: dict[str, Any],
    columns: list[str],
    rows: list[list[Any]],
    note: str = "",
    css: str = "",
) -> dict[str, Any]:
    """An ECharts card, its data table one click away. `options` are plain data (no functions): see charts.js."""
    return {
        "id": id,
        "options_id": f"{id}-options",
        "title": title,
        "options": options,
        "columns": columns,
        "rows": rows,
        "note": note,
        "css": css,
    }


@register.inclusion_tag("components/empty.html")
def empty(title: str, hint: str = "", url: str = "", label: str = "", icon: str = "inbox") -> dict[str, Any]:
    """An empty state: what is missing and what to do next."""
    return {"title": title, "hint": hint, "url": url, "label": label, "icon": icon}


@register.inclusion_tag("components/stat_strip.html")
def stat_strip(stats: list[dict[str, Any]], apart: bool = False) -> dict[str, Any]:
    """Figures side by side: dicts of name, value, unit, note, fraction (bar), url; only name and value are due."""
    return {"stats": stats, "apart": apart}


@register.filter
def joined(values: Iterable[Any]) -> SafeString:
    return mark_safe("、".join(conditional_escape(value) for value in values))  # noqa: S308 - escaped one by one


@register.filter
def page_numbers(page: Any) -> list[int | None]:
    """1 … 4 5 6 … 20 around the present page; None is a gap."""
    last = page.paginator.num_pages
    near = sorted({1, last, *range(max(1, page.number - 2), min(last, page.number + 2) + 1)})
    shown: list[int | None] = []
    for number in near:
        if shown and shown[-1] is not None and number - shown[-1] > 1:
            shown.append(None)
        shown.append(number)
    return shown
