"""Projects, the append-only ledger and the totals kept by its trigger.

Money is `Decimal` yuan. `LedgerEntry` is the only truth about money; `YearTotals` is written by one statement
trigger on it (migration 0002) and by nothing else.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import DecimalField, F, GeneratedField, Q

from budgets.enums import (
    BUDGET_KINDS,
    NEGATIVE_KINDS,
    EntryKind,
    FindingStage,
    FindingState,
    FundLevel,
    Grade,
    PaymentBasis,
    ProjectCategory,
    ProjectKind,
    SourceKind,
    VanishedState,
)
from budgets.triggers import keep_year_totals
from core.history import append_only, track
from core.models import StoredFile
from core.pinyin import initials
from organisations.enums import Role
from organisations.models import Organisation
from organisations.roles import BY_DEPARTMENT, BY_DIVISION, BY_UNIT

MONTHS = tuple(range(1, 13))
# Who brings projects and money in, and settles the rows that wait for a person.
IMPORTERS = frozenset({Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION})


def money(label: str, **options: Any) -> DecimalField:
    """A signed amount in yuan with two decimals."""
    return DecimalField(label, max_digits=18, decimal_places=2, **options)


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Any) -> Self:
        """Projects of which the user sees at least one year."""
        if user.sees_county:
            return self
        seen = ProjectYear.objects.visible_to(user).filter(project=models.OuterRef("pk"))
        return self.filter(models.Exists(seen))


@track()
class Project(models.Model):
    """项目, known by its code for life; what changes with the year stands in `ProjectYear`."""

    code = models.CharField("项目代码", max_length=40, unique=True)
    name = models.CharField("项目名称", max_length=200)
    initials = models.CharField("拼音首字母", max_length=200, editable=False, db_index=True)
    start_year = models.PositiveSmallIntegerField("起始年度", null=True, blank=True)
    term = models.PositiveSmallIntegerField("项目期（年）", null=True, blank=True)
    units = models.ManyToManyField(Organisation, related_name="used_projects", verbose_name="使用单位")

    objects = ProjectQuerySet.as_manager()

    class Meta:
        verbose_name = "项目"
        verbose_name_plural = "项目"
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.initials = initials(self.name)
        super().save(*args, **kwargs)


class ProjectYearQuerySet(models.QuerySet["ProjectYear"]):
    def visible_to(self, user: Any) -> Self:
        """County-wide roles: all; 归口科室: its projects; department: its own; unit: those it uses. Others: none."""
        if user.sees_county:
            return self
        scope = Q(pk__in=[])
        if divisions := user.ids_where(BY_DIVISION):
            scope |= Q(division__in=divisions)
        if departments := user.ids_where(BY_DEPARTMENT):
            scope |= Q(department__in=departments)
        if units := user.ids_where(BY_UNIT):
            used = Project.units.through.objects.filter(organisation__in=units).values("project")
            scope |= Q(unit__in=units) | Q(project__in=used)
        return self.filter(scope)

    def of_year(self, fiscal_year: int) -> Self:
        return self.filter(fiscal_year=fiscal_year)


@track()
class ProjectYear(models.Model):
    """年度项目: the peg on which every annual form hangs; keeps name, unit, department and division as of that year."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="years", verbose_name="项目")
    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    name = models.CharField("项目名称", max_length=200)
    unit = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="预算单位")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="主管部门")
    division = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="归口科室"
    )
    category = models.CharField("项目类别", max_length=2, choices=ProjectCategory.choices)
    kind = models.CharField("新增/延续", max_length=10, choices=ProjectKind.choices)
    fund_source = models.CharField("资金性质", max_length=40, blank=True)
    fund_level = models.CharField("资金级次", max_length=6, choices=FundLevel.choices, blank=True)
    is_key = models.BooleanField("重点项目", default=False)
    is_sampled = models.BooleanField("抽评项目", default=False)
    marks = models.JSONField("标记", default=list, blank=True, help_text="如 三保、债券、救灾应急，供规则豁免使用")

    objects = ProjectYearQuerySet.as_manager()

    class Meta:
        verbose_name = "年度项目"
        verbose_name_plural = "年度项目"
        ordering: ClassVar = ["fiscal_year", "project__code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "fiscal_year"], name="budgets_projectyear_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["fiscal_year", "department"], name="budgets_py_department"),
            models.Index(fields=["fiscal_year", "division"], name="budgets_py_division"),
            models.Index(fields=["fiscal_year", "unit"], name="budgets_py_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.fiscal_year}）"

    def roles_of(self, user: Any) -> frozenset[str]:
        """Role codes that `user` holds towards this project in this year."""
        held = user.roles_towards(unit_id=self.unit_id, department_id=self.department_id, division_id=self.division_id)
        own_units = user.ids_where(BY_UNIT)
        if own_units and self.project.units.filter(pk__in=own_units).exists():
            held |= frozenset(m.role for m in user.active_memberships if m.role in BY_UNIT)
        return held


class SourceQuerySet(models.QuerySet["Source"]):
    def visible_to(self, user: Any) -> Self:
        """Those who import."""
        return self if user.role_set & IMPORTERS else self.none()


class Source(models.Model):
    """来源方案: where rows come from and which heading stands for which column; mapped on screen once."""

    name = models.CharField("来源名称", max_length=60, unique=True)
    kind = models.CharField("种类", max_length=10, choices=SourceKind.choices)
    mapping = models.JSONField("列对应", default=dict, blank=True, help_text="列名 → 文件中的表头")

    objects = SourceQuerySet.as_manager()

    class Meta:
        verbose_name = "来源方案"
        verbose_name_plural = "来源方案"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class YearBasis(models.Model):
    """支付口径: one kind of payment data per fiscal year and fund."""

    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    fund_source = models.CharField("资金性质", max_length=40, blank=True)
    basis = models.CharField("支付口径", max_length=10, choices=PaymentBasis.choices)

    class Meta:
        verbose_name = "支付口径"
        verbose_name_plural = "支付口径"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fiscal_year", "fund_source"], name="budgets_yearbasis_once")
        ]

    def __str__(self) -> str:
        return f"{self.fiscal_year} {self.fund_source} {self.get_basis_display()}"


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def visible_to(self, user: Any) -> Self:
        """Those who import."""
        return self if user.role_set & IMPORTERS else self.none()


