"""Versions of the recovery rule: drafted, published once, then only followed by a next version."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from budgets.enums import ProjectCategory
from core.services import Refused
from monitoring.enums import RuleState
from monitoring.models import RecoveryRule
from monitoring.rules import RuleSet, parse_rules
from monitoring.services.authority import require_section

# Every name under which a rules file may call a 项目类别.
CATEGORIES = {name: str(code) for code, label in ProjectCategory.choices for name in (str(label), str(code))}

FIELDS = (
    "as_of",
    "rate_below",
    "lag_above",
    "minimum",
    "round_down_to",
    "levels",
    "vintages",
    "exempt_categories",
    "exempt_fund_sources",
    "exempt_marks",
    "legal_basis",
)


def rule_set_of(data: Any) -> RuleSet:
    """A rules file as a rule set. Raises `RulesInvalid` with every error."""
    return parse_rules(data, categories=CATEGORIES)


@transaction.atomic
def draft_rule(*, fiscal_year: int, as_of: date, by: Any, **fields: Any) -> RecoveryRule:
    """The next version of the year as a draft. `fields` as on the model; raises `Refused` naming what is wrong."""
    require_section(by)
    _known(fields)
    _in_year(fiscal_year, as_of)
    # The versions of a year are numbered without gaps; two drafts at once meet at the unique key.
    last = RecoveryRule.objects.filter(fiscal_year=fiscal_year).aggregate(number=Max("number"))["number"] or 0
    rule = RecoveryRule(fiscal_year=fiscal_year, number=last + 1, as_of=as_of, created_by=by, **fields)
    _clean(rule)
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError as error:
        raise Refused("刚刚有人为本年度立了新版规则，请刷新页面后再办理。", code="moved") from error
    return rule


@transaction.atomic
def update_draft(*, rule: RecoveryRule, by: Any, **fields: Any) -> RecoveryRule:
    """Change a draft; a published version is refused (and refused by the database)."""
    require_section(by)
    _known(fields)
    locked = RecoveryRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    _draft_only(locked)
    for name, value in fields.items():
        setattr(locked, name, value)
    _in_year(locked.fiscal_year, locked.as_of)
    _clean(locked)
    locked.save()
    return locked


@transaction.atomic
def publish_rule(*, rule: RecoveryRule, by: Any) -> RecoveryRule:
    """Publish a draft. From then on it never changes."""
    require_section(by)
    locked = RecoveryRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    _draft_only(locked)
    locked.state, locked.published_at, locked.published_by = RuleState.PUBLISHED, timezone.now(), by
    locked.save()
    return locked


@transaction.atomic
def new_version(*, rule: RecoveryRule, by: Any) -> RecoveryRule:
    """A draft that begins as a copy of `rule`."""
    fields = {name: getattr(rule, name) for name in FIELDS if name != "as_of"}
    return draft_rule(fiscal_year=rule.fiscal_year, as_of=rule.as_of, by=by, **fields)


@transaction.atomic
def rule_from_file(*, rules: RuleSet, fiscal_year: int, as_of: date, by: Any) -> RecoveryRule:
    """The published version that says exactly this; published now where there is none."""
    for known in RecoveryRule.objects.published().filter(fiscal_year=fiscal_year, as_of=as_of):
        if known.rule_set == rules:
            return known
    rule = draft_rule(
        fiscal_year=fiscal_year,
        as_of=as_of,
        by=by,
        rate_below=rules.rate_below,
        lag_above=rules.lag_above,
        minimum=rules.minimum,
        round_down_to=rules.round_down_to,
        levels=list(rules.levels),
        vintages=list(rules.vintages),
        exempt_categories=list(rules.categories),
        exempt_fund_sources=list(rules.fund_sources),
        exempt_marks=list(rules.marks),
    )
    return publish_rule(rule=rule, by=by)


def _known(fields: dict[str, Any]) -> None:
    if unknown := set(fields) - set(FIELDS):
        raise TypeError(f"unknown fields: {sorted(unknown)}")


def _in_year(fiscal_year: int, as_of: date) -> None:
    if as_of.year != fiscal_year:
        raise Refused(f"截至日 {as_of} 不在 {fiscal_year} 预算年度内。", code="AS_OF_OUTSIDE_YEAR")


def _draft_only(rule: RecoveryRule) -> None:
    if rule.state != RuleState.DRAFT:
        raise Refused(f"{rule}已发布，不能再改；如需调整，请另立新版。", code="published")


def _clean(rule: RecoveryRule) -> None:
    try:
        rule.full_clean(exclude=["created_by", "published_by"])
    except ValidationError as error:
        raise Refused("；".join(error.messages), code="invalid") from error
