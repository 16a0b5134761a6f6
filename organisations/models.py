"""Organisations as a tree with dated names; users, their memberships and roles."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core.history import track
from core.pinyin import initials
from organisations.enums import DivisionFunction, Kind, Role
from organisations.roles import (
    ADMINISTRATORS,
    BUREAU_STAFF,
    BY_DEPARTMENT,
    BY_UNIT,
    COUNTY_WIDE,
    PERMISSIONS,
)


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def visible_to(self, user: User) -> Self:
        """The bureau's staff and the administrators see all; others their own branch, its 归口科室 and the bureau."""
        if user.role_set & (BUREAU_STAFF | ADMINISTRATORS):
            return self
        own = [m.organisation for m in user.active_memberships]
        above = [o.parent for o in own if o.parent]
        near = {o.pk for o in own + above} | {o.division_id for o in own + above if o.division_id}
        return self.filter(Q(pk__in=near) | Q(parent__in=user.ids_where(BY_DEPARTMENT)) | Q(kind=Kind.BUREAU))


@track()
class Organisation(models.Model):
    """机构. `name` is the present name; older ones live in `OrganisationName` with their dates."""

    kind = models.CharField("类型", max_length=12, choices=Kind.choices)
    code = models.CharField("代码", max_length=38, unique=True, help_text="预算单位代码，如 219、219001")
    name = models.CharField("名称", max_length=150)
    short_name = models.CharField("简称", max_length=60, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="members", verbose_name="上级机构"
    )
    division = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="departments",
        limit_choices_to={"kind": Kind.DIVISION},
        verbose_name="归口科室",
    )
    function = models.CharField("科室职能", max_length=12, choices=DivisionFunction.choices, blank=True)
    issuing_code = models.CharField("机关代字", max_length=20, blank=True, help_text="公文代字，如 青财绩效")
    phone = models.CharField("联系电话", max_length=40, blank=True)
    initials = models.CharField("拼音首字母", max_length=150, editable=False, db_index=True)
    sort_key = models.CharField("排序", max_length=60, editable=False, db_index=True)
    is_active = models.BooleanField("在用", default=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = "机构"
        verbose_name_plural = "机构"
        ordering: ClassVar = ["sort_key", "code"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(kind=Kind.DIVISION) | ~Q(function=""),
                name="organisations_division_has_function",
                violation_error_message="业务科室须注明科室职能。",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("pk")),
                name="organisations_not_own_parent",
                violation_error_message="上级机构不能是自己。",
            ),
            models.CheckConstraint(
                condition=~Q(kind=Kind.UNIT) | Q(parent__isnull=False),
                name="organisations_unit_has_department",
                violation_error_message="预算单位须填写主管部门。",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.prepare()
        super().save(*args, **kwargs)

    def prepare(self) -> Self:
        """Set what is derived from code and name; a bulk write calls it itself."""
        self.initials = initials(self.name)
        self.sort_key = self.sort_key or f"{list(Kind.values).index(self.kind)}{self.code}"
        return self

    @property
    def is_closed(self) -> bool:
        return not self.is_active

    @property
    def department(self) -> Organisation:
        """The 主管部门 of a unit; a department is its own."""
        return self.parent if self.kind == Kind.UNIT and self.parent else self

    def name_on(self, day: date) -> str:
        """The name that was in force on `day`: an old form prints the name of its time."""
        dated = self.names.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day), valid_from__lte=day)
        found = dated.order_by("-valid_from").first()
        return found.name if found else self.name


@track()
class OrganisationName(models.Model):
    """曾用名称 with its period; the one without an end is the present name."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="names", verbose_name="机构")
    name = models.CharField("名称", max_length=150)
    valid_from = models.DateField("启用日期")
    valid_to = models.DateField("停用日期", null=True, blank=True)

    class Meta:
        verbose_name = "机构名称"
        verbose_name_plural = "机构名称"
        ordering: ClassVar = ["organisation", "valid_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "valid_from"], name="organisations_name_from"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="organisations_name_period",
                violation_error_message="停用日期不能早于启用日期。",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.password_changed_at = timezone.now()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: User) -> Self:
        """Performance section and security administrator: all; a department's 审核岗: its own branch; else oneself."""
        if user.role_set & {Role.PERFORMANCE_SECTION, Role.SECURITY_ADMIN}:
            return self
        departments = user.ids_where(BY_DEPARTMENT)
        branch = Membership.objects.filter(
            Q(organisation__in=departments) | Q(organisation__parent__in=departments)
        ).values("user")
        return self.filter(Q(pk=user.pk) | Q(pk__in=branch)) if departments else self.filter(pk=user.pk)


