"""Figures as people read them, tags, icons, buttons and the error summary."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.template import Context, Template, engines
from django.test import RequestFactory

from core.templatetags import house
from core.workflow import Answer, Move


def render(text: str, **context: object) -> str:
    return Template(text).render(Context(context))


@pytest.mark.parametrize(
    ("yuan", "shown"),
    [
        (Decimal("4123000"), "412.30"),
        (Decimal("50"), "0.01"),  # half up, not to even
        (Decimal("49.99"), "0.00"),
        (Decimal("-1234567890.12"), "-123,456.79"),
        (0, "0.00"),
        (None, "—"),
        ("", "—"),
    ],
)
def test_money_in_wan(yuan: object, shown: str) -> None:
    assert house.wan_text(yuan) == shown


def test_money_shows_the_exact_yuan_on_hover() -> None:
    assert house.wan(Decimal("1234567.891")) == '<span class="num money" title="1,234,567.89 元">123.46</span>'
    assert house.wan(None) == "—"


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [
        (Decimal("0.9158"), "91.58%"),
        (Decimal("1"), "100.00%"),
        (Decimal("0.58335"), "58.34%"),
        (0, "0.00%"),
        (None, "—"),
    ],
)
def test_rate(fraction: object, shown: str) -> None:
    assert house.rate_text(fraction) == shown


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2023, 4, 11, 16, 5, tzinfo=ZoneInfo("Asia/Shanghai"))
    monkeypatch.setattr(house.timezone, "localdate", lambda: date(2023, 12, 1))
    assert house.moment_text(at) == "4月11日 16:05"
    monkeypatch.setattr(house.timezone, "localdate", lambda: date(2024, 1, 1))
    assert house.moment_text(at) == "2023年4月11日 16:05"
    assert house.day_text(datetime(2023, 4, 11, 17, 0, tzinfo=ZoneInfo("UTC"))) == "2023-04-12"
    assert house.day_text(date(2023, 9, 30)) == "2023-09-30"
    assert house.day_text(None) == house.moment_text(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, ""), (0, "约 1 秒"), (59, "约 59 秒"), (61, "约 2 分钟"), (3700, "约 1 小时 1 分钟")]
)
def test_time_left(seconds: int | None, shown: str) -> None:
    assert house.duration(seconds) == shown


@pytest.mark.parametrize(("size", "shown"), [(512, "512 B"), (655_360, "640 KB"), (2_202_010, "2.1 MB"), (None, "—")])
def test_file_size(size: int | None, shown: str) -> None:
    assert house.size(size) == shown


def test_bar_is_clamped_and_says_its_value() -> None:
    assert 'width="100.0"' in house.bar_html(Decimal("1.2")) and "120.0%" in house.bar_html(Decimal("1.2"))
    assert 'width="0"' in house.bar_html(None) and "无数据" in house.bar_html(None)
    assert "style=" not in house.bar_html(Decimal("0.5"))


def test_text_is_escaped_everywhere() -> None:
    evil = '<b>"x"</b>'
    assert "<b>" not in house.tag_html(evil)
    assert "<b>" not in house.greyed(evil, evil)
    assert "<b>" not in render("{% page_header evil %}{% endpage_header %}", evil=evil)
    assert "<b>" not in render("{% card evil note=evil badge=evil %}{{ evil }}{% endcard %}", evil=evil)
    assert "<b>" not in render("{% action evil evil why=evil %}{% action evil evil %}", evil=evil)
    assert "<b>" not in render("{% post_button evil '/x/' confirm=evil name=evil %}", evil=evil)
    assert "<b>" not in render("{% empty evil evil %}{{ values|joined }}", evil=evil, values=[evil])


def test_card_puts_its_actions_into_the_head() -> None:
    html = render("{% card '标题' %}{% card_actions %}<i>按钮</i>{% endcard_actions %}内容{% endcard %}")
    head, body = html.split('<div class="panel-body">')
    assert "<i>按钮</i>" in head and "按钮" not in body and "内容" in body


def test_every_icon_named_in_templates_and_code_is_in_the_sprite() -> None:
    root = Path(settings.BASE_DIR)
    sprite = (root / "static/vendor/tabler-icons/sprite.svg").read_text(encoding="utf-8")
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named: dict[str, str] = {}
    for file in (root / "templates").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        for name in re.findall(r"""{%\s*icon\s+["']([\w-]+)["']""", text) + re.findall(
            r"""\bicon=["']([\w-]+)["']""", text
        ):
            named[name] = file.name
    from qingtian_perf import shell

    for entry in (*shell.STAGES, *shell.SUPPORT, *shell.CLERK_ENTRIES, shell.DESK):
        named[entry.icon] = "shell.py"
    for link in shell.USER_LINKS:
        named[link[1]] = "shell.py"
    assert {name: where for name, where in named.items() if name not in known} == {}
    assert len(named) > 20


def test_a_refused_move_is_greyed_with_its_reason_and_sends_nothing() -> None:
    move = Move("return", {"submitted"}, "returned", label="退回", roles={"x"}, comment=True)
    refused = render("{% move_button answer '/x/' %}", answer=Answer(move, False, "退回由科室经办办理，您没有该权限。"))
    assert "<form" not in refused and 'aria-disabled="true"' in refused and "退回由科室经办办理" in refused
    allowed = render("{% move_button answer '/x/' %}", answer=Answer(move, True), object=SimpleNamespace(version=7))
    assert 'name="action" value="return"' in allowed and 'name="version" value="7"' in allowed
    assert "data-confirm-comment" in allowed and 'action="/x/"' in allowed
    warned = render(
        "{% move_button answer '/x/' confirm='共 3 项' %}", answer=Answer(move, True, warning="宜由他人办理")
    )
    assert 'data-confirm="共 3 项\n宜由他人办理"' in warned


class SampleForm(forms.Form):
    name = forms.CharField(label="名称", help_text="全称")
    amount = forms.DecimalField(label="金额", required=False)

    def clean(self) -> None:
        raise forms.ValidationError("两年合计与总额不符。")


def test_error_summary_lists_every_error_with_its_link() -> None:
    form = SampleForm({"amount": "一百"})
    formset = forms.formset_factory(SampleForm, min_num=2, validate_min=True)(
        {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0", "form-0-name": "甲"}
    )
    html = render("{% error_summary form formset %}", form=form, formset=formset)
    assert '<a href="#id_name">名称</a>' in html and '<a href="#id_amount">金额</a>' in html
    assert html.count("两年合计与总额不符") == 2
    assert f"有 {html.count('<li>')} 处需要改正" in html and html.count("<li>") == 5
    assert render("{% error_summary form %}", form=SampleForm()).strip() == ""


def test_a_cell_ties_error_hint_and_label_to_its_control() -> None:
    form = SampleForm({"amount": "一百"})
    html = render("{% cell form.name colspan=3 %}", form=form)
    assert html.startswith('<td class="wrong" colspan="3">')
    assert 'aria-describedby="id_name_error id_name_hint"' in html and 'aria-invalid="true"' in html
    assert 'aria-label="名称"' in html and 'id="id_name_error"' in html and 'id="id_name_hint"' in html


@pytest.mark.parametrize(
    ("number", "shown"),
    [(1, [1, 2, 3, None, 20]), (10, [1, None, 8, 9, 10, 11, 12, None, 20]), (20, [1, None, 18, 19, 20])],
)
def test_page_numbers(number: int, shown: list[int | None]) -> None:
    assert house.page_numbers(Paginator(range(1000), 50).page(number)) == shown


def test_error_pages_are_chinese_and_the_500_page_needs_no_database() -> None:
    """Rendered as Django does it: no context at all; without a database mark any query would fail this test."""
    from django.views import defaults

    request = RequestFactory().get("/x/")
    assert "系统出错了" in defaults.server_error(request).content.decode()
    assert "请求有误" in defaults.bad_request(request, ValueError()).content.decode()
    for name, words in {
        "403.html": "没有权限",
        "404.html": "没有找到",
        "403_csrf.html": "页面已过期",
        "429.html": "锁定",
    }.items():
        text = engines["django"].get_template(name).render({})
        assert words in text and "请求编号" in text


def test_a_filter_without_a_choice_says_all() -> None:
    class Filters(forms.Form):
        state = forms.ChoiceField(choices=[("", "---------"), ("open", "未整改")], required=False)
        kind = forms.ChoiceField(choices=[("", "全部类型"), ("new", "新增")], required=False)

    html = render("{{ form.state|filter_control }}{{ form.kind|filter_control }}", form=Filters())
    assert "---" not in html and html.count('value=""') == 2
    assert ">全部</option>" in html and ">全部类型</option>" in html and ">未整改</option>" in html
