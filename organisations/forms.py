"""HTTP in: login, set-up, names, memberships, deputies, uploads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.utils import timezone

from organisations.enums import Role
from organisations.models import Organisation, User
from organisations.roles import ADMINISTRATORS
from organisations.services.setup import FIRST_ROLES


class LoginForm(AuthenticationForm):
    """Says the same whether the name or the password is wrong, or the account is switched off."""

    error_messages = {
        "invalid_login": "用户名或密码不正确。",
        "inactive": "用户名或密码不正确。",
    }


class SetupForm(forms.Form):
    """The bureau and its first four accounts; passwords are made and shown once afterwards."""

    key = forms.CharField(label="一次性密钥", max_length=60, help_text="启动系统的终端窗口中显示的密钥")
    name = forms.CharField(label="财政局名称", max_length=150, initial="青田县财政局")
    code = forms.CharField(label="财政区划代码", max_length=38, initial="331121000")
    issuing_code = forms.CharField(
        label="机关代字", max_length=20, initial="青财绩效", help_text="公文发文字号的代字，如 青财绩效〔2023〕31号"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for role in FIRST_ROLES:
            label = Role(role).label
            self.fields[f"{role}_username"] = forms.CharField(label=f"{label}用户名", max_length=60)
            self.fields[f"{role}_full_name"] = forms.CharField(label=f"{label}姓名", max_length=60)

    def people(self) -> list[tuple[str, Any, Any]]:
        """(role label, user name field, name field) for the template."""
        return [(Role(r).label, self[f"{r}_username"], self[f"{r}_full_name"]) for r in FIRST_ROLES]

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        people = {r: (data[f"{r}_username"], data[f"{r}_full_name"]) for r in FIRST_ROLES}
        return {k: data[k] for k in ("key", "name", "code", "issuing_code")} | {"people": people}


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RenameForm(forms.Form):
    name = forms.CharField(label="新名称", max_length=150)
    valid_from = forms.DateField(label="启用日期", widget=DateInput, initial=timezone.localdate)


class MembershipForm(forms.Form):
    """A role at an organisation for a period, given by `by`."""

    organisation = forms.ModelChoiceField(label="机构", queryset=Organisation.objects.none(), empty_label="请选择")
    role = forms.ChoiceField(label="角色")
    valid_from = forms.DateField(label="起始日期", widget=DateInput, initial=timezone.localdate)
    valid_to = forms.DateField(label="截止日期", widget=DateInput, required=False, help_text="不填为长期")

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisation"].queryset = Organisation.objects.visible_to(by).active()
        granted = set(Role.values) - (set() if Role.SECURITY_ADMIN in by.role_set else ADMINISTRATORS)
        self.fields["role"].choices = [("", "请选择"), *((v, t) for v, t in Role.choices if v in granted)]


class DeputyForm(forms.Form):
    """Who stands in for whom and when. Only the performance section chooses the principal.

    The deputy is named by user name: a clerk need not see the list of all users.
    """

    principal = forms.CharField(label="委托人用户名", max_length=60, help_text="绩效科可为他人指定代理")
    deputy = forms.CharField(label="代理人用户名", max_length=60)
    valid_from = forms.DateField(label="起始日期", widget=DateInput, initial=timezone.localdate)
    valid_to = forms.DateField(label="截止日期", widget=DateInput, help_text="截止日当天仍有权限")

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        if Role.PERFORMANCE_SECTION in by.role_set:
            self.fields["principal"].initial = by.username
        else:
            del self.fields["principal"]

    def _user(self, name: str) -> User:
        found = User.objects.filter(username=self.cleaned_data[name].strip(), is_active=True).first()
        if found is None:
            raise forms.ValidationError("没有这个用户名，或账号已停用，请核对。")
        return found

    def clean_principal(self) -> User:
        return self._user("principal")

    def clean_deputy(self) -> User:
        return self._user("deputy")

    def values(self) -> dict[str, Any]:
        return {"principal": self.by} | self.cleaned_data


class UploadForm(forms.Form):
    file = forms.FileField(label="工作簿", help_text="支持 .xlsx、.xls、.csv。")
    limit = settings.UPLOAD_LIMIT

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > self.limit:
            raise forms.ValidationError(f"文件超过 {self.limit // (1 << 20)} MB，请拆分后再上传。")
        return file
