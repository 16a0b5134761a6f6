"""后台管理: three administrators apart, Chinese pages, writes through the services."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import SecurityEvent
from organisations.enums import Role
from organisations.models import Membership, Organisation, User
from organisations.roles import ADMINISTRATORS
from tests.factories import PASSWORD, OrganisationFactory, UserFactory, user_with

pytestmark = pytest.mark.django_db
CHINESE = re.compile(r"[\u4e00-\u9fff]")
OWN = [model for model in admin.site._registry if model._meta.app_label in {"core", "organisations"}]
OWNERS = {
    Role.SYSTEM_ADMIN: {"core.Job", "core.StoredFile"},
    Role.SECURITY_ADMIN: {
        "organisations.Membership",
        "organisations.Organisation",
        "organisations.OrganisationName",
        "organisations.User",
    },
    Role.AUDIT_ADMIN: {"core.SecurityEvent"},
}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def security() -> User:
    return user_with(Role.SECURITY_ADMIN)


def test_each_model_belongs_to_one_administrator() -> None:
    assert sorted(label for labels in OWNERS.values() for label in labels) == sorted(model._meta.label for model in OWN)
    for role in Role.values:
        client = client_of(user_with(role))
        for model in OWN:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            status = client.get(reverse(name)).status_code
            assert (status == 200) == (model._meta.label in OWNERS.get(role, set())), (role, model)


def test_pages_of_the_admin_are_chinese() -> None:
    for role in ADMINISTRATORS:
        page = client_of(user_with(role)).get(reverse("admin:index")).content.decode()
        text = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
        words = [w.strip() for w in re.sub(r"<[^>]+>", "\n", text).splitlines() if w.strip()]
        assert "青田预算绩效 · 后台管理" in words
        english = [w for w in words if re.search(r"[A-Za-z]{3,}", w) and not CHINESE.search(w)]
        assert english == []


def test_the_security_log_cannot_be_changed_by_anybody() -> None:
    event = SecurityEvent.objects.create(kind="login", username="zhangsan")
    client = client_of(user_with(Role.AUDIT_ADMIN))
    change = reverse("admin:core_securityevent_change", args=[event.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"username": "lisi"}).status_code == 403
    assert client.post(reverse("admin:core_securityevent_delete", args=[event.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:core_securityevent_add")).status_code == 403


# ---- writes ----


def test_a_new_user_gets_a_temporary_password_shown_once(security: User) -> None:
    client = client_of(security)
    form = {"username": "lisi", "full_name": "李四", "phone": "", "email": ""}
    page = client.post(reverse("admin:organisations_user_add"), form, follow=True).content.decode()
    told = re.search(r"临时密码为 (\S+) ", page)[1]
    user = User.objects.get(username="lisi")
    assert user.check_password(told) and user.must_change_password
    assert SecurityEvent.objects.filter(kind="account", user=security).exists()


def test_a_membership_is_weighed_by_the_service(security: User) -> None:
    client, user = client_of(security), UserFactory()
    unit = OrganisationFactory(unit=True)
    add = reverse("admin:organisations_membership_add")
    form = {"user": user.pk, "organisation": unit.pk, "valid_from": "2023-01-01", "valid_to": ""}
    page = client.post(add, form | {"role": Role.DEPARTMENT_REVIEWER})
    assert page.status_code == 200 and "只能任职于主管部门" in page.content.decode()
    assert not Membership.objects.filter(user=user).exists()
    assert client.post(add, form | {"role": Role.UNIT_FILLER}).status_code == 302
    row = user.memberships.get()
    change = reverse("admin:organisations_membership_change", args=[row.pk])
    assert client.post(change, {"valid_to": "2023-12-31"}).status_code == 302
    assert str(user.memberships.get().valid_to) == "2023-12-31"


def test_a_name_changed_in_the_admin_is_a_rename(security: User) -> None:
    town = OrganisationFactory(name="祔埠镇人民政府")
    form = {"name": "祯埠镇人民政府", "short_name": "祯埠", "is_active": "on"}
    change = reverse("admin:organisations_organisation_change", args=[town.pk])
    assert client_of(security).post(change, form).status_code == 302
    town = Organisation.objects.get(pk=town.pk)
    assert (town.name, town.short_name) == ("祯埠镇人民政府", "祯埠")
    assert town.names.count() == 2


def test_a_refused_second_write_takes_the_first_back(security: User) -> None:
    town = OrganisationFactory(name="祔埠镇人民政府")
    unit = OrganisationFactory(unit=True)
    form = {"name": "祯埠镇人民政府", "parent": unit.pk, "is_active": "on"}
    page = client_of(security).post(reverse("admin:organisations_organisation_change", args=[town.pk]), form)
    assert "上级机构须为财政局" in page.content.decode()
    assert Organisation.objects.get(pk=town.pk).name == "祔埠镇人民政府"


def test_the_history_page_tells_who_changed_what(security: User) -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER, full_name="李四")
    client = client_of(security)
    form = {"full_name": "李肆", "phone": "", "email": "", "is_active": "on", "memberships-TOTAL_FORMS": 0}
    form |= {"memberships-INITIAL_FORMS": 0}
    assert client.post(reverse("admin:organisations_user_change", args=[user.pk]), form).status_code == 302
    page = client.get(reverse("admin:organisations_user_history", args=[user.pk])).content.decode()
    for expected in ("姓名", "李四", "李肆", security.full_name):
        assert expected in page


def test_the_admins_login_is_the_ordinary_one_with_its_rules() -> None:
    security = user_with(Role.SECURITY_ADMIN, must_change_password=True)
    client = Client()
    client.post(reverse("login"), {"username": security.username, "password": PASSWORD})
    assert client.get(reverse("admin:index")).url == reverse("password_change")
    User.objects.filter(pk=security.pk).update(must_change_password=False, password_changed_at=timezone.now())
    assert client.get(reverse("admin:index")).status_code == 200
    assert client.get(reverse("admin:password_change")).url == reverse("password_change")
