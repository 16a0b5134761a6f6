"""用户 and memberships by workbook: every error at once, all rows or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from core.workbooks import Reading, Source
from organisations.enums import Role
from organisations.models import Membership, Organisation, User
from organisations.passwords import hash_temporary, temporary_password
from organisations.roles import ADMINISTRATORS
from organisations.rules import overlap
from organisations.services.accounts import MIXED, mixes, not_holdable
from organisations.services.imports import ImportResult, begin, done, log_import, refused
from organisations.workbook import USER_SHEET, USERS

PERSON = ("full_name", "phone", "email")


@transaction.atomic
def import_users(
    *, files: Iterable[Source], by: User | None, dry_run: bool = False, annotate: Path | None = None
) -> ImportResult:
    """Create and update users and memberships from workbooks; new users get temporary passwords, in the answer once.

    With errors nothing is written; all are in the answer. Rows count once: a row is created where its user or its
    membership is new, updated where a field of the user or the period changes.
    """
    reading, sources = begin(USERS, files, by=by)
    plan = _Plan(reading, by)
    plan.check()
    if not reading.ok:
        return refused(reading, sources, annotate=annotate)
    steps = [plan.step(row) for row in plan.rows]
    result = done(reading, steps.count("created"), steps.count("updated"), steps.count("unchanged"))
    if not dry_run:
        result.passwords = plan.write()
        log_import("用户", result, by=by)
    return result


@dataclass
class _Plan:
    reading: Reading
    by: User | None
    today: date = field(default_factory=timezone.localdate)

    def __post_init__(self) -> None:
        self.rows = [row for row in self.reading.rows[USER_SHEET] if row.username is not None]
        names = {row.username for row in self.rows}
        users = User.objects.select_for_update().filter(username__in=names).order_by("pk")
        self.users = {user.username: user for user in users}
        self.organisations = {o.code: o for o in Organisation.objects.all()}
        self.held: dict[str, list[Membership]] = {}
        for m in Membership.objects.filter(user__username__in=names).select_related("user", "organisation"):
            self.held.setdefault(m.user.username, []).append(m)
        self.first: dict[str, Any] = {}

    # --- checks ---

    def fault(self, row: Any, key: str, code: str, text: str) -> None:
        self.reading.fault(USER_SHEET, row, key, code, text)

    def has(self, key: str) -> bool:
        return self.reading.has(USER_SHEET, key)

    def check(self) -> None:
        asked: dict[str, list[Any]] = {}
        for row in self.rows:
            self._check_person(row)
            if self._check_place(row):
                asked.setdefault(row.username, []).append(row)
        for username, rows in asked.items():
            self._check_mixture(username, rows)

    def _check_person(self, row: Any) -> None:
        first = self.first.setdefault(row.username, row)
        for key in PERSON:
            value, before = getattr(row, key), getattr(first, key)
            if value is not None and before is not None and value != before:
                label = USERS.sheet(USER_SHEET).column(key).label
                text = f"用户名“{row.username}”的{label}与第 {first.row_no} 行（{before}）不一致，请改为一致"
                self.fault(row, key, "PERSON_DIFFERS", text)
        if row.email is not None:
            try:
                validate_email(row.email)
            except ValidationError:
                self.fault(row, "email", "EMAIL_INVALID", f"“{row.email}”不是有效的邮箱地址，请改正")

    def _check_place(self, row: Any) -> bool:
        """Whether the row names a membership that can be weighed further."""
        if row.valid_from and row.valid_to and row.valid_to < row.valid_from:
            self.fault(row, "valid_to", "PERIOD", f"截止 {row.valid_to} 早于起始 {row.valid_from}，请改正")
        if row.organisation is None and row.role is None:
            return False
        if row.organisation is None:
            self.fault(row, "organisation", "ORGANISATION_MISSING", "填了角色，须同时填写机构代码")
            return False
        found = self.organisations.get(row.organisation)
        if found is None:
            text = f"系统中没有代码为“{row.organisation}”的机构，请核对，或先导入该机构"
            self.fault(row, "organisation", "ORGANISATION_UNKNOWN", text)
        if row.role is None:
            if not any(e.cell == self.reading.cell(USER_SHEET, row, "role").cell for e in self.reading.errors):
                self.fault(row, "role", "ROLE_MISSING", "填了机构代码，须同时选择角色")
            return False
        refusal = not_holdable(row.role, found.kind) if found else ""
        if refusal:
            self.fault(row, "role", "ROLE_NOT_HELD_HERE", f"{refusal.rstrip('。')}，请改正角色或机构代码")
        allowed = self.by is None or Role.SECURITY_ADMIN in self.by.role_set
        if row.role in ADMINISTRATORS and not allowed and self._membership(row) is None:
            text = "系统、安全、审计管理员只能由安全管理员任免，请删除该行"
            self.fault(row, "role", "ADMINISTRATOR_FORBIDDEN", text)
        return found is not None and not refusal

    def _check_mixture(self, username: str, rows: list[Any]) -> None:
        """三员分立, among the rows and beside what is held already."""
        held = [(m.role, m.valid_from, m.valid_to) for m in self.held.get(username, [])]
        for row in rows:
            begins = row.valid_from or self.today
            others = held + [(o.role, o.valid_from or self.today, o.valid_to) for o in rows if o is not row]
            if any(mixes(row.role, role) and overlap(begins, row.valid_to, a, b) for role, a, b in others):
                self.fault(row, "role", "ADMINISTRATOR_MIXED", MIXED)

    # --- what changes ---

    def _membership(self, row: Any) -> Membership | None:
        """The row's membership where it is held already: the one whose period meets the row's."""
        for m in self.held.get(row.username, []):
            same = m.deputy_for_id is None and m.role == row.role and m.organisation.code == row.organisation
            if same and overlap(row.valid_from or self.today, row.valid_to, m.valid_from, m.valid_to):
                return m
        return None

    def _person_changes(self, row: Any) -> dict[str, str]:
        user = self.users[row.username]
        asked = {key: getattr(row, key) for key in PERSON}
        return {key: value for key, value in asked.items() if value is not None and value != getattr(user, key)}

    def _period_changes(self, row: Any, membership: Membership) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if row.valid_from and row.valid_from != membership.valid_from:
            changes["valid_from"] = row.valid_from
        if self.has("valid_to") and row.valid_to != membership.valid_to:
            changes["valid_to"] = row.valid_to
        return changes

    def step(self, row: Any) -> str:
        """created, updated or unchanged."""
        if row.username not in self.users:
            return "created"
        if row.organisation is not None:
            membership = self._membership(row)
            if membership is None:
                return "created"
            if self._period_changes(row, membership):
                return "updated"
        return "updated" if self._person_changes(row) else "unchanged"

    # --- writing ---

    def write(self) -> list[tuple[str, str, str]]:
        passwords = self._create_users()
        new: list[Membership] = []
        for row in self.rows:
            user = self.users[row.username]
            changes = self._person_changes(row)
            if changes:
                for key, value in changes.items():
                    setattr(user, key, value)
                user.save(update_fields=list(changes))
            if row.organisation is None:
                continue
            membership = self._membership(row)
            if membership is None:
                new.append(
                    Membership(
                        user=user,
                        organisation=self.organisations[row.organisation],
                        role=row.role,
                        valid_from=row.valid_from or self.today,
                        valid_to=row.valid_to,
                    )
                )
                continue
            period = self._period_changes(row, membership)
            if period:
                for key, value in period.items():
                    setattr(membership, key, value)
                membership.save(update_fields=list(period))
        Membership.objects.bulk_create(new)
        return passwords

    def _create_users(self) -> list[tuple[str, str, str]]:
        told: list[tuple[str, str, str]] = []
        made: list[User] = []
        for row in self.first.values():
            if row.username in self.users:
                continue
            password = temporary_password()
            told.append((row.username, row.full_name, password))
            made.append(
                User(
                    username=row.username,
                    full_name=row.full_name,
                    phone=row.phone or "",
                    email=row.email or "",
                    password=hash_temporary(password),
                    password_changed_at=timezone.now(),
                    must_change_password=True,
                )
            )
        self.users |= {user.username: user for user in User.objects.bulk_create(made)}
        return told
