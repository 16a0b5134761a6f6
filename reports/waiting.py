"""待我办理: what waits for this user, by deadline. One function a stage; each answers lines of counted rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from django.utils import timezone

from budgets.models import HeldEntry, VanishedEntry
from core.enums import JobState
from core.models import Job
from monitoring.enums import LineState
from monitoring.models import RecoveryLine
from notices.models import Notice, Recipient
from organisations.enums import Role
from organisations.roles import DEPARTMENT_STAFF

WAN = Decimal(10_000)
OPINION_ROLES = frozenset({Role.UNIT_REVIEWER, Role.DEPARTMENT_REVIEWER, Role.DIVISION_OFFICER})


@dataclass(frozen=True)
class Waiting:
    """One line. `entry` is the navigation entry it counts for; `route` opens it, with `key` as pk where given."""

    entry: str
    kind: str
    text: str
    route: str
    count: int = 1
    key: int | None = None
    due: date | None = None
    note: str = ""
    urgent: bool = False

    def days_left(self, today: date) -> int | None:
        return (self.due - today).days if self.due else None

    def due_text(self, today: date) -> str:
        left = self.days_left(today)
        if left is None:
            return self.note
        if left < 0:
            return f"逾期 {-left} 天"
        return "今天" if left == 0 else f"剩 {left} 天"

    def is_late(self, today: date) -> bool:
        left = self.days_left(today)
        return left is not None and left < 0

    def tone(self, today: date) -> str:
        """Red when late or urgent, amber within three days, else grey."""
        left = self.days_left(today)
        if self.urgent or (left is not None and left < 0):
            return "red"
        return "amber" if left is not None and left <= 3 else "grey"


def waiting(user: Any, year: int) -> list[Waiting]:
    """Everything that waits for `user` in this work year: first what has a deadline, the earliest first."""
    found = [
        *opinions(user, year),
        *recovery(user, year),
        *ledger(user, year),
        *notices(user, year),
        *failed_jobs(user),
    ]
    return sorted(found, key=lambda one: (one.due is None, one.due or date.max, not one.urgent))


def opinions(user: Any, year: int) -> Iterator[Waiting]:
    """Recovery lines on which the user's own organisation has been asked and has not answered."""
    if not user.role_set & OPINION_ROLES:
        return
    lines = RecoveryLine.objects.visible_to(user).filter(run__fiscal_year=year, state=LineState.CONSULTING)
    asked = lines.exclude(opinions__organisation__in=user.organisation_ids).aggregate(
        lines=Count("pk"), amount=Sum("recoverable"), due=Min("run__opinion_deadline")
    )
    if asked["lines"]:
        text = f"{asked['lines']} 个项目拟收回 {_wan(asked['amount'])} 万元，请反馈意见"
        yield Waiting("recovery", "资金收回", text, "recovery_list", asked["lines"], due=asked["due"])


# What a state asks of whom, and in which words.
STEPS = (
    (LineState.PROPOSED, frozenset({Role.PERFORMANCE_SECTION}), "{n} 项拟收回 {amount} 万元，待征求意见"),
    (
        LineState.REVIEWING,
        frozenset({Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION}),
        "{n} 项拟收回 {amount} 万元，待会审",
    ),
    (LineState.DECIDED, frozenset({Role.PERFORMANCE_SECTION}), "{n} 项已决定收回 {amount} 万元，待交预算科执行"),
    (LineState.PENDING, frozenset({Role.BUDGET_DIVISION}), "{n} 项决定收回 {amount} 万元，待执行"),
)


def recovery(user: Any, year: int) -> Iterator[Waiting]:
    """The bureau's own steps of the year's recovery: one grouped query."""
    steps = [step for step in STEPS if user.role_set & step[1]]
    if not steps:
        return
    lines = RecoveryLine.objects.visible_to(user).filter(
        run__fiscal_year=year, state__in=[state for state, _, _ in steps]
    )
    rows = lines.order_by().values("state").annotate(n=Count("pk"), asked=Sum("recoverable"), decided=Sum("decided"))
    by_state = {row["state"]: row for row in rows}
    for state, _, words in steps:
        if row := by_state.get(state):
            text = words.format(n=row["n"], amount=_wan(row["decided"] or row["asked"]))
            yield Waiting("recovery", "资金收回", text, "recovery_list", row["n"])


def ledger(user: Any, year: int) -> Iterator[Waiting]:
    """Imported rows that a person must settle: of unknown projects, and rows that a later file no longer has."""
    if Role.PERFORMANCE_SECTION not in user.role_set:
        return
    held = (
        HeldEntry.objects.visible_to(user)
        .open()
        .filter(fiscal_year=year)
        .aggregate(n=Count("pk"), amount=Sum("amount"))
    )
    if held["n"]:
        text = f"{held['n']} 笔流水的项目代码未识别，合计 {_wan(held['amount'])} 万元，待认领"
        yield Waiting("imports", "数据导入", text, "held_list", held["n"], urgent=True)
    vanished = VanishedEntry.objects.visible_to(user).open().filter(entry__project_year__fiscal_year=year).count()
    if vanished:
        yield Waiting(
            "imports", "数据导入", f"{vanished} 笔流水在新文件中不见了，待处理", "vanished_list", vanished, urgent=True
        )


def notices(user: Any, year: int) -> Iterator[Waiting]:
    """Departments: letters not yet confirmed. The section: letters that some have not confirmed."""
    if user.role_set & DEPARTMENT_STAFF:
        mine = Recipient.objects.visible_to(user).filter(notice__fiscal_year=year, confirmed_at__isnull=True)
        for recipient in mine.select_related("notice").order_by("-notice__issued_on", "pk")[:10]:
            notice = recipient.notice
            text = f"{notice.number}《{notice.title}》待确认收悉"
            yield Waiting("notices", "通知公文", text, "notice", key=notice.pk, note=_issued(notice.issued_on))
    elif Role.PERFORMANCE_SECTION in user.role_set:
        late = Count("recipients", filter=Q(recipients__confirmed_at__isnull=True))
        open_ = Notice.objects.visible_to(user).issued().filter(fiscal_year=year).annotate(late=late).filter(late__gt=0)
        for notice in open_.order_by("-issued_on", "pk")[:10]:
            text = f"{notice.number}，尚有 {notice.late} 家未签收"
            yield Waiting("notices", "通知公文", text, "notice", key=notice.pk, note=_issued(notice.issued_on))


def failed_jobs(user: Any) -> Iterator[Waiting]:
    """The user's own jobs that ended without success in the last seven days and were not done again since."""
    since = timezone.now() - timedelta(days=7)
    later = Job.objects.filter(kind=OuterRef("kind"), key=OuterRef("key"), pk__gt=OuterRef("pk"), state=JobState.DONE)
    jobs = Job.objects.visible_to(user).filter(started_by=user, state=JobState.FAILED, finished_at__gte=since)
    jobs = jobs.exclude(Exists(later))
    for job in jobs.order_by("-pk")[:5]:
        note = f"{timezone.localtime(job.finished_at):%m-%d %H:%M}"
        yield Waiting("jobs", "后台作业", f"{job.title}未完成，请查看错误", "job", key=job.pk, note=note, urgent=True)


def _wan(yuan: Decimal | None) -> str:
    return f"{((yuan or Decimal(0)) / WAN).quantize(Decimal('0.01')):,}"


def _issued(day: date | None) -> str:
    days = (timezone.localdate() - day).days if day else 0
    return "今天发文" if days == 0 else f"发文 {days} 天"
