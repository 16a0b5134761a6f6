"""Recovery of slow-spending funds: rules, runs, lines, opinions, decisions.

Money is `Decimal` yuan. A line keeps the inputs it was computed from; its sentence is made from them when it is read.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from budgets.enums import ProjectCategory
from budgets.models import LedgerEntry, ProjectYear, money
from core.history import append_only, track
from core.models import Attachment, FlowRecord, Job, Stateful
from monitoring import rules
from monitoring.enums import (
    AWAITING,
    OPEN_TO_DEPARTMENTS,
    UNDECIDED,
    Exemption,
    Level,
    LineState,
    LineStatus,
    Party,
    Reason,
    RuleState,
    Stance,
    Verdict,
    Vintage,
)
from monitoring.workflow import RECOVERY_MOVES
from notices.models import Recipient
from organisations.enums import Role
from organisations.models import Organisation
from organisations.roles import BUREAU_STAFF


def _names(label: str, size: int, **options: Any) -> ArrayField:
    return ArrayField(models.CharField(max_length=size), verbose_name=label, **options)


def all_levels() -> list[str]:
    return list(Level.values)


def all_vintages() -> list[str]:
    return list(Vintage.values)


class RecoveryRuleQuerySet(models.QuerySet["RecoveryRule"]):
    def visible_to(self, user: Any) -> Self:
        """The bureau's staff. Departments read the rule in the sentence of each line."""
        return self if user.role_set & BUREAU_STAFF else self.none()

    def published(self) -> Self:
        return self.filter(state=RuleState.PUBLISHED)


@track()
@pgtrigger.register(
    pgtrigger.Protect(
        name="published", operation=pgtrigger.Update | pgtrigger.Delete, condition=pgtrigger.Q(old__state="published")
    ),
    pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
    ),
)
class RecoveryRule(models.Model):
    """收回规则. Published it never changes; a change is the next version of the year."""

    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    number = models.PositiveSmallIntegerField("版次", editable=False)
    state = models.CharField("状态", max_length=10, choices=RuleState.choices, default=RuleState.DRAFT, editable=False)
    as_of = models.DateField("截至日")
    rate_below = models.DecimalField(
        "执行率低于", max_digits=5, decimal_places=4, null=True, blank=True, help_text="小数，如 0.50 表示 50%"
    )
    lag_above = models.DecimalField(
        "落后序时进度超过",
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="小数，如 0.25 表示 25 个百分点",
    )
    minimum = money("起收金额（元）", default=rules.MINIMUM)
    round_down_to = money("舍去至（元）", default=rules.ROUND_DOWN_TO, help_text="100 表示百元以下舍去")
    levels = _names("资金级次", 6, default=all_levels)
    vintages = _names("资金年度", 6, default=all_vintages)
    exempt_categories = _names("豁免项目类别", 2, default=list, blank=True)
    exempt_fund_sources = _names("豁免资金性质", 40, default=list, blank=True)
    exempt_marks = _names("豁免标记", 40, default=list, blank=True)
    legal_basis = models.TextField("依据", blank=True, help_text="法规名称与条款、县级文件文号；空着表示文号待填")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False, verbose_name="拟定人"
    )
    published_at = models.DateTimeField("发布时间", null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False, verbose_name="发布人"
    )

    objects = RecoveryRuleQuerySet.as_manager()

    class Meta:
        verbose_name = "收回规则"
        verbose_name_plural = "收回规则"
        ordering: ClassVar = ["-fiscal_year", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fiscal_year", "number"], name="monitoring_rule_version"),
            models.CheckConstraint(
                condition=Q(rate_below__isnull=False) | Q(lag_above__isnull=False),
                name="monitoring_rule_threshold",
                violation_error_message="执行率与落后幅度至少填写一项。",
            ),
            models.CheckConstraint(
                condition=(Q(rate_below__isnull=True) | Q(rate_below__gt=0, rate_below__lte=1))
                & (Q(lag_above__isnull=True) | Q(lag_above__gte=0, lag_above__lte=1))
                & Q(minimum__gte=0, round_down_to__gt=0),
                name="monitoring_rule_ranges",
                violation_error_message="执行率、落后幅度应在 0 与 1 之间；起收金额不小于 0，舍去单位大于 0。",
            ),
            models.CheckConstraint(
                condition=Q(state=RuleState.DRAFT, published_at__isnull=True)
                | Q(state=RuleState.PUBLISHED, published_at__isnull=False),
                name="monitoring_rule_published",
            ),
        ]

    def __str__(self) -> str:
        return f"规则 {self.fiscal_year}-{self.number} 版"

    @property
    def exempt_text(self) -> str:
        """All exemptions in words."""
        categories = [str(ProjectCategory(code).label) for code in self.exempt_categories]
        return "、".join([*categories, *self.exempt_fund_sources, *self.exempt_marks])

    @property
    def rule_set(self) -> rules.RuleSet:
        return rules.RuleSet(
            rate_below=self.rate_below,
            lag_above=self.lag_above,
            minimum=self.minimum,
            round_down_to=self.round_down_to,
            levels=tuple(self.levels),
            vintages=tuple(self.vintages),
            categories=tuple(self.exempt_categories),
            fund_sources=tuple(self.exempt_fund_sources),
            marks=tuple(self.exempt_marks),
        )