class ImportBatch(models.Model):
    """导入批次: one import as it was done. Names the files, the 截至日 and the counts; never changed afterwards."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="batches", verbose_name="来源方案")
    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    as_of = models.DateField("截至日", help_text="文件中最晚的业务日期，或余额表的月末")
    files = models.ManyToManyField(StoredFile, verbose_name="文件")
    counts = models.JSONField("计数", default=dict)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="导入人"
    )
    imported_at = models.DateTimeField("导入时间", auto_now_add=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        verbose_name = "导入批次"
        verbose_name_plural = "导入批次"
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["fiscal_year", "-as_of"], name="budgets_batch_as_of")]

    def __str__(self) -> str:
        return f"{self.source} {self.fiscal_year}（截至 {self.as_of}）"


class EntryFields(models.Model):
    """What a line of money says, whether posted or still 待认领."""

    kind = models.CharField("业务类型", max_length=12, choices=EntryKind.choices)
    amount = money("金额（元）")
    date = models.DateField("业务日期")
    allocation = models.CharField("指标文号/ID", max_length=80, blank=True)
    vintage = models.PositiveSmallIntegerField("指标年度", null=True)
    fund_source = models.CharField("资金性质", max_length=40, blank=True)
    fund_level = models.CharField("资金级次", max_length=6, choices=FundLevel.choices, blank=True)
    function_code = models.CharField("功能分类", max_length=20, blank=True)
    economic_code = models.CharField("经济分类", max_length=20, blank=True)
    summary = models.CharField("摘要", max_length=200, blank=True)
    source_key = models.CharField("来源键", max_length=120, help_text="凭证号+明细号，或来源内的唯一键")

    class Meta:
        abstract = True


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def visible_to(self, user: Any) -> Self:
        """The entries of the project-years that the user sees."""
        if user.sees_county:
            return self
        return self.filter(project_year__in=ProjectYear.objects.visible_to(user))


@pgtrigger.register(keep_year_totals())
@append_only
class LedgerEntry(EntryFields):
    """流水. Append-only: a changed row is a reversal (next revision, same date) and a further revision.

    `amount` is signed by its effect on the budget or on the payments (see `EntryKind`).
    """

    project_year = models.ForeignKey(
        ProjectYear, models.PROTECT, related_name="entries", db_index=False, verbose_name="年度项目"
    )
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", db_index=False, verbose_name="来源")
    revision = models.PositiveSmallIntegerField("修订号", default=1)
    is_reversal = models.BooleanField("冲销", default=False)
    batch = models.ForeignKey(
        ImportBatch, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name="导入批次"
    )
    recorded_at = models.DateTimeField("记入时间", auto_now_add=True)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "流水"
        verbose_name_plural = "流水"
        ordering: ClassVar = ["date", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "source_key", "revision"], name="budgets_entry_once"),
            models.CheckConstraint(
                condition=Q(is_reversal=True)
                | Q(kind=EntryKind.CORRECTION)
                | Q(kind__in=NEGATIVE_KINDS, amount__lte=0)
                | (~Q(kind__in=[*NEGATIVE_KINDS, EntryKind.CORRECTION]) & Q(amount__gte=0)),
                name="budgets_entry_sign",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project_year", "date"], name="budgets_entry_project"),
            # As-of questions subtract the few budget entries dated later; payments come from the month columns.
            models.Index(fields=["date"], condition=Q(kind__in=BUDGET_KINDS), name="budgets_entry_budget_date"),
            BrinIndex(fields=["batch"], name="budgets_entry_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"


class HeldEntryQuerySet(models.QuerySet["HeldEntry"]):
    def visible_to(self, user: Any) -> Self:
        """The bureau's own desks: a row without a project belongs to nobody else yet."""
        return self if user.sees_county else self.none()

    def open(self) -> Self:
        return self.filter(claimed_entry__isnull=True)


