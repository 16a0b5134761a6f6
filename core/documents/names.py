"""Every name that the database holds: what documents must be able to print."""

from collections.abc import Iterator

from django.apps import apps
from django.db import connection, models

# Field names by which the project calls a thing; a name that a document prints is in one of these.
NAME_FIELDS = ("name", "short_name", "full_name", "display_name", "last_name", "first_name", "title")


def database_names() -> Iterator[tuple[str, str]]:
    """(place, text) of each name of the project's own tables, told once; tables not yet migrated are left out."""
    tables = set(connection.introspection.table_names())
    for model in apps.get_models():
        if model._meta.db_table not in tables or model._meta.proxy or model.__module__.startswith("django."):
            continue
        for field in model._meta.concrete_fields:
            if field.name in NAME_FIELDS and isinstance(field, models.CharField | models.TextField):
                place = f"{model._meta.verbose_name}·{field.verbose_name}"
                rows = model._base_manager.order_by().values_list("pk", field.name).iterator(chunk_size=5000)
                for key, text in rows:
                    if text:
                        yield f"{place}（编号 {key}）", text
