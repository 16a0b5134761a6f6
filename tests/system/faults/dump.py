"""Every business table without ids and times.

A row is its fields; a foreign key is what its target says, all the way down, so that rows are equal where everything
they stand on is equal. Left out: ids, moments in time (dates stay), the request id, and what tells who held a job and
how often it was taken up (`fence`). Event tables are the history; of their context only who and which job is compared.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models

LEFT_OUT = {"core.job": {"fence"}, "core.securityevent": {"request_id"}}
_HISTORY_LEFT_OUT = {"id", "pgh_context_id"}


def _business_models() -> list[Any]:
    """The models of the project's own apps: those that lie directly in its directory."""
    own = [app for app in apps.get_app_configs() if Path(app.path).parent == Path(settings.BASE_DIR)]
    return [m for app in own for m in app.get_models(include_auto_created=True) if m._meta.managed]


def dump() -> dict[str, list[str]]:
    """Table → its rows as sorted texts."""
    known: dict[tuple[Any, Any], str] = {}
    rows = {model: model._base_manager.in_bulk() for model in _business_models()}

    def mark(model: Any, key: Any) -> str:
        if (model, key) not in known:
            known[model, key] = hashlib.sha256(text(rows[model][key]).encode()).hexdigest()[:16]
        return known[model, key]

    def text(row: models.Model) -> str:
        label, told = row._meta.label_lower, {}
        is_event = any(field.name == "pgh_id" for field in row._meta.concrete_fields)
        for field in row._meta.concrete_fields:
            if field.primary_key or isinstance(field, models.DateTimeField) or field.name in LEFT_OUT.get(label, ()):
                continue
            if is_event and field.name in _HISTORY_LEFT_OUT:
                continue
            value = getattr(row, field.attname)
            if is_event and field.name == "pgh_context":
                value = {name: (value or {}).get(name) for name in ("user", "job")}
            if field.is_relation and value is not None:
                value = mark(field.related_model, value)
            told[field.name] = value
        return json.dumps(told, ensure_ascii=False, sort_keys=True, default=str)

    return {model._meta.db_table: sorted(text(row) for row in found.values()) for model, found in rows.items()}