class RecoveryRunQuerySet(models.QuerySet["RecoveryRun"]):
    def visible_to(self, user: Any) -> Self:
        return self if user.role_set & BUREAU_STAFF else self.none()

    def computed(self) -> Self:
        return self.filter(computed_at__isnull=False)


@track()
class RecoveryRun(models.Model):
    """收回测算: one use of one published rule on one snapshot of the ledger, and what it saw there."""

    rule = models.ForeignKey(RecoveryRule, models.PROTECT, related_name="runs", verbose_name="规则")
    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    as_of = models.DateField("截至日")
    job = models.OneToOneField(Job, models.PROTECT, null=True, related_name="+", verbose_name="作业")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="发起人"
    )
    created_at = models.DateTimeField("发起时间", auto_now_add=True)
    computed_at = models.DateTimeField("算成时间", null=True)
    projects_examined = models.PositiveIntegerField("年度项目数", default=0)
    entries_seen = models.PositiveBigIntegerField("所据流水笔数", default=0)
    budget_seen = money("所据预算合计（元）", default=Decimal(0), help_text="截至日已入账的预算流水合计")
    paid_seen = money("所据支付合计（元）", default=Decimal(0), help_text="截至日已入账的支付流水合计")
    unclaimed_seen = money("待认领支付（元）", default=Decimal(0), help_text="项目代码未识别，未计入任何项目")
    lines_found = models.PositiveIntegerField("命中行数", default=0)
    recoverable = money("可收回合计（元）", default=Decimal(0))
    batches = models.JSONField("数据来源", default=list, help_text="[{名称, 截至日, 导入时间}]")
    silence_consents = models.BooleanField("逾期视为同意", default=True)
    opinion_deadline = models.DateField("反馈期限", null=True, blank=True)

    objects = RecoveryRunQuerySet.as_manager()

    class Meta:
        verbose_name = "收回测算"
        verbose_name_plural = "收回测算"
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(computed_at__isnull=False) | Q(lines_found=0, recoverable=0),
                name="monitoring_run_computed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.fiscal_year} 年度收回测算（截至 {self.as_of}）"


class RecoveryDecisionQuerySet(models.QuerySet["RecoveryDecision"]):
    def visible_to(self, user: Any) -> Self:
        return self if user.role_set & BUREAU_STAFF else self.none()


