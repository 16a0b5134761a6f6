"""HTTP in: login, set-up, names, memberships, deputies, uploads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from organisations.enums import Role
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
