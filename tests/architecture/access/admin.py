"""The Django admin, from its own registry: each administrator sees the models of his permissions and no other."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model

from organisations.enums import Role
from organisations.models import Membership, Organisation, OrganisationName, User
from organisations.roles import ADMINISTRATORS, PERMISSIONS
from tests.architecture.access import Route, Rule, World, everybody, holds, nobody
from tests.architecture.access.budgets import admin_row as budgets_row
from tests.architecture.access.core import file as job_file

# Who may enter at all.
entrants = holds(*ADMINISTRATORS, Role.PERFORMANCE_SECTION)
NO = {302, 403, 404}  # the admin sends those whom it does not let in to the login page


def permitted(action: str, model: type[Model]) -> Rule:
    name = f"{model._meta.app_label}.{action}_{model._meta.model_name}"
    return holds(*(role for role, permissions in PERMISSIONS.items() if name in permissions))


def a_row(model: type[Model]) -> Callable[[World], dict[str, Any]]:
    def build(world: World) -> dict[str, Any]:
        builders: dict[type[Model], Callable[[], Any]] = {
            Organisation: lambda: world.department,
            OrganisationName: lambda: world.department.names.get(),
            User: lambda: world.user(Role.UNIT_FILLER),
            Membership: lambda: world.user(Role.UNIT_FILLER).memberships.get(),
        }
        if model in builders:
            return {"object_id": builders[model]().pk}
        if model._meta.app_label == "budgets":
            return {"object_id": budgets_row(model, world).pk}
        return {"object_id": _of_core(model, world).pk}

    return build


def _of_core(model: type[Model], world: World) -> Any:
    if model._meta.model_name == "securityevent":
        return model._default_manager.create(kind="login", username="甲甲甲用户")
    job_file(world)  # a job with a file
    return model._default_manager.latest("pk")


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
            f"{name}_add": Route(allowed=_adds(model), refused=NO),
            f"{name}_change": Route(allowed=view, kwargs=row, refused=NO),
            f"{name}_history": Route(allowed=view, kwargs=row, refused=NO),
            f"{name}_delete": Route(allowed=nobody, kwargs=row, refused=NO),  # nothing is deleted here
        }
    return found


def _adds(model: type[Model]) -> Rule:
    from core.admin import ReadOnlyAdmin

    read_only = isinstance(admin.site._registry[model], ReadOnlyAdmin)
    return nobody if read_only else permitted("add", model)


ROUTES = routes()
