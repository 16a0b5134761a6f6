"""历史: what the user's organisation has done and received in a work year, from the rows themselves.

Keys first: one union over the sources gives kind, key and moment of what is asked for, in order; then the shown ones
are fetched, one query a kind. Nothing is written down twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import CharField, Count, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, TruncDate
from django.urls import reverse

from core.templatetags.house import moment_text, yuan_text
from monitoring.enums import AWAITING, LineState, Stance
from monitoring.models import Opinion, RecoveryLine, RecoveryLineFlow
from notices.models import Notice, Recipient
from organisations.enums import Kind, Role
from organisations.models import Membership
from organisations.roles import BUREAU_STAFF, BY_DEPARTMENT, DEPARTMENT_STAFF
from reports.enums import DeedKind

# Kind, primary key, moment.
Key = tuple[str, int, datetime]
PORTION = 2000
# An opinion is told by its own row, with what it said; its flow record would say it a second time.
TOLD_BY_OPINIONS = (Stance.AGREE, Stance.OBJECT)


@dataclass(frozen=True)
class Deed:
    """One entry. `amount` in yuan, None where none belongs to it; `day_only`: the moment is known to the day."""

    kind: str
    at: datetime
    title: str
    code: str
    organisation: str
    by: str
    said: str
    amount: Decimal | None
    outcome: str
    route: str
    year: int
    key: int
    day_only: bool = False

    @property
    def url(self) -> str:
        return reverse(self.route, kwargs={"year": self.year, "pk": self.key})


def keys(user: Any, year: int, asked: Mapping[str, Any]) -> Any:
    """(kind, key, moment) of every entry that `user` may see, the latest first; a queryset, or () for none.

    `asked`: kind, q (project's name, code or initials; title of a notice), since, until (days), all optional.
    """
    wanted = [asked["kind"]] if asked.get("kind") else list(DeedKind.values)
    found = [_keys_of(kind, user, year, asked) for kind in wanted if kind != DeedKind.ISSUED or _is_bureau(user)]
    if not found:
        return ()
    rows = found[0].union(*found[1:], all=True) if len(found) > 1 else found[0]
    return rows.order_by("-moment", "deed", "-row")


def backwards(rows: Any) -> Any:
    """The same, the earliest first."""
    return rows.reverse() if isinstance(rows, QuerySet) else rows


def deeds(found: Iterable[Key], year: int) -> list[Deed]:
    """The entries of `found` in its order. One query for each kind that occurs."""
    chosen = list(found)
    rows: dict[tuple[str, int], Deed] = {}
    for kind in dict.fromkeys(kind for kind, _, _ in chosen):
        moments = {key: at for one, key, at in chosen if one == kind}
        for row in _FULL[kind]().filter(pk__in=moments):
            rows[kind, row.pk] = _TOLD[kind](row, moments[row.pk], year)
    return [rows[kind, key] for kind, key, _ in chosen if (kind, key) in rows]


def every_deed(found: Any, year: int) -> Iterator[Deed]:
    """All entries of `keys`, in portions: memory does not grow with their number."""
    rest = found.iterator(chunk_size=PORTION) if isinstance(found, QuerySet) else iter(found)
    while portion := list(islice(rest, PORTION)):
        yield from deeds(portion, year)


def nothing() -> QuerySet[RecoveryLine]:
    """What the filter bar stands on; the entries come from several tables."""
    return RecoveryLine.objects.none()


# ---------- which ----------


def _is_bureau(user: Any) -> bool:
    return bool(user.role_set & BUREAU_STAFF)


def _within(user: Any, path: str = "organisation") -> Q:
    """Rows of the user's own organisations: a department's with its units, the bureau's with its divisions."""
    above = user.ids_where(BY_DEPARTMENT | {Role.LEADER})
    own = Q(**{f"{path}__in": user.ids_where(BUREAU_STAFF | DEPARTMENT_STAFF)})
    return own | Q(**{f"{path}__parent__in": above, f"{path}__kind__in": [Kind.UNIT, Kind.DIVISION]})


def _lines(user: Any, year: int) -> QuerySet[RecoveryLine]:
    return RecoveryLine.objects.visible_to(user).filter(run__fiscal_year=year)


def _opinions(user: Any, year: int) -> QuerySet[Any]:
    """Departments: those they gave. The bureau, to which they are given: all it may see."""
    rows = Opinion.objects.filter(line__in=_lines(user, year).values("pk"))
    return rows if _is_bureau(user) else rows.filter(_within(user))


def _steps(user: Any, year: int) -> QuerySet[Any]:
    """Taken by people who belonged to the user's organisation on that day."""
    there = Membership.objects.filter(_within(user), user=OuterRef("actor"), valid_from__lte=OuterRef("day")).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=OuterRef("day"))
    )
    rows = RecoveryLineFlow.objects.filter(subject__in=_lines(user, year).values("pk"))
    return rows.exclude(action__in=TOLD_BY_OPINIONS).annotate(day=TruncDate("at")).filter(Exists(there))


def _received(user: Any, year: int) -> QuerySet[Any]:
    rows = Recipient.objects.visible_to(user).filter(notice__in=Notice.objects.issued().filter(fiscal_year=year))
    return rows.filter(_within(user))


def _issued(user: Any, year: int) -> QuerySet[Any]:
    return Notice.objects.visible_to(user).issued().filter(fiscal_year=year)


