"""What every stage stands on: flow records, files, jobs, drafts, the security log. The list is closed (see tests)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.enums import ACTIVE_JOB_STATES, JobState, SecurityEventKind
from core.history import append_only
from core.workflow import Answer, Workflow

if TYPE_CHECKING:
    from datetime import datetime


class FlowRecord(models.Model):
    """流转记录. Each app that owns a form declares its own table: `subject` is a real foreign key to the form.

    `related_name` of `subject` must be `flow`. Register the concrete class with `core.history.append_only`.
    """

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="办理人"
    )
    actor_name = models.CharField("办理人姓名", max_length=150, help_text="办理时的姓名与岗位")
    action = models.CharField("操作代码", max_length=40)
    label = models.CharField("操作", max_length=40)
    from_state = models.CharField("原状态", max_length=30)
    to_state = models.CharField("新状态", max_length=30)
    comment = models.TextField("意见", blank=True)
    warning = models.TextField("提示", blank=True, help_text="如同一人办理相邻步骤，或因本部门即本单位而跳过")
    version = models.PositiveIntegerField("办理后版本")
    at = models.DateTimeField("办理时间", auto_now_add=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.label}"


class Stateful(models.Model):
    """A form that moves through a `Workflow`. Only `core.services.move` assigns `state` and steps `version`.

    Subclasses set `MOVES`, declare their own `state` choices and answer `roles_of`.
    """

    MOVES: ClassVar[Workflow]

    state: Any  # each subclass declares its own CharField with choices
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        abstract = True

    def roles_of(self, user: Any) -> frozenset[str]:
        """Role codes that `user` holds towards this object."""
        raise NotImplementedError

    @property
    def unit_is_department(self) -> bool:
        """The unit reports to nobody in between: steps of the 主管部门 are skipped and recorded so."""
        return False

    def answers(self, user: Any) -> list[Answer]:
        """Every move leaving the present state as `user` may see it: allowed, or greyed with its reason."""
        done = self.flow.filter(actor=user).values_list("action", flat=True)  # type: ignore[attr-defined]
        return self.MOVES.answers(state=self.state, roles=self.roles_of(user), done_by_actor=done)


class StoredFile(models.Model):
    """A file by its content: stored once under its SHA-256, never changed, never under a URL of its own."""

    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    size = models.BigIntegerField("大小（字节）")
    content_type = models.CharField("类型", max_length=100, help_text="按内容判断，不按文件名")
    created_at = models.DateTimeField("存入时间", auto_now_add=True)

    class Meta:
        verbose_name = "文件"
        verbose_name_plural = "文件"

    def __str__(self) -> str:
        return self.sha256[:12]


class Attachment(models.Model):
    """附件. Each owner declares its own table with a foreign key `subject`; served only by the owner's view."""

    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="+", verbose_name="文件")
    name = models.CharField("文件名", max_length=200)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="上传人")
    uploaded_at = models.DateTimeField("上传时间", auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: Any) -> Self:
        """A job is seen by its starter and by holders of `core.view_any_job`."""
        return self if user.has_perm("core.view_any_job") else self.filter(started_by=user)

    def active(self) -> Self:
        return self.filter(state__in=ACTIVE_JOB_STATES)


class Job(models.Model):
    """后台作业: the outbox row, written with its cause, and what the user watches.

    `kind` is the Celery task's name. A running job renews `heartbeat_at` and holds `fence`; whoever takes it up
    again steps `fence`, and every write of the older holder is refused (`core.jobs.Run.transaction`).
    """

    kind = models.CharField("作业种类", max_length=80)
    key = models.CharField("作业键", max_length=200, help_text="同一种类同一键同时只有一个作业")
    title = models.CharField("作业名称", max_length=200)
    params = models.JSONField("参数", default=dict)
    state = models.CharField("状态", max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="jobs", verbose_name="发起人"
    )
    total = models.PositiveIntegerField("总数", default=0)
    done = models.PositiveIntegerField("已完成数", default=0)
    unit = models.CharField("计数单位", max_length=10, default="项")
    message = models.CharField("进展", max_length=300, blank=True)
    errors = models.JSONField("错误", default=list)
    result = models.JSONField("结果", default=dict)
    fence = models.PositiveIntegerField("栅栏号", default=0)
    cancel_requested = models.BooleanField("已请求取消", default=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    sent_at = models.DateTimeField("投递时间", null=True)
    started_at = models.DateTimeField("开始时间", null=True)
    heartbeat_at = models.DateTimeField("最近心跳", null=True)
    finished_at = models.DateTimeField("结束时间", null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = "后台作业"
        verbose_name_plural = "后台作业"
        ordering: ClassVar = ["-pk"]
        permissions: ClassVar = [("view_any_job", "查看所有后台作业")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(state__in=ACTIVE_JOB_STATES), name="core_job_one_active"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ACTIVE_JOB_STATES, finished_at__isnull=True)
                | (~Q(state__in=ACTIVE_JOB_STATES) & Q(finished_at__isnull=False)),
                name="core_job_finished_at",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["heartbeat_at"], condition=Q(state__in=ACTIVE_JOB_STATES), name="core_job_active")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_JOB_STATES

    @property
    def percent(self) -> int | None:
        """Whole percent done, or None while the total is unknown."""
        return min(100, self.done * 100 // self.total) if self.total else None

    def seconds_left(self, now: datetime) -> int | None:
        """Seconds until the end at the present pace; None where nothing can be said yet."""
        if not (self.is_active and self.started_at and self.done and self.total):
            return None
        return int((now - self.started_at).total_seconds() * (self.total - self.done) / self.done)


class JobFile(models.Model):
    """A result file of a job; seen by whoever sees the job."""

    job = models.ForeignKey(Job, models.PROTECT, related_name="files", verbose_name="作业")
    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="+", verbose_name="文件")
    name = models.CharField("文件名", max_length=200)

    class Meta:
        verbose_name = "作业结果文件"
        verbose_name_plural = "作业结果文件"
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "name"], name="core_jobfile_once")]

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """What a person is typing into a form, right or wrong, as text; no history, no version step."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts", verbose_name="用户")
    form = models.CharField("表单", max_length=100, help_text="表单名与对象编号，如 opinion:15")
    base_version = models.PositiveIntegerField("基于版本", default=1)
    fields = models.JSONField("内容", default=dict)
    saved_at = models.DateTimeField("保存时间", auto_now=True)

    class Meta:
        verbose_name = "草稿"
        verbose_name_plural = "草稿"
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "form"], name="core_draft_once")]

    def __str__(self) -> str:
        return self.form


@append_only
class SecurityEvent(models.Model):
    """安全日志: logins, refusals, exports, account changes. Append-only; kept at least six months (网络安全法 21)."""

    kind = models.CharField("类型", max_length=20, choices=SecurityEventKind.choices)
    at = models.DateTimeField("时间", auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="用户")
    username = models.CharField("用户名", max_length=150, blank=True)
    address = models.GenericIPAddressField("地址", null=True)
    request_id = models.CharField("请求编号", max_length=36, blank=True)
    succeeded = models.BooleanField("是否成功", default=True)
    what = models.CharField("内容", max_length=500, blank=True)

    class Meta:
        verbose_name = "安全日志"
        verbose_name_plural = "安全日志"
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(F("at").desc(), name="core_securityevent_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.username}"