@track()
class RecoveryDecision(models.Model):
    """收回决定: the meeting that decided, its date, who signed, and the scan."""

    run = models.ForeignKey(RecoveryRun, models.PROTECT, related_name="decisions", verbose_name="收回测算")
    meeting = models.CharField("会议名称", max_length=100, help_text="如 局长办公会第 18 次会议")
    date = models.DateField("会议日期")
    signatory = models.CharField("签批人", max_length=60)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="记录人")
    recorded_at = models.DateTimeField("记录时间", auto_now_add=True)

    objects = RecoveryDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "收回决定"
        verbose_name_plural = "收回决定"
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.meeting}（{self.date}）"


class DecisionScanQuerySet(models.QuerySet["DecisionScan"]):
    def visible_to(self, user: Any) -> Self:
        return self if user.role_set & BUREAU_STAFF else self.none()


class DecisionScan(Attachment):
    subject = models.ForeignKey(RecoveryDecision, models.PROTECT, related_name="scans", verbose_name="收回决定")

    objects = DecisionScanQuerySet.as_manager()

    class Meta(Attachment.Meta):
        abstract = False
        verbose_name = "决定扫描件"
        verbose_name_plural = "决定扫描件"


class RecoveryLineQuerySet(models.QuerySet["RecoveryLine"]):
    def visible_to(self, user: Any) -> Self:
        """The bureau: what its project scope allows. Departments and units: theirs, once their opinion is asked."""
        if user.sees_county:
            return self
        own = self.filter(project_year__in=ProjectYear.objects.visible_to(user).values("pk"))
        return own if user.role_set & BUREAU_STAFF else own.filter(state__in=OPEN_TO_DEPARTMENTS)

    def undecided(self) -> Self:
        """拟收回: proposed and on its way to a decision."""
        return self.filter(state__in=UNDECIDED)

    def awaiting(self) -> Self:
        """待执行: decided and not yet in the ledger."""
        return self.filter(state__in=AWAITING)

    def executed(self) -> Self:
        return self.filter(state=LineState.EXECUTED)


_HELD = [LineState.DECIDED, LineState.PENDING, LineState.EXECUTED]