def _project(path: str) -> tuple[str, ...]:
    return (f"{path}__name__icontains", f"{path}__project__code__startswith", f"{path}__project__initials__startswith")


# Source, moment, and where the words of a search are looked for.
_SOURCES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    DeedKind.OPINION: (_opinions, F("given_at"), _project("line__project_year")),
    DeedKind.STEP: (_steps, F("at"), _project("subject__project_year")),
    DeedKind.RECEIVED: (_received, Cast("notice__issued_on", DateTimeField()), ("notice__title__icontains",)),
    DeedKind.ISSUED: (_issued, Cast("issued_on", DateTimeField()), ("title__icontains",)),
}


def _keys_of(kind: str, user: Any, year: int, asked: Mapping[str, Any]) -> QuerySet[Any]:
    source, moment, places = _SOURCES[kind]
    rows = source(user, year).order_by().annotate(moment=moment)
    if text := (asked.get("q") or "").strip():
        lower = {place: text.lower() if "initials" in place else text for place in places}
        words = Q()
        for place, value in lower.items():
            words |= Q(**{place: value})
        rows = rows.filter(words)
    if since := asked.get("since"):
        rows = rows.filter(moment__date__gte=since)
    if until := asked.get("until"):
        rows = rows.filter(moment__date__lte=until)
    deed = Value(str(kind), output_field=CharField())
    found: QuerySet[Any] = rows.annotate(deed=deed, row=F("pk")).values_list("deed", "row", "moment")
    return found


# ---------- what they say ----------


def outcome_of(line: RecoveryLine) -> str:
    """How far the line has come, with the amount once it is decided."""
    if line.state == LineState.EXECUTED:
        return f"已执行收回 {yuan_text(line.decided)} 元"
    if line.state in AWAITING:
        return f"决定收回 {yuan_text(line.decided)} 元，待执行"
    return str(LineState(line.state).label)


def _opinion(row: Opinion, at: datetime, year: int) -> Deed:
    said = str(Stance(row.stance).label)
    if row.must_pay is not None:
        said += f"，本年必须支付 {yuan_text(row.must_pay)} 元"
    return Deed(
        kind=DeedKind.OPINION,
        at=at,
        title=row.line.project_year.name,
        code=row.line.project_year.project.code,
        organisation=str(row.organisation),
        by=str(row.given_by or "命令行导入"),
        said=f"{said}：{row.text}" if row.text else said,
        amount=row.accepted,
        outcome=outcome_of(row.line),
        route="recovery_line",
        year=year,
        key=row.line_id,
    )


def _step(row: RecoveryLineFlow, at: datetime, year: int) -> Deed:
    line = row.subject
    return Deed(
        kind=DeedKind.STEP,
        at=at,
        title=line.project_year.name,
        code=line.project_year.project.code,
        organisation=str(line.project_year.department),
        by=row.actor_name,
        said=f"{row.label}：{row.comment}" if row.comment else row.label,
        amount=line.recoverable if line.decided is None else line.decided,
        outcome=outcome_of(line),
        route="recovery_line",
        year=year,
        key=line.pk,
    )


def _receipt(row: Recipient, at: datetime, year: int) -> Deed:
    amount = row.part.get("amount")
    confirmed = f"{moment_text(row.confirmed_at)} {row.confirmed_by}确认收悉" if row.confirmed_at else "尚未确认收悉"
    return Deed(
        kind=DeedKind.RECEIVED,
        at=at,
        title=row.notice.title,
        code=row.notice.number,
        organisation=row.name,
        by=str(row.confirmed_by or ""),
        said="主送",
        amount=None if amount is None else Decimal(str(amount)),
        outcome=confirmed,
        route="notice",
        year=year,
        key=row.notice_id,
        day_only=True,
    )


def _issue(row: Any, at: datetime, year: int) -> Deed:
    return Deed(
        kind=DeedKind.ISSUED,
        at=at,
        title=row.title,
        code=row.number,
        organisation="",
        by=str(row.issued_by),
        said="印发",
        amount=None,
        outcome=f"主送 {row.addressed} 家，{row.confirmed} 家已确认收悉",
        route="notice",
        year=year,
        key=row.pk,
        day_only=True,
    )


def _issued_in_full() -> QuerySet[Any]:
    counts = {
        "addressed": Count("recipients"),
        "confirmed": Count("recipients", filter=Q(recipients__confirmed_at__isnull=False)),
    }
    return Notice.objects.select_related("issued_by").annotate(**counts)


_FULL: dict[str, Any] = {
    DeedKind.OPINION: lambda: Opinion.objects.select_related("line__project_year__project", "organisation", "given_by"),
    DeedKind.STEP: lambda: RecoveryLineFlow.objects.select_related(
        "subject__project_year__project", "subject__project_year__department"
    ),
    DeedKind.RECEIVED: lambda: Recipient.objects.select_related("notice", "confirmed_by"),
    DeedKind.ISSUED: _issued_in_full,
}
_TOLD: dict[str, Any] = {
    DeedKind.OPINION: _opinion,
    DeedKind.STEP: _step,
    DeedKind.RECEIVED: _receipt,
    DeedKind.ISSUED: _issue,
}

__all__ = ["Deed", "Key", "backwards", "deeds", "every_deed", "keys", "nothing", "outcome_of"]
