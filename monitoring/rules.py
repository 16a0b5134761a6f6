"""The recovery rule as data, and the sentences that explain a line. No database, no Django.

Amounts are `Decimal` yuan, rates and lags fractions. The rule follows 预算法 (2018) art. 42 and 国办发〔2014〕70号;
dates, thresholds and exemptions are the county's own and stand in each published version. Which line is a candidate
and for how much is computed in one place, `monitoring.queries.recovery`; here are its parameters and its words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from monitoring.enums import Exemption, Level, LineStatus, Reason, Vintage

MINIMUM = Decimal("10000.00")
ROUND_DOWN_TO = Decimal("100.00")
# 征求意见期限, in working days.
OPINION_WORKING_DAYS = 5

_KEYS = ("rate_below", "lag_above", "minimum", "round_down_to", "scope", "exempt")
_SCOPE = {"levels": tuple(Level.values), "vintages": tuple(Vintage.values)}
_EXEMPT = ("categories", "fund_sources", "marks")


@dataclass(frozen=True)
class RuleError:
    """One thing wrong with a rules file; `where` is the path of the value, None for the whole file."""

    code: str
    message: str
    where: str | None = None


class RulesInvalid(ValueError):
    """Everything that is wrong with a rule set, at once."""

    def __init__(self, errors: list[RuleError]) -> None:
        super().__init__("；".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True)
class RuleSet:
    """What makes a line a candidate (`rate_below` *or* `lag_above` where both are given) and what is taken of it.

    `categories` are codes of 项目类别. Empty exemptions exempt nothing.
    """

    rate_below: Decimal | None = None
    lag_above: Decimal | None = None
    minimum: Decimal = MINIMUM
    round_down_to: Decimal = ROUND_DOWN_TO
    levels: tuple[str, ...] = tuple(Level.values)
    vintages: tuple[str, ...] = tuple(Vintage.values)
    categories: tuple[str, ...] = ()
    fund_sources: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The rules file that says the same."""
        return {
            "rate_below": _text(self.rate_below),
            "lag_above": _text(self.lag_above),
            "minimum": f"{self.minimum:.2f}",
            "round_down_to": f"{self.round_down_to:.2f}",
            "scope": {"levels": list(self.levels), "vintages": list(self.vintages)},
            "exempt": {
                "categories": list(self.categories),
                "fund_sources": list(self.fund_sources),
                "marks": list(self.marks),
            },
        }


def _text(fraction: Decimal | None) -> str | None:
    return None if fraction is None else f"{fraction.normalize():.4f}" if _places(fraction) > 2 else f"{fraction:.2f}"


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def parse_rules(data: Any, *, categories: Mapping[str, str]) -> RuleSet:
    """A rules file (contracts.md, `compute_recovery`) as a `RuleSet`; missing keys take their defaults.

    `categories` maps every accepted name of a 项目类别 (code or label) to its code. Raises `RulesInvalid` with every
    error at once.
    """
    if not isinstance(data, Mapping):
        raise RulesInvalid([RuleError("RULES_NOT_OBJECT", "规则文件应为一个 JSON 对象。")])
    errors = _unknown(data, _KEYS, "")
    rate = _fraction(data, "rate_below", errors, low=Decimal(0), high=Decimal(1), open_low=True)
    lag = _fraction(data, "lag_above", errors, low=Decimal(0), high=Decimal(1))
    if data.get("rate_below") is None and data.get("lag_above") is None:
        errors.append(RuleError("THRESHOLD_MISSING", "rate_below 与 lag_above 至少填写一项。"))
    minimum = _money(data, "minimum", MINIMUM, errors, positive=False)
    step = _money(data, "round_down_to", ROUND_DOWN_TO, errors, positive=True)
    scope, exempt = _section(data, "scope", _SCOPE, errors), _section(data, "exempt", _EXEMPT, errors)
    levels = _choices(scope, "levels", _SCOPE["levels"], errors)
    vintages = _choices(scope, "vintages", _SCOPE["vintages"], errors)
    exempt_categories = []
    for name in _texts(exempt, "exempt", "categories", errors):
        if name in categories:
            exempt_categories.append(categories[name])
        else:
            known = "、".join(dict.fromkeys(categories))
            errors.append(RuleError("CATEGORY_UNKNOWN", f"没有项目类别“{name}”，可填：{known}。", "exempt.categories"))
    sources = _texts(exempt, "exempt", "fund_sources", errors)
    marks = _texts(exempt, "exempt", "marks", errors)
    if errors:
        raise RulesInvalid(errors)
    return RuleSet(rate, lag, minimum, step, levels, vintages, tuple(dict.fromkeys(exempt_categories)), sources, marks)


