"""What every model owes: Chinese labels, protected rows, an append-only flow, a test of its workflow."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations.loader import MigrationLoader

from core.models import Attachment, FlowRecord, Stateful
from tests.architecture.source import LAYERS, ROOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Old versions kept by triggers are generated models; people read them through the history pages.
MODELS = [
    model for model in apps.get_models() if model._meta.app_label in LAYERS and not hasattr(model, "pgh_tracked_model")
]
# Rows that belong to one person alone may go with that person; nothing else is deleted together.
CASCADES = {"core.Draft.user", "organisations.PasswordHistory.user"}


def labelled(model: type[models.Model]) -> str:
    return str(model._meta.label)


@pytest.mark.parametrize("model", MODELS, ids=labelled)
def test_models_and_fields_have_chinese_names(model: type[models.Model]) -> None:
    plain = [
        field.name
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField | models.BigAutoField)
        and not CHINESE.search(str(field.verbose_name))
        and str(field.verbose_name) != "SHA-256"
    ]
    assert plain == []
    assert CHINESE.search(str(model._meta.verbose_name))
    assert CHINESE.search(str(model._meta.verbose_name_plural))


@pytest.mark.parametrize("model", MODELS, ids=labelled)
def test_no_row_disappears_with_another(model: type[models.Model]) -> None:
    cascading = {
        f"{model._meta.label}.{field.name}"
        for field in model._meta.concrete_fields
        if field.is_relation and field.remote_field.on_delete is models.CASCADE
    }
    assert cascading <= CASCADES


@pytest.mark.parametrize("model", MODELS, ids=labelled)
def test_choices_are_in_chinese(model: type[models.Model]) -> None:
    for field in model._meta.concrete_fields:
        for _, label in field.flatchoices:
            assert CHINESE.search(str(label)), f"{field.name}: {label}"


def concrete(base: type[models.Model]) -> list[type[models.Model]]:
    return [model for model in MODELS if issubclass(model, base)]


def test_flow_records_are_append_only_and_point_at_their_form() -> None:
    for model in concrete(FlowRecord):
        triggers = {trigger.name for trigger in getattr(model._meta, "triggers", [])}
        assert {"append_only", "no_truncate"} <= triggers, model
        subject = model._meta.get_field("subject")
        assert subject.remote_field.related_name == "flow", model
        assert issubclass(subject.related_model, Stateful), model


def test_attachments_belong_to_an_owner() -> None:
    for model in concrete(Attachment):
        owner = model._meta.get_field("subject")
        assert owner.remote_field.on_delete is models.PROTECT, model
        assert hasattr(owner.related_model.objects, "visible_to"), f"{model}: served through its owner's visible_to"


def test_every_stateful_model_has_a_parametrised_workflow_test() -> None:
    missing = []
    for model in concrete(Stateful):
        assert model.MOVES.moves, model
        tests = (ROOT / "tests" / model._meta.app_label).glob("test_workflow*.py")
        texts = [path.read_text(encoding="utf-8") for path in tests]
        if not any("parametrize" in text and model.__name__ in text for text in texts):
            missing.append(model._meta.label)
    assert missing == []


def test_migrations_are_linear() -> None:
    graph = MigrationLoader(None).graph
    for app in LAYERS:
        names = sorted(name for label, name in graph.nodes if label == app)
        assert len({name[:4] for name in names}) == len(names), f"{app}: two migrations of one number"
        assert len([key for key in graph.leaf_nodes() if key[0] == app]) == (1 if names else 0), app