@track(exclude=["password", "last_login"])
class User(AbstractBaseUser):
    """用户. Rights come only from memberships; there is no superuser who sees everything."""

    username = models.CharField("用户名", max_length=60, unique=True, error_messages={"unique": "该用户名已被使用。"})
    full_name = models.CharField("姓名", max_length=60)
    phone = models.CharField("联系电话", max_length=40, blank=True)
    email = models.EmailField("电子邮箱", blank=True)
    is_active = models.BooleanField("在用", default=True)
    password_changed_at = models.DateTimeField("密码修改时间", null=True, editable=False)
    must_change_password = models.BooleanField("下次登录须修改密码", default=False)
    date_joined = models.DateTimeField("创建时间", auto_now_add=True)

    objects = UserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["full_name"]

    class Meta:
        verbose_name = "用户"
        verbose_name_plural = "用户"
        ordering: ClassVar = ["username"]

    def __str__(self) -> str:
        return self.full_name or self.username

    @property
    def is_closed(self) -> bool:
        return not self.is_active

    @cached_property
    def active_memberships(self) -> list[Membership]:
        """Today's memberships, deputies included, with their organisations: one query, kept for the request."""
        if not (self.is_active and self.pk):
            return []
        today = timezone.localdate()
        return list(self.memberships.in_force(today).select_related("organisation", "organisation__parent"))

    @cached_property
    def role_set(self) -> frozenset[str]:
        return frozenset(m.role for m in self.active_memberships)

    @cached_property
    def organisation_ids(self) -> frozenset[int]:
        return frozenset(m.organisation_id for m in self.active_memberships)

    def ids_where(self, roles: frozenset[str]) -> frozenset[int]:
        """Ids of the organisations at which the user holds one of `roles` today."""
        return frozenset(m.organisation_id for m in self.active_memberships if m.role in roles)

    @property
    def sees_county(self) -> bool:
        return bool(self.role_set & COUNTY_WIDE)

    @property
    def password_expired(self) -> bool:
        """Must choose a new password: told so, never set, or older than `PASSWORD_MAX_AGE_DAYS`."""
        if self.must_change_password or self.password_changed_at is None:
            return True
        return timezone.now() - self.password_changed_at > timedelta(days=settings.PASSWORD_MAX_AGE_DAYS)

    # Django's permission protocol, answered from the roles.
    @cached_property
    def _permissions(self) -> frozenset[str]:
        return frozenset().union(*(PERMISSIONS.get(role, frozenset()) for role in self.role_set))

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_active and perm in self._permissions

    def has_perms(self, perm_list: list[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and any(perm.startswith(f"{app_label}.") for perm in self._permissions)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        return set(self._permissions)

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name

    @property
    def is_staff(self) -> bool:
        """May enter the Django admin: the three administrators and the performance section."""
        return bool(self.role_set & (ADMINISTRATORS | {Role.PERFORMANCE_SECTION}))

    @property
    def is_superuser(self) -> bool:
        return False

    def roles_towards(self, *, unit_id: int, department_id: int, division_id: int | None) -> frozenset[str]:
        """Role codes held towards a row that belongs to this unit, department and 归口科室."""
        held: set[str] = set()
        for m in self.active_memberships:
            if (
                m.role in COUNTY_WIDE
                or (m.role == Role.DIVISION_OFFICER and m.organisation_id == division_id)
                or (m.role in BY_DEPARTMENT and m.organisation_id == department_id)
                or (m.role in BY_UNIT and m.organisation_id == unit_id)
            ):
                held.add(m.role)
        return frozenset(held)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User) -> Self:
        """Those of the users one sees, and those in which one is stood in for."""
        return self.filter(Q(user__in=User.objects.visible_to(user)) | Q(deputy_for=user))

    def deputies(self) -> Self:
        return self.filter(deputy_for__isnull=False)

    def in_force(self, day: date) -> Self:
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day), valid_from__lte=day)


@track()
class Membership(models.Model):
    """任职: a user holds a role at an organisation for a period. A deputy's row names whom it stands in for."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships", verbose_name="用户")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships", verbose_name="机构")
    role = models.CharField("角色", max_length=20, choices=Role.choices)
    valid_from = models.DateField("起始日期")
    valid_to = models.DateField("截止日期", null=True, blank=True)
    deputy_for = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="deputies", verbose_name="代理何人"
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = "任职"
        verbose_name_plural = "任职"
        ordering: ClassVar = ["user", "organisation", "role"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "organisation", "role", "valid_from"], name="organisations_membership_once"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="organisations_membership_period",
                violation_error_message="截止日期不能早于起始日期。",
            ),
            models.CheckConstraint(
                condition=Q(deputy_for__isnull=True) | Q(valid_to__isnull=False),
                name="organisations_deputy_ends",
                violation_error_message="代理须有截止日期。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.get_role_display()}"


class PasswordHistory(models.Model):
    """Hashes of earlier passwords, so that the last ones cannot be used again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="password_history", verbose_name="用户")
    password = models.CharField("密码散列", max_length=128)
    at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = "历史密码"
        verbose_name_plural = "历史密码"
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.user} {self.at:%Y-%m-%d}"


class SetupKey(models.Model):
    """The one-time key that opens the set-up page of an empty bureau: only its hash is kept."""

    key = models.CharField("密钥散列", max_length=128)
    created_at = models.DateTimeField("生成时间", auto_now_add=True)
    used_at = models.DateTimeField("使用时间", null=True, blank=True)

    class Meta:
        verbose_name = "初始化密钥"
        verbose_name_plural = "初始化密钥"

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"
