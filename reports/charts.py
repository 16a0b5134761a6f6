"""Chart options as plain data, each with the rows of its data table. Colours come from static/js/charts.js."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from core.templatetags.house import rate_text, wan_text
from reports.queries import YearMoney

WAN = Decimal(10_000)
AMBER = "#e0a32a"


def _wan(yuan: Decimal) -> float:
    """万元 as a chart's number; charts draw, they never calculate."""
    return float((yuan / WAN).quantize(Decimal("0.01"), ROUND_HALF_UP))


def rate_bands(bands: list[tuple[str, int]]) -> dict[str, Any]:
    """Projects by execution rate; the last bar, 100 % and above, in another colour."""
    data: list[Any] = [number for _, number in bands]
    if data:
        data[-1] = {"value": data[-1], "itemStyle": {"color": AMBER}}
    short = [label.split("–")[0].rstrip("%") + ("–" if "–" in label else "") for label, _ in bands]
    options = {
        "house": {"tooltip": "执行率 {name}%：{y} 个项目"},
        "grid": {"left": 8, "right": 12, "top": 12, "bottom": 28, "containLabel": True},
        "xAxis": {"type": "category", "data": short, "name": "执行率 %", "axisLabel": {"interval": 0}},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [{"type": "bar", "data": data, "barMaxWidth": 34, "itemStyle": {"borderRadius": [3, 3, 0, 0]}}],
    }
    rows = [[label, f"{number:,}"] for label, number in bands]
    return {"options": options, "columns": ["执行率", "项目数"], "rows": rows}


def monthly(cumulative: list[Decimal], money: YearMoney) -> dict[str, Any]:
    """Cumulative payments up to the 截至日 against the even pace of the year's budget, both in 万元."""
    months = [f"{month}月" for month in range(1, 13)]
    last = money.as_of.month if money.as_of else 0
    paid = [_wan(amount) if month <= last else None for month, amount in enumerate(cumulative, start=1)]
    pace = [_wan(money.adjusted * month / 12) for month in range(1, 13)]
    options = {
        "house": {"tooltip": "{series} {name}：{y} 万元"},
        "legend": {"data": ["累计支付", "序时进度"], "top": 0, "right": 0, "itemHeight": 8},
        "grid": {"left": 8, "right": 16, "top": 34, "bottom": 8, "containLabel": True},
        "xAxis": {"type": "category", "data": months, "boundaryGap": False},
        "yAxis": {"type": "value"},
        "series": [
            {"name": "累计支付", "type": "line", "data": paid, "areaStyle": {"opacity": 0.08}, "symbolSize": 6},
            {
                "name": "序时进度",
                "type": "line",
                "data": pace,
                "symbol": "none",
                "lineStyle": {"type": "dashed", "width": 1.5},
            },
        ],
    }
    rows = [
        [
            month,
            wan_text(amount) if index < last else "—",
            rate_text(amount / money.adjusted if money.adjusted and index < last else None),
            rate_text(Decimal(index + 1) / 12),
        ]
        for index, (month, amount) in enumerate(zip(months, cumulative, strict=True))
    ]
    return {"options": options, "columns": ["月份", "累计支付（万元）", "执行率", "序时进度"], "rows": rows}
