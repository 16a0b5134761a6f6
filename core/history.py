"""Field-level history and append-only tables, both by database triggers, so that no door is left out.

History keeps old versions only (old versions plus the present row are the whole story); an insert event per row
would make a COPY five times slower. The context (user, request id, address; in tasks user and job) travels on
Django's cursor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pghistory
import pgtrigger
from django.db import models

ModelT = TypeVar("ModelT", bound=type[models.Model])


def track(*, exclude: list[str] | None = None) -> Callable[[ModelT], ModelT]:
    """Class decorator: keep every old version of a row. `exclude` names fields that change too often to tell."""

    def decorate(model: ModelT) -> ModelT:
        decorated: ModelT = pghistory.track(
            pghistory.UpdateEvent(row=pghistory.Old),
            pghistory.DeleteEvent(),
            level=pgtrigger.Statement,
            append_only=True,
            exclude=exclude,
        )(model)
        return decorated

    return decorate


def append_only(model: ModelT) -> ModelT:
    """Class decorator: the database refuses UPDATE, DELETE and TRUNCATE of this table's rows."""
    decorated: ModelT = pgtrigger.register(
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="no_truncate",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    )(model)
    return decorated


def changes(obj: models.Model) -> list[dict[str, Any]]:
    """The field changes of one object, newest first: [{at, user_id, request, field, old, new}].

    `field` is the verbose name; computed from the stored old versions, so a bulk statement shows too.
    """
    tracking = pghistory.core.event_models(tracks_model=type(obj))
    if not tracking:
        return []
    event_model: Any = tracking[0]
    versions = list(event_model.objects.filter(pgh_obj_id=obj.pk).order_by("-pgh_id"))
    fields = [f for f in type(obj)._meta.concrete_fields if hasattr(event_model, f.attname)]
    newer: models.Model = obj
    found: list[dict[str, Any]] = []
    for version in versions:
        context = version.pgh_context or {}
        for f in fields:
            old, new = getattr(version, f.attname), getattr(newer, f.attname)
            if old != new:
                found.append(
                    {
                        "at": version.pgh_created_at,
                        "user_id": context.get("user"),
                        "request": context.get("request_id"),
                        "field": str(f.verbose_name),
                        "old": old,
                        "new": new,
                    }
                )
        newer = version
    return found
