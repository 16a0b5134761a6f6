"""后台管理 of organisations, users and memberships: the security administrator's desk, over the same services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest

from core.admin import HouseAdmin, ReadOnlyAdmin
from core.services import Refused
from organisations import services
from organisations.models import Membership, Organisation, OrganisationName, User

PASSWORD_NOTE = "新用户的临时密码为 {password} ，只显示这一次，请告知本人；首次登录须修改。"  # noqa: S105


class ServiceForm(forms.ModelForm):
    """A form whose save is a service: what the service refuses is shown at the form, and nothing is written."""

    def write(self, *, by: User) -> Any:
        raise NotImplementedError

    def clean(self) -> Any:
        cleaned = super().clean()
        self.written = None
        if not self.errors:
            try:
                with transaction.atomic():  # a refusal after a first write takes that back too
                    self.written = self.write(by=self.by)  # set by `ServiceAdmin.get_form`
            except Refused as refused:
                raise forms.ValidationError(refused.reason, code=refused.code) from refused
        return cleaned

    def _post_clean(self) -> None:
        """The service has checked and written; the form's own instance must not be written over it."""

    def save(self, commit: bool = True) -> Any:
        self.save_m2m = lambda: None
        self.instance = self.written
        return self.written


class ServiceAdmin(HouseAdmin):
    form = ServiceForm

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.by = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Done by the form through its service."""


class OrganisationForm(ServiceForm):
    class Meta:
        model = Organisation
        fields = (
            "kind",
            "code",
            "name",
            "short_name",
            "parent",
            "division",
            "function",
            "issuing_code",
            "phone",
            "is_active",
        )

    def write(self, *, by: User) -> Organisation:
        data = dict(self.cleaned_data)
        if self.instance.pk is None:
            return services.create_organisation(by=by, **data)
        name = data.pop("name")
        services.rename_organisation(organisation=self.instance, name=name, by=by)
        return services.update_organisation(organisation=self.instance, by=by, **data)


@admin.register(Organisation)
class OrganisationAdmin(ServiceAdmin):
    form = OrganisationForm
    list_display = ("code", "name", "kind", "parent", "division", "function", "is_active")
    list_filter = ("kind", "is_active", "function")
    list_select_related = ("parent", "division")
    search_fields = ("code", "name", "short_name", "initials", "names__name")
    search_help_text = "按代码、名称（含曾用名）、拼音首字母查找"
    autocomplete_fields = ("parent",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("kind", "code") if obj else ()


@admin.register(OrganisationName)
class OrganisationNameAdmin(ReadOnlyAdmin):
    """Names over time; a new name is given at the organisation."""

    list_display = ("organisation", "name", "valid_from", "valid_to")
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__code", "organisation__name")
    search_help_text = "按名称或机构代码查找"


class UserForm(ServiceForm):
    class Meta:
        model = User
        fields = ("username", "full_name", "phone", "email", "is_active")

    def write(self, *, by: User) -> User:
        data = dict(self.cleaned_data)
        active = data.pop("is_active", True)
        if self.instance.pk is None:
            user, self.password = services.create_user(by=by, **data)
            return user
        user = services.update_user(user=self.instance, by=by, **data)
        if user.is_active != active:
            user = services.set_active(user=user, active=active, by=by)
        return user


class MembershipInline(admin.TabularInline):
    """Shown, not edited: a membership is added and ended in its own list."""

    model = Membership
    fk_name = "user"
    extra = 0
    can_delete = False
    fields = ("organisation", "role", "valid_from", "valid_to", "deputy_for")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ServiceAdmin):
    form = UserForm
    list_display = ("username", "full_name", "phone", "is_active", "must_change_password", "last_login")
    list_filter = ("is_active", "must_change_password", "memberships__role")
    search_fields = ("username", "full_name", "phone", "memberships__organisation__name")
    search_help_text = "按用户名、姓名、电话、所在机构查找"
    inlines = (MembershipInline,)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("username",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("username", "full_name", "phone", "email", *(("is_active",) if obj else ()))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            messages.warning(request, PASSWORD_NOTE.format(password=form.password))


class MembershipForm(ServiceForm):
    class Meta:
        model = Membership
        fields = ("user", "organisation", "role", "valid_from", "valid_to")

    def write(self, *, by: User) -> Membership:
        data = self.cleaned_data
        if self.instance.pk is None:
            return services.grant_membership(by=by, **data)
        if data["valid_to"] is None:
            raise Refused("任职只能写明截止日期；其他改动请终止后重新授予。")
        return services.end_membership(membership=self.instance, last_day=data["valid_to"], by=by)


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    form = MembershipForm
    list_display = ("user", "organisation", "role", "valid_from", "valid_to", "deputy_for")
    list_filter = ("role",)
    list_select_related = ("user", "organisation", "deputy_for")
    search_fields = ("user__username", "user__full_name", "organisation__code", "organisation__name")
    search_help_text = "按用户或机构查找"
    autocomplete_fields = ("user", "organisation")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", "organisation", "role", "valid_from", "deputy_for") if obj else ()
