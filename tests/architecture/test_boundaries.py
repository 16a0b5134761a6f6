"""Borders that nobody checks grow together: foreign keys, first fetches, bulk copies, dates, the contents of core."""

from __future__ import annotations

import ast
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey

from tests.architecture.source import LAYERS, ROOT, files, parse, where

OWN_MODELS = [model for model in apps.get_models() if model._meta.app_label in LAYERS]

# What core holds is a closed list: a new room is a decision, not an accident.
CORE = {
    "__init__.py", "admin.py", "api.py", "apps.py", "bulk.py", "documents", "enums.py", "history.py", "jobs.py",
    "lists.py", "management", "middleware.py", "migrations", "models.py", "pinyin.py", "pinyin_initials.txt",
    "redis.py", "request.py", "services", "tasks.py", "templatetags", "urls.py", "views.py", "workbooks", "workflow.py",
}  # fmt: skip
CORE_MODELS = {"Draft", "Job", "JobFile", "SecurityEvent", "StoredFile"}
DOORS = ("views.py", "api.py")


def test_there_are_models_to_check() -> None:
    assert {"Organisation", "Job"} <= {model.__name__ for model in OWN_MODELS}


@pytest.mark.parametrize("model", OWN_MODELS, ids=lambda model: model._meta.label)
def test_foreign_keys_point_downwards(model: type) -> None:
    own = LAYERS.index(model._meta.app_label)
    for field in model._meta.get_fields():
        assert not isinstance(field, GenericForeignKey), f"{field.name}: a key that points anywhere"
        target = field.related_model if field.concrete and field.is_relation else None
        if target is None or target._meta.label == settings.AUTH_USER_MODEL:
            continue
        assert target._meta.app_label in LAYERS, f"{field.name} points at another package's table"
        assert LAYERS.index(target._meta.app_label) >= own, f"{field.name} points upwards at {target._meta.label}"


def test_core_has_a_closed_list_of_contents() -> None:
    there = {path.name for path in (ROOT / "core").iterdir() if path.name != "__pycache__"}
    assert there == CORE
    assert {m.__name__ for m in apps.get_app_config("core").get_models()} == CORE_MODELS


def test_there_is_no_junk_drawer() -> None:
    names = {"utils.py", "utils", "common", "common.py", "helpers.py", "helpers", "misc.py"}
    assert [str(path) for path in files("*") if path.name in names] == []


def test_views_fetch_only_what_is_visible() -> None:
    """`.objects` in a door must be followed by `.visible_to`; a bare model never goes into get_object_or_404."""
    wrong = []
    doors = [p for p in files() if p.name in DOORS or p.parent.name == "views"]
    assert len(doors) > 5
    for path in doors:
        tree = parse(path)
        allowed = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "visible_to"
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager", "_base_manager"}:
                if id(node) not in allowed:
                    wrong.append(where(path, node))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                shortcut = node.func.id in {"get_object_or_404", "get_list_or_404"}
                if shortcut and isinstance(node.args[0], ast.Name) and node.args[0].id[:1].isupper():
                    wrong.append(where(path, node))
    assert wrong == []


def test_copy_is_written_in_one_place() -> None:
    """COPY knows no history context: it goes into a staging table, and only `core.bulk` may say it."""
    found = [p for p in files() if "copy_expert" in p.read_text(encoding="utf-8") or "copy_from(" in p.read_text()]
    assert [str(path.relative_to(ROOT)) for path in found] == ["core/bulk.py"]


def test_today_is_todays_date_here() -> None:
    """The connection is UTC: before eight in the morning its date is yesterday's."""
    banned = re.compile(r"CURRENT_DATE|now\(\)\s*::\s*date|date\.today\(\)|datetime\.now\(\)|utcnow\(", re.IGNORECASE)
    paths = [*files(), *files("*.sql"), *files("*.html")]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if banned.search(line)
    ]
    assert found == []


def test_rules_know_no_framework() -> None:
    rooms = [*files("rules.py"), ROOT / "core" / "workflow.py"]
    rooms += [p for p in files() if p.parent.name == "rules"]
    wrong = [
        where(path, node)
        for path in rooms
        for node in ast.walk(parse(path))
        for name in _imported(node)
        if name.split(".")[0] in {"django", "rest_framework", "celery"}
    ]
    assert wrong == []


def test_nothing_happens_by_signal() -> None:
    wrong = [
        where(path, node)
        for path in files()
        for node in ast.walk(parse(path))
        for name in _imported(node)
        if name.startswith(("django.db.models.signals", "django.dispatch", "django.contrib.auth.signals"))
    ]
    assert wrong == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []
