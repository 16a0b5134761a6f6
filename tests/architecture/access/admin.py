"""The Django admin, from its own registry: each administrator sees the models of his permissions and no other."""

import importlib
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model

from organisations.enums import Role
from organisations.roles import ADMINISTRATORS, PERMISSIONS
from tests.architecture.access import Route, Rule, World, everybody, holds, nobody

# Who may enter at all.
entrants = holds(*ADMINISTRATORS, Role.PERFORMANCE_SECTION)
NO = {302, 403, 404}  # the admin sends those whom it does not let in to the login page


def permitted(action: str, model: type[Model]) -> Rule:
    name = f"{model._meta.app_label}.{action}_{model._meta.model_name}"
    return holds(*(role for role, permissions in PERMISSIONS.items() if name in permissions))


def a_row(model: type[Model]) -> Callable[[World], dict[str, Any]]:
    """Each app's module here answers `admin_row(model, world)`: a row of that model."""

    def build(world: World) -> dict[str, Any]:
        module = importlib.import_module(f"tests.architecture.access.{model._meta.app_label}")
        assert hasattr(module, "admin_row"), f"{module.__name__} must define admin_row(model, world)"
        return {"object_id": module.admin_row(model, world).pk}

    return build


def routes() -> dict[str, Route]:
    found = {
        "admin:index": Route(allowed=entrants, refused=NO),
        "admin:login": Route(allowed=nobody, refused={302, 403}),
        "admin:logout": Route(allowed=entrants, post=True, refused=NO),
        "admin:password_change": Route(allowed=entrants, refused=NO),
        "admin:password_change_done": Route(allowed=entrants, refused=NO),
        "admin:jsi18n": Route(allowed=everybody),
        "admin:autocomplete": Route(allowed=nobody, refused=NO),  # refuses any question without its parameters
        "admin:view_on_site": Route(
            allowed=nobody, refused=NO, kwargs=lambda world: {"content_type_id": 1, "object_id": 1}
        ),
        "admin:app_list": Route(
            allowed=holds(Role.SECURITY_ADMIN), refused=NO, kwargs=lambda world: {"app_label": "organisations"}
        ),
    }
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        view, row = permitted("view", model), a_row(model)
        found |= {
            f"{name}_changelist": Route(allowed=view, refused=NO),
            f"{name}_add": Route(allowed=permitted("add", model), refused=NO),
            f"{name}_change": Route(allowed=view, kwargs=row, refused=NO),
            f"{name}_history": Route(allowed=view, kwargs=row, refused=NO),
            f"{name}_delete": Route(allowed=nobody, kwargs=row, refused=NO),  # nothing is deleted here
        }
    return found


ROUTES = routes()
