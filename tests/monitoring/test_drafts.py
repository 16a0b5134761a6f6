"""The unfinished opinion on a line: prefilled, kept by a refusal, forgotten with the opinion, shown when too late."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.services import Refused, drafts
from monitoring import services
from monitoring.models import Opinion, RecoveryLine
from tests.monitoring.world import YEAR, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World(projects=1)


@pytest.fixture
def line(world: World) -> RecoveryLine:
    return world.lines(world.consulted())[0]


def client(user: Any) -> Client:
    found = Client()
    found.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return found


def page(user: Any, line: RecoveryLine) -> str:
    return client(user).get(reverse("recovery_line", kwargs={"year": YEAR, "pk": line.pk})).content.decode()


def keep(user: Any, line: RecoveryLine, **fields: str) -> None:
    drafts.save(by=user, form=services.opinion_form(line), base_version=line.version, fields=fields)


def kept(user: Any, line: RecoveryLine) -> drafts.OpenForm:
    line.refresh_from_db()
    return drafts.load(by=user, form=services.opinion_form(line), version=line.version)


def test_the_form_opens_with_ones_own_unfinished_text_and_its_present_version(world: World, line: RecoveryLine) -> None:
    mine, other = world.unit_reviewers[0], world.reviewers[0]
    keep(mine, line, stance="object", accepted="十二万", text="尚未写完的说明", version="99")
    text = page(mine, line)
    assert 'value="十二万"' in text and "尚未写完的说明" in text
    assert f'data-draft="opinion:{line.pk}"' in text and f'data-draft-version="{line.version}"' in text
    assert f'name="version" value="{line.version}"' in text
    assert "data-draft-stale" not in text
    assert "尚未写完的说明" not in page(other, line)


def test_an_opinion_takes_its_draft_along_in_one_transaction(
    world: World, line: RecoveryLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = world.unit_reviewers[0], world.reviewers[0]
    keep(mine, line, text="说明")
    keep(other, line, text="另一人的说明")

    def fail(**given: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(drafts, "discard", fail)
        with pytest.raises(RuntimeError):
            services.give_opinion(line=line, by=mine, version=line.version, stance="agree")
    assert not Opinion.objects.exists()
    line.refresh_from_db()
    services.give_opinion(line=line, by=mine, version=line.version, stance="agree")
    assert kept(mine, line).fields == {}
    assert kept(other, line).fields == {"text": "另一人的说明"}
    assert kept(other, line).is_stale


def test_a_refused_opinion_leaves_what_was_posted_as_a_draft(world: World, line: RecoveryLine) -> None:
    mine = world.unit_reviewers[0]
    address = reverse("recovery_line_opinion", kwargs={"year": YEAR, "pk": line.pk})
    data = {"version": line.version, "stance": "object", "accepted": "很多", "text": "理由", "unknown": "x"}
    response = client(mine).post(address, data)
    assert response.status_code == 422
    found = kept(mine, line)
    assert found.fields == {"stance": "object", "accepted": "很多", "text": "理由"}
    assert found.base_version == line.version
    assert not Opinion.objects.exists()


def test_the_first_autosave_may_come_after_the_opinion_and_a_second_click_leaves_no_draft(
    world: World, line: RecoveryLine
) -> None:
    mine, before = world.unit_reviewers[0], line.version
    who = client(mine)
    address = reverse("recovery_line_opinion", kwargs={"year": YEAR, "pk": line.pk})
    data = {"version": before, "stance": "object", "accepted": "0", "text": "理由"}
    assert who.post(address, data).status_code == 302
    with pytest.raises(Refused):
        drafts.save(by=mine, form=services.opinion_form(line), base_version=before, fields={"text": "理由"})
    assert who.post(address, data).status_code == 422
    assert Opinion.objects.count() == 1
    assert kept(mine, line).fields == {}


def test_a_failure_in_the_middle_of_an_opinion_keeps_what_was_posted(
    world: World, line: RecoveryLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = world.unit_reviewers[0]

    def fail(**given: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(drafts, "discard", fail)
    address = reverse("recovery_line_opinion", kwargs={"year": YEAR, "pk": line.pk})
    with pytest.raises(RuntimeError):
        client(mine).post(address, {"version": line.version, "stance": "object", "text": "写了很久的理由"})
    assert not Opinion.objects.exists()
    assert kept(mine, line).fields["text"] == "写了很久的理由"


def test_text_for_a_line_that_is_no_longer_asked_about_is_shown_and_not_lost(world: World, line: RecoveryLine) -> None:
    mine = world.unit_reviewers[0]
    keep(mine, line, stance="object", text="没来得及提交的说明")
    services.submit_review(lines=[line], by=world.section)
    text = page(mine, line)
    assert "未提交的意见" in text and "没来得及提交的说明" in text
    assert "没来得及提交的说明" not in page(world.section, line)


def test_the_command_line_has_no_drafts(world: World, line: RecoveryLine) -> None:
    services.give_opinion(line=line, by=None, version=line.version, stance="agree")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM core_draft")
        assert cursor.fetchone() == (0,)


def test_a_draft_typed_before_ones_own_opinion_cannot_be_saved_after_it(world: World, line: RecoveryLine) -> None:
    mine = world.unit_reviewers[0]
    before = line.version
    keep(mine, line, text="旧")
    services.give_opinion(line=line, by=mine, version=before, stance="agree")
    with pytest.raises(Refused):
        drafts.save(by=mine, form=services.opinion_form(line), base_version=before, fields={"text": "旧"})