class HeldEntry(EntryFields):
    """待认领: a row whose project code nobody knows yet. Shown in every total until somebody claims it."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name="来源")
    batch = models.ForeignKey(ImportBatch, models.PROTECT, related_name="held", verbose_name="导入批次")
    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    project_code = models.CharField("项目代码", max_length=40)
    project_name = models.CharField("项目名称", max_length=200, blank=True)
    claimed_entry = models.OneToOneField(
        LedgerEntry, models.PROTECT, null=True, blank=True, related_name="held", verbose_name="认领后的流水"
    )

    objects = HeldEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "待认领流水"
        verbose_name_plural = "待认领流水"
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=Q(claimed_entry__isnull=True),
                name="budgets_held_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.project_code} {self.amount}"


class VanishedEntryQuerySet(models.QuerySet["VanishedEntry"]):
    def visible_to(self, user: Any) -> Self:
        """The bureau's own desks."""
        return self if user.sees_county else self.none()

    def open(self) -> Self:
        return self.filter(state=VanishedState.OPEN)


class VanishedEntry(models.Model):
    """消失流水: a row of an earlier file that a later year-to-date file no longer has. A person decides."""

    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="+", verbose_name="流水")
    batch = models.ForeignKey(ImportBatch, models.PROTECT, related_name="vanished", verbose_name="发现批次")
    state = models.CharField("处理", max_length=10, choices=VanishedState.choices, default=VanishedState.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True)
    reason = models.CharField("理由", max_length=200, blank=True)

    objects = VanishedEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "消失流水"
        verbose_name_plural = "消失流水"
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry"], condition=Q(state=VanishedState.OPEN), name="budgets_vanished_once"
            ),
            models.CheckConstraint(
                condition=Q(state=VanishedState.OPEN, decided_at__isnull=True)
                | (~Q(state=VanishedState.OPEN) & Q(decided_at__isnull=False)),
                name="budgets_vanished_decided",
            ),
        ]

    def __str__(self) -> str:
        return str(self.entry)


class YearTotals(models.Model):
    """年度合计: one row per project-year and 指标 line; `allocation` "" means 未分解到指标.

    Kept by the ledger's AFTER INSERT statement trigger. Amounts are signed like the entries: `reductions`,
    `transfers_out` and `recovered` are zero or negative. `vintage`, `fund_source`, `fund_level`, `function_code`
    are those of the line's entries where they agree; null or "" where none says, 0 or "*" where they differ.
    """

    project_year = models.ForeignKey(
        ProjectYear, models.PROTECT, related_name="totals", db_index=False, verbose_name="年度项目"
    )
    allocation = models.CharField("指标文号/ID", max_length=80, blank=True)
    vintage = models.PositiveSmallIntegerField("指标年度", null=True)
    fund_source = models.CharField("资金性质", max_length=40, blank=True)
    fund_level = models.CharField("资金级次", max_length=6, choices=FundLevel.choices, blank=True)
    function_code = models.CharField("功能分类", max_length=20, blank=True)
    initial = money("年初预算", default=Decimal(0))
    carried_over = money("上年结转", default=Decimal(0))
    supplements = money("追加", default=Decimal(0))
    reductions = money("调减", default=Decimal(0))
    transfers_in = money("调剂转入", default=Decimal(0))
    transfers_out = money("调剂转出", default=Decimal(0))
    recovered = money("收回", default=Decimal(0))
    paid_01 = money("1月支付", default=Decimal(0))
    paid_02 = money("2月支付", default=Decimal(0))
    paid_03 = money("3月支付", default=Decimal(0))
    paid_04 = money("4月支付", default=Decimal(0))
    paid_05 = money("5月支付", default=Decimal(0))
    paid_06 = money("6月支付", default=Decimal(0))
    paid_07 = money("7月支付", default=Decimal(0))
    paid_08 = money("8月支付", default=Decimal(0))
    paid_09 = money("9月支付", default=Decimal(0))
    paid_10 = money("10月支付", default=Decimal(0))
    paid_11 = money("11月支付", default=Decimal(0))
    paid_12 = money("12月支付", default=Decimal(0))
    adjusted = GeneratedField(
        verbose_name="全年预算",
        expression=F("initial")
        + F("carried_over")
        + F("supplements")
        + F("reductions")
        + F("transfers_in")
        + F("transfers_out")
        + F("recovered"),
        output_field=money("全年预算"),
        db_persist=True,
    )
    paid = GeneratedField(
        verbose_name="全年支付",
        expression=F("paid_01")
        + F("paid_02")
        + F("paid_03")
        + F("paid_04")
        + F("paid_05")
        + F("paid_06")
        + F("paid_07")
        + F("paid_08")
        + F("paid_09")
        + F("paid_10")
        + F("paid_11")
        + F("paid_12"),
        output_field=money("全年支付"),
        db_persist=True,
    )

    class Meta:
        verbose_name = "年度合计"
        verbose_name_plural = "年度合计"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project_year", "allocation"], name="budgets_totals_line")
        ]

    def __str__(self) -> str:
        return f"{self.project_year_id} {self.allocation}"