def _unknown(data: Mapping[str, Any], known: Collection[str], prefix: str) -> list[RuleError]:
    return [
        RuleError("KEY_UNKNOWN", f"不认识的键“{prefix}{key}”，可用的键：{'、'.join(known)}。", f"{prefix}{key}")
        for key in data
        if key not in known
    ]


def _section(data: Mapping[str, Any], name: str, known: Collection[str], errors: list[RuleError]) -> Mapping[str, Any]:
    section = data.get(name, {})
    if not isinstance(section, Mapping):
        errors.append(RuleError("SECTION_NOT_OBJECT", f"“{name}”应为一个 JSON 对象。", name))
        return {}
    errors += _unknown(section, known, f"{name}.")
    return section


def _number(value: Any) -> Decimal | None:
    # A binary float would already have lost what was written; the command reads JSON numbers as Decimal.
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _fraction(
    data: Mapping[str, Any], key: str, errors: list[RuleError], *, low: Decimal, high: Decimal, open_low: bool = False
) -> Decimal | None:
    value = data.get(key)
    if value is None:
        return None
    number = _number(value)
    if number is None:
        errors.append(RuleError("NOT_A_NUMBER", f'“{key}”应为文本形式的小数，如 "0.50"。', key))
    elif number > high or number < low or (open_low and number == low):
        errors.append(RuleError("OUT_OF_RANGE", f"“{key}”应在 {low} 与 {high} 之间，如 50% 写作 0.50。", key))
    elif _places(number) > 4:
        errors.append(RuleError("TOO_MANY_DECIMALS", f"“{key}”最多四位小数。", key))
    return number


def _money(data: Mapping[str, Any], key: str, default: Decimal, errors: list[RuleError], *, positive: bool) -> Decimal:
    value = data.get(key, default)
    number = _number(value)
    if number is None:
        errors.append(RuleError("NOT_A_NUMBER", f'“{key}”应为文本形式的金额（元），如 "{default}"。', key))
        return default
    if number < 0 or (positive and number == 0):
        errors.append(RuleError("OUT_OF_RANGE", f"“{key}”应{'大于' if positive else '不小于'} 0。", key))
    elif number >= Decimal(10) ** 14:
        errors.append(RuleError("OUT_OF_RANGE", f"“{key}”过大。", key))
    elif _places(number) > 2:
        errors.append(RuleError("TOO_MANY_DECIMALS", f"“{key}”最多两位小数（元）。", key))
    return number


def _texts(section: Mapping[str, Any], prefix: str, key: str, errors: list[RuleError]) -> tuple[str, ...]:
    values = section.get(key, [])
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) and v.strip() for v in values):
        errors.append(RuleError("NOT_A_LIST", f"“{prefix}.{key}”应为文本列表。", f"{prefix}.{key}"))
        return ()
    return tuple(dict.fromkeys(v.strip() for v in values))


def _choices(
    section: Mapping[str, Any], key: str, allowed: tuple[str, ...], errors: list[RuleError]
) -> tuple[str, ...]:
    if key not in section:
        return allowed
    before = len(errors)
    values = _texts(section, "scope", key, errors)
    if len(errors) > before:
        return ()
    wrong = [v for v in values if v not in allowed]
    if wrong or not values:
        names = "、".join(allowed)
        errors.append(RuleError("SCOPE_UNKNOWN", f"“scope.{key}”应从{names}中选，至少一项。", f"scope.{key}"))
    return tuple(v for v in allowed if v in values)


