"""The REST doors: the same scoping as the pages; nobody without a login."""

from typing import Any

from organisations.models import Organisation
from tests.architecture.access import Listing, Route, World
from tests.architecture.access.organisations import around


def department(world: World) -> dict[str, Any]:
    return {"pk": world.department.pk}


ROUTES = {
    "api-schema": Route(anonymous="401"),
    "api-organisation-list": Route(anonymous="401", listing=Listing(Organisation, "code", export=False)),
    "api-organisation-detail": Route(anonymous="401", allowed=around, kwargs=department),
}