@track()
class RecoveryLine(Stateful):
    """收回清单行: a candidate with the inputs it was judged by. `allocation` null means 未分解到指标."""

    MOVES = RECOVERY_MOVES

    run = models.ForeignKey(RecoveryRun, models.PROTECT, related_name="lines", db_index=False, verbose_name="收回测算")
    project_year = models.ForeignKey(
        ProjectYear, models.PROTECT, related_name="recovery_lines", verbose_name="年度项目"
    )
    allocation = models.CharField("指标文号/ID", max_length=80, null=True)  # noqa: DJ001 - null: not broken down
    state = models.CharField("状态", max_length=12, choices=LineState.choices)
    adjusted = money("全年预算（元）")
    paid = money("已支付（元）")
    must_pay = money("本年必须支付（元）")
    rate = models.DecimalField("执行率", max_digits=24, decimal_places=4)
    elapsed = models.DecimalField("序时进度", max_digits=5, decimal_places=4)
    reason = models.CharField("列入原因", max_length=8, choices=Reason.choices)
    status = models.CharField("规则结论", max_length=14, choices=LineStatus.choices)
    recoverable = money("可收回（元）")
    exempt_reason = models.CharField("豁免原因", max_length=12, choices=Exemption.choices, blank=True)
    exempt_value = models.CharField("豁免依据", max_length=40, blank=True)
    verdict = models.CharField("会审意见", max_length=6, choices=Verdict.choices, blank=True, default="")
    reviewed = money("会审金额（元）", null=True)
    decision = models.ForeignKey(
        RecoveryDecision, models.PROTECT, null=True, related_name="lines", db_index=False, verbose_name="决定"
    )
    decided = money("决定收回（元）", null=True)
    execution_allocation = models.CharField(
        "执行指标", max_length=80, blank=True, default="", help_text="未分解到指标的，执行前须指定"
    )
    document_number = models.CharField("指标调整文号", max_length=80, blank=True, default="")
    executed_on = models.DateField("执行日期", null=True)
    entry = models.ForeignKey(
        LedgerEntry, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name="收回流水"
    )
    imported_entry = models.ForeignKey(
        LedgerEntry,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name="导入流水",
        help_text="财政一体化数据中对应的收回或调减",
    )
    recipient = models.ForeignKey(
        Recipient, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name="告知单"
    )

    objects = RecoveryLineQuerySet.as_manager()

    class Meta:
        verbose_name = "收回清单行"
        verbose_name_plural = "收回清单"
        ordering: ClassVar = ["run", "project_year__project__code", "allocation"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "project_year", "allocation"], nulls_distinct=False, name="monitoring_line_once"
            ),
            # One ledger entry carries out one line.
            models.UniqueConstraint(
                fields=["entry"], condition=Q(entry__isnull=False), name="monitoring_line_entry_once"
            ),
            models.UniqueConstraint(
                fields=["imported_entry"],
                condition=Q(imported_entry__isnull=False),
                name="monitoring_line_imported_once",
            ),
            models.CheckConstraint(
                condition=(Q(status=LineStatus.RECOVERABLE, recoverable__gt=0) & ~Q(state=LineState.NOTED))
                | (~Q(status=LineStatus.RECOVERABLE) & Q(recoverable=0, state=LineState.NOTED)),
                name="monitoring_line_status",
            ),
            models.CheckConstraint(
                condition=Q(status=LineStatus.EXEMPT) & ~Q(exempt_reason="")
                | ~Q(status=LineStatus.EXEMPT) & Q(exempt_reason=""),
                name="monitoring_line_exempt",
            ),
            models.CheckConstraint(
                condition=Q(verdict="", reviewed__isnull=True)
                # "Not null" is said everywhere: a comparison with null is unknown, and unknown passes a check.
                | Q(verdict=Verdict.KEEP, reviewed__isnull=False, reviewed=F("recoverable"))
                | Q(verdict=Verdict.REDUCE, reviewed__isnull=False, reviewed__gt=0, reviewed__lt=F("recoverable"))
                | Q(verdict=Verdict.DROP, reviewed__isnull=False, reviewed=0),
                name="monitoring_line_reviewed",
            ),
            models.CheckConstraint(
                condition=(Q(state__in=_HELD) & Q(decision__isnull=False, decided__isnull=False, decided__gt=0))
                | (~Q(state__in=[*_HELD, LineState.DROPPED]) & Q(decision__isnull=True, decided__isnull=True))
                | Q(state=LineState.DROPPED, decision__isnull=False),
                name="monitoring_line_decided",
            ),
            models.CheckConstraint(
                condition=Q(state=LineState.EXECUTED, entry__isnull=False, executed_on__isnull=False)
                | (~Q(state=LineState.EXECUTED) & Q(entry__isnull=True, executed_on__isnull=True)),
                name="monitoring_line_executed",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "run"], condition=~Q(state=LineState.NOTED), name="monitoring_line_state"),
            models.Index(fields=["decision"], condition=Q(decision__isnull=False), name="monitoring_line_decision"),
            models.Index(fields=["recipient"], condition=Q(recipient__isnull=False), name="monitoring_line_recipient"),
        ]

    def __str__(self) -> str:
        return f"{self.project_year} {self.allocation or '未分解到指标'}"

    def roles_of(self, user: Any) -> frozenset[str]:
        # The house itself (None, a command) does what anybody asked may do.
        return frozenset(Role.values) if user is None else self.project_year.roles_of(user)

    @property
    def target_allocation(self) -> str:
        """The 指标 on which the recovery is carried out; empty while nobody has named it."""
        return self.allocation or self.execution_allocation

    @property
    def exempt_text(self) -> str:
        """What exempts the line, in words: a category's label, a fund source, a mark."""
        if self.exempt_reason == Exemption.CATEGORY:
            return str(ProjectCategory(self.exempt_value).label)
        return self.exempt_value

    @property
    def explanation(self) -> str:
        """Why the line is in, below the minimum or exempt. Needs `run__rule`."""
        line = rules.Inputs(
            as_of=self.run.as_of,
            months=rules.elapsed_months(self.run.fiscal_year, self.run.as_of),
            adjusted=self.adjusted,
            paid=self.paid,
            must_pay=self.must_pay,
            status=self.status,
            reason=self.reason,
            recoverable=self.recoverable,
            exempt_reason=self.exempt_reason,
            exempt_value=self.exempt_text,
        )
        return rules.explain(line, self.run.rule.rule_set, str(self.run.rule))


