"""Chart options as plain data, each with the rows of its data table."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from budgets.queries import Curve
from core.templatetags.house import rate_text, wan_text

_PLACES = Decimal("0.01")


def _percent(fraction: Decimal | None) -> float | None:
    return None if fraction is None else float((fraction * 100).quantize(_PLACES, ROUND_HALF_UP))


def execution(curve: Curve) -> dict[str, Any]:
    """The execution rate at each month's end against elapsed time, in percent."""
    options = {
        "house": {"tooltip": "{series} {name}：{y}%"},
        "legend": {"data": ["执行率", "序时进度"], "top": 0, "right": 0, "itemHeight": 8},
        "grid": {"left": 8, "right": 16, "top": 34, "bottom": 8, "containLabel": True},
        "xAxis": {"type": "category", "data": list(curve.months), "boundaryGap": False},
        "yAxis": {"type": "value", "axisLabel": {"formatter": "{value}%"}},
        "series": [
            {"name": "执行率", "type": "line", "data": [_percent(rate) for rate in curve.rates], "symbolSize": 6},
            {
                "name": "序时进度",
                "type": "line",
                "data": [_percent(part) for part in curve.elapsed],
                "symbol": "none",
                "lineStyle": {"type": "dashed", "width": 1.5},
            },
        ],
    }
    rows = [
        [month, "—" if paid is None else wan_text(paid), rate_text(rate), rate_text(part)]
        for month, paid, rate, part in zip(curve.months, curve.paid, curve.rates, curve.elapsed, strict=True)
    ]
    return {"options": options, "columns": ["月份", "累计支出（万元）", "执行率", "序时进度"], "rows": rows}
