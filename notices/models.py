"""Official notices: one number, a frozen context, and each recipient's own part."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from core.history import track
from core.models import Job, StoredFile
from notices.enums import NoticeState
from notices.rules import number_text
from organisations.models import Organisation
from organisations.roles import BUREAU_STAFF, BY_DEPARTMENT, BY_UNIT


class NumberSequence(models.Model):
    """发文顺序号: the last serial used for one 机关代字 in one year. Locked while a number is taken."""

    code = models.CharField("机关代字", max_length=20)
    year = models.PositiveSmallIntegerField("年份")
    last = models.PositiveIntegerField("最后顺序号", default=0)

    class Meta:
        verbose_name = "发文顺序号"
        verbose_name_plural = "发文顺序号"
        ordering: ClassVar = ["code", "-year"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["code", "year"], name="notices_sequence_once")]

    def __str__(self) -> str:
        return f"{self.code}〔{self.year}〕{self.last}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: Any) -> Self:
        """The bureau's staff: all. Departments and units: issued notices that are addressed to them."""
        if user.role_set & BUREAU_STAFF:
            return self
        own = user.ids_where(BY_DEPARTMENT | BY_UNIT)
        addressed = Recipient.objects.filter(organisation__in=own).values("notice")
        return self.filter(state=NoticeState.ISSUED, pk__in=addressed)

    def issued(self) -> Self:
        return self.filter(state=NoticeState.ISSUED)


@track()
@pgtrigger.register(
    pgtrigger.Protect(
        name="issued", operation=pgtrigger.Update | pgtrigger.Delete, condition=pgtrigger.Q(old__state="issued")
    ),
)
class Notice(models.Model):
    """公文. Once issued the database refuses every change: what was sent is what can be printed again."""

    kind = models.CharField("文种", max_length=30, help_text="见 notices.kinds")
    fiscal_year = models.PositiveSmallIntegerField("预算年度")
    title = models.CharField("标题", max_length=200)
    code = models.CharField("机关代字", max_length=20, blank=True)
    year = models.PositiveSmallIntegerField("发文年份", null=True)
    serial = models.PositiveIntegerField("顺序号", null=True)
    context = models.JSONField("内容", help_text="拟稿时填好并冻结的内容")
    state = models.CharField("状态", max_length=10, choices=NoticeState.choices, default=NoticeState.DRAFT)
    source_key = models.CharField("事由键", max_length=120, unique=True, help_text="由哪一事项生成，同一事项只有一件")
    issued_on = models.DateField("成文日期", null=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="印发人"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="拟稿人")
    created_at = models.DateTimeField("拟稿时间", auto_now_add=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = "公文"
        verbose_name_plural = "公文"
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["code", "year", "serial"], condition=Q(serial__isnull=False), name="notices_number_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    state=NoticeState.DRAFT, issued_on__isnull=True, issued_by__isnull=True, serial__isnull=True
                )
                | Q(
                    state=NoticeState.ISSUED,
                    issued_on__isnull=False,
                    issued_by__isnull=False,
                    serial__gte=1,
                    year__isnull=False,
                )
                & ~Q(code=""),
                name="notices_issued_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def number(self) -> str:
        """发文字号, empty while a draft."""
        if self.serial is None or self.year is None:
            return ""
        return number_text(self.code, self.year, self.serial)


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def visible_to(self, user: Any) -> Self:
        """The bureau's staff: all. A department: its own part; a unit: its department's part is not its own."""
        if user.role_set & BUREAU_STAFF:
            return self
        return self.filter(organisation__in=user.ids_where(BY_DEPARTMENT | BY_UNIT), notice__state=NoticeState.ISSUED)


@track()
@pgtrigger.register(
    # A part is written with its notice and never again: what a department was told stays what it was told.
    pgtrigger.Protect(
        name="part_frozen",
        operation=pgtrigger.Update,
        condition=pgtrigger.Q(old__part__df=pgtrigger.F("new__part")),
    ),
)
class Recipient(models.Model):
    """主送: one organisation with its own part (告知单); 已阅 and 确认收悉 are recorded by its own people."""

    notice = models.ForeignKey(Notice, models.PROTECT, related_name="recipients", verbose_name="公文")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="主送机关")
    name = models.CharField("主送名称", max_length=150, help_text="成文时的机构名称")
    part = models.JSONField("告知单内容")
    pdf = models.ForeignKey(StoredFile, models.PROTECT, null=True, related_name="+", verbose_name="告知单文件")
    confirmed_at = models.DateTimeField("确认收悉时间", null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="确认人"
    )

    objects = RecipientQuerySet.as_manager()

    class Meta:
        verbose_name = "主送"
        verbose_name_plural = "主送"
        ordering: ClassVar = ["notice", "organisation__sort_key", "organisation__code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "organisation"], name="notices_recipient_once"),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="notices_recipient_confirmed",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class NoticeBatchQuerySet(models.QuerySet["NoticeBatch"]):
    def visible_to(self, user: Any) -> Self:
        return self if user.role_set & BUREAU_STAFF else self.none()


class NoticeBatch(models.Model):
    """成批制作: one drawing of all parts of a notice as PDF, with the zip it ended in."""

    notice = models.ForeignKey(Notice, models.PROTECT, related_name="batches", verbose_name="公文")
    job = models.OneToOneField(Job, models.PROTECT, related_name="+", verbose_name="作业")
    created_at = models.DateTimeField("发起时间", auto_now_add=True)

    objects = NoticeBatchQuerySet.as_manager()

    class Meta:
        verbose_name = "成批制作"
        verbose_name_plural = "成批制作"
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return str(self.notice)