def elapsed_months(fiscal_year: int, as_of: date) -> int:
    """Completed months of the year on `as_of`: 9 on 30 September, 8 on 29 September; 0 before and 12 after it."""
    if as_of.year != fiscal_year:
        return 0 if as_of.year < fiscal_year else 12
    return as_of.month if (as_of + timedelta(days=1)).month != as_of.month else as_of.month - 1


def elapsed(fiscal_year: int, as_of: date) -> Decimal:
    """Completed months ÷ 12, four decimals."""
    return (Decimal(elapsed_months(fiscal_year, as_of)) / 12).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def working_days_after(day: date, count: int, *, holidays: Collection[date] = ()) -> date:
    """The last day of a term of `count` working days that begins the day after `day`."""
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in holidays:
            count -= 1
    return day


@dataclass(frozen=True)
class Inputs:
    """What a line's sentence is made of: stored with the line, so the sentence can be made at any time."""

    as_of: date
    months: int
    adjusted: Decimal
    paid: Decimal
    must_pay: Decimal
    status: str
    reason: str
    recoverable: Decimal
    exempt_reason: str = ""
    exempt_value: str = ""


def explain(line: Inputs, rules: RuleSet, rule_name: str) -> str:
    """One sentence: why the line is in, below the minimum or exempt. `rule_name` as in `规则 2023-3 版`."""
    head = (
        f"全年预算 {line.adjusted:,.2f} 元，截至 {line.as_of:%Y-%m-%d} 已支付 {line.paid:,.2f} 元，{_why(line, rules)}"
    )
    if line.status == LineStatus.EXEMPT:
        label = Exemption(line.exempt_reason).label
        return f"{head}；{label}（{line.exempt_value}），不收回（{rule_name}）"
    head += f"；扣除本年必须支付 {line.must_pay:,.2f} 元"
    if line.status == LineStatus.BELOW_MINIMUM:
        left = max(Decimal(0), line.adjusted - line.paid - line.must_pay)
        rounded = (left // rules.round_down_to * rules.round_down_to).quantize(Decimal("0.01"))
        return f"{head}，余 {rounded:,.2f} 元，低于起收金额 {rules.minimum:,.2f} 元，不收回（{rule_name}）"
    return f"{head}，可收回 {line.recoverable:,.2f} 元（{rule_name}）"


def _why(line: Inputs, rules: RuleSet) -> str:
    rate = line.paid / line.adjusted
    parts = []
    if line.reason in (Reason.RATE, Reason.BOTH) and rules.rate_below is not None:
        parts.append(f"执行率 {_below(rate, rules.rate_below)} 低于 {percent(rules.rate_below)}")
    if line.reason in (Reason.LAG, Reason.BOTH) and rules.lag_above is not None:
        time = Decimal(line.months) / 12
        own = "" if parts else f"执行率 {percent(rate)} "
        lag = _above(time - rate, rules.lag_above)
        parts.append(
            f"{own}落后序时进度 {percent(time)} 达 {lag} 个百分点，超过 {percent(rules.lag_above)[:-1]} 个百分点"
        )
    return "，".join(parts)


def percent(fraction: Decimal, places: int = 2) -> str:
    return f"{(fraction * 100).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):.{places}f}%"


def _below(rate: Decimal, limit: Decimal) -> str:
    """The rate with as many decimals as it takes to be seen below the limit (49.9996 %, not 50.00 %)."""
    for places in range(2, 12):
        if Decimal(percent(rate, places)[:-1]) < limit * 100:
            return percent(rate, places)
    return percent(rate, 12)


def _above(lag: Decimal, limit: Decimal) -> str:
    for places in range(2, 12):
        if Decimal(percent(lag, places)[:-1]) > limit * 100:
            return percent(lag, places)[:-1]
    return percent(lag, 12)[:-1]