@append_only
class RecoveryLineFlow(FlowRecord):
    subject = models.ForeignKey(RecoveryLine, models.PROTECT, related_name="flow", verbose_name="收回清单行")

    class Meta(FlowRecord.Meta):
        abstract = False
        verbose_name = "收回流转记录"
        verbose_name_plural = "收回流转记录"


class OpinionQuerySet(models.QuerySet["Opinion"]):
    def visible_to(self, user: Any) -> Self:
        """Whoever sees the line."""
        return self.filter(line__in=RecoveryLine.objects.visible_to(user).values("pk"))


@append_only
class Opinion(models.Model):
    """收回意见. Append-only: a party's newest opinion counts, the earlier ones stay readable."""

    line = models.ForeignKey(RecoveryLine, models.PROTECT, related_name="opinions", verbose_name="收回清单行")
    party = models.CharField("意见方", max_length=10, choices=Party.choices)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="机构")
    stance = models.CharField("意见", max_length=6, choices=Stance.choices)
    accepted = money("同意收回金额（元）")
    must_pay = money("本年必须支付（元）", null=True)
    must_pay_reason = models.CharField("必须支付事由", max_length=300, blank=True)
    evidence_note = models.CharField("佐证及存放处", max_length=300, blank=True)
    text = models.TextField("说明", blank=True)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="填报人",
        help_text="空着的由命令行导入",
    )
    given_at = models.DateTimeField("填报时间", auto_now_add=True)

    objects = OpinionQuerySet.as_manager()

    class Meta:
        verbose_name = "收回意见"
        verbose_name_plural = "收回意见"
        ordering: ClassVar = ["line", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(stance=Stance.AGREE) | ~Q(text=""),
                name="monitoring_opinion_objection_reasoned",
                violation_error_message="有异议的，须说明理由。",
            ),
            models.CheckConstraint(
                condition=Q(accepted__gte=0) & (Q(must_pay__isnull=True) | Q(must_pay__gte=0)),
                name="monitoring_opinion_amounts",
                violation_error_message="金额不能为负。",
            ),
            models.CheckConstraint(
                condition=Q(must_pay__isnull=True) | (~Q(must_pay_reason="") & ~Q(evidence_note="")),
                name="monitoring_opinion_evidenced",
                violation_error_message="申报本年必须支付的，须写明事由和佐证。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.get_stance_display()}"


class OpinionEvidenceQuerySet(models.QuerySet["OpinionEvidence"]):
    def visible_to(self, user: Any) -> Self:
        """Whoever sees the line."""
        return self.filter(subject__line__in=RecoveryLine.objects.visible_to(user).values("pk"))


class OpinionEvidence(Attachment):
    subject = models.ForeignKey(Opinion, models.PROTECT, related_name="evidence", verbose_name="收回意见")

    objects = OpinionEvidenceQuerySet.as_manager()

    class Meta(Attachment.Meta):
        abstract = False
        verbose_name = "意见佐证"
        verbose_name_plural = "意见佐证"


@append_only
class MatchDismissal(models.Model):
    """认定与收回无关: an imported reduction of a project with a pending line, which a person said is another matter."""

    entry = models.OneToOneField(LedgerEntry, models.PROTECT, related_name="+", verbose_name="流水")
    reason = models.CharField("理由", max_length=200)
    dismissed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="认定人")
    dismissed_at = models.DateTimeField("认定时间", auto_now_add=True)

    class Meta:
        verbose_name = "流水认定"
        verbose_name_plural = "流水认定"

    def __str__(self) -> str:
        return str(self.entry)
