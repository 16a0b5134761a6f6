"""Every list of 后台管理: searchable, labelled in Chinese, open to somebody."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.test import Client, RequestFactory
from django.urls import reverse

from organisations.roles import PERMISSIONS
from tests.factories import user_with

pytestmark = pytest.mark.django_db
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ADMINS = sorted(admin.site._registry.items(), key=lambda pair: pair[0]._meta.label)
IDS = [model._meta.label for model, _ in ADMINS]


def holder(model: type) -> str:
    """A role that may open the model's list: `organisations.roles.PERMISSIONS` must name one."""
    name = f"{model._meta.app_label}.view_{model._meta.model_name}"
    roles = [role for role, permissions in PERMISSIONS.items() if name in permissions]
    assert roles, f"nobody holds {name}: add it to organisations.roles.PERMISSIONS, or leave the list out"
    return roles[0]


@pytest.mark.parametrize(("model", "model_admin"), ADMINS, ids=IDS)
def test_every_list_is_searchable_and_every_label_chinese(model: type, model_admin: admin.ModelAdmin) -> None:
    assert model_admin.search_fields
    labels = [str(label_for_field(name, model, model_admin)) for name in model_admin.list_display]
    request = RequestFactory().get("/")
    request.user = user_with(holder(model))
    form = model_admin.get_form(request)()
    labels += [str(field.label) for field in form.fields.values()]
    for inline in model_admin.inlines:
        labels += [str(inline.model._meta.get_field(name).verbose_name) for name in inline.fields or ()]
        labels.append(str(inline.verbose_name or inline.model._meta.verbose_name))
    labels += [str(model._meta.verbose_name), str(model._meta.app_config.verbose_name)]
    assert [label for label in labels if not CHINESE.search(label) and label != "SHA-256"] == []


@pytest.mark.parametrize(("model", "model_admin"), ADMINS, ids=IDS)
def test_every_list_answers_a_search(model: type, model_admin: admin.ModelAdmin) -> None:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    client = Client()
    client.force_login(user_with(holder(model)), backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(reverse(name), {"q": "查找"})
    assert response.status_code == 200
    assert 'id="searchbar"' in response.content.decode()