class ProjectFigures(models.Model):
    """年度项目合计: the sum over a project-year's lines, for lists that filter and sort a hundred thousand of them.

    Kept by the ledger's trigger together with `YearTotals`; a project-year without entries has no row.
    """

    project_year = models.OneToOneField(
        ProjectYear, models.PROTECT, primary_key=True, related_name="figures", verbose_name="年度项目"
    )
    initial = money("年初预算", default=Decimal(0))
    carried_over = money("上年结转", default=Decimal(0))
    recovered = money("收回", default=Decimal(0))
    adjusted = money("全年预算", default=Decimal(0))
    paid = money("全年支付", default=Decimal(0))

    class Meta:
        verbose_name = "年度项目合计"
        verbose_name_plural = "年度项目合计"

    def __str__(self) -> str:
        return f"{self.project_year_id}"


@track()
class Commitment(models.Model):
    """本年必须支付: what the unit declares it must still pay this year, with evidence. Never counts as spending."""

    project_year = models.ForeignKey(ProjectYear, models.PROTECT, related_name="commitments", verbose_name="年度项目")
    allocation = models.CharField("指标文号/ID", max_length=80, blank=True)
    amount = money("本年必须支付（元）")
    reason = models.CharField("事由", max_length=300)
    evidence = models.CharField("佐证及存放处", max_length=300)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="申报人")
    declared_at = models.DateTimeField("申报时间", auto_now=True)

    class Meta:
        verbose_name = "本年必须支付"
        verbose_name_plural = "本年必须支付"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project_year", "allocation"], name="budgets_commitment_line"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="budgets_commitment_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.project_year} {self.amount}"


@track()
class PerformanceRecord(models.Model):
    """绩效档案: what a year's work said of a project, written by later stages, read by next year's earlier ones."""

    project_year = models.ForeignKey(ProjectYear, models.PROTECT, related_name="record", verbose_name="年度项目")
    stage = models.CharField("环节", max_length=20, choices=FindingStage.choices)
    grade = models.CharField("等级", max_length=10, choices=Grade.choices, blank=True)
    score = models.DecimalField("得分", max_digits=5, decimal_places=2, null=True)
    decision = models.CharField("结果应用", max_length=200, blank=True)
    source_key = models.CharField("来源键", max_length=120, unique=True)

    class Meta:
        verbose_name = "绩效档案"
        verbose_name_plural = "绩效档案"

    def __str__(self) -> str:
        return f"{self.project_year} {self.get_stage_display()}"


@track()
class Finding(models.Model):
    """问题: found by any stage, closed by rectification, read by targets."""

    project_year = models.ForeignKey(ProjectYear, models.PROTECT, related_name="findings", verbose_name="年度项目")
    stage = models.CharField("环节", max_length=20, choices=FindingStage.choices)
    text = models.TextField("问题")
    amount = money("涉及金额（元）", null=True, blank=True)
    state = models.CharField("整改状态", max_length=10, choices=FindingState.choices, default=FindingState.OPEN)
    source_key = models.CharField("来源键", max_length=120, unique=True)

    class Meta:
        verbose_name = "问题"
        verbose_name_plural = "问题"

    def __str__(self) -> str:
        return self.text[:40]
