"""Autosave: what is kept, for whom, against which version; what the door answers; that it does not prolong a login."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pghistory.models import Context

from core.models import Draft
from core.services import Refused, drafts
from organisations import sessions
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
FORM = "opinion:15"


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def send(client: Client, user: Any, fields: Any, *, version: Any = 1, form: str = FORM, **extra: Any) -> Any:
    text = fields if isinstance(fields, str) else json.dumps(fields)
    data = {"user": user.pk, "version": version, "fields": text} | extra
    address = reverse("draft_autosave", kwargs={"form": form})
    return client.post(address, data, headers={"X-Background": "1"})


# ---- the service ----


def test_what_was_typed_comes_back_right_or_wrong() -> None:
    user = UserFactory()
    typed = {"accepted": "十二万", "must_pay": "１２，０００", "boxes": ["a", "b"], "none": [], "text": "<b>&\n"}
    at = drafts.save(by=user, form=FORM, base_version=3, fields=typed)
    opened = drafts.load(by=user, form=FORM, version=3)
    assert (opened.fields, opened.saved_at, opened.base_version, opened.is_stale) == (typed, at, 3, False)
    assert drafts.load(by=user, form=FORM, version=4).is_stale


def test_a_person_and_a_form_have_one_row_and_the_last_word_counts() -> None:
    user, other = UserFactory(), UserFactory()
    for text in ("一", "二"):
        drafts.save(by=user, form=FORM, base_version=1, fields={"text": text})
    drafts.save(by=other, form=FORM, base_version=1, fields={"text": "他人"})
    assert Draft.objects.filter(user=user).count() == 1
    assert drafts.load(by=user, form=FORM, version=1).fields == {"text": "二"}
    assert drafts.load(by=other, form=FORM, version=1).fields == {"text": "他人"}


def test_nothing_kept_is_an_empty_form() -> None:
    opened = drafts.load(by=UserFactory(), form=FORM, version=2)
    assert (opened.fields, opened.saved_at, opened.is_stale) == ({}, None, False)


def test_a_late_autosave_does_not_bring_back_what_was_handed_in() -> None:
    user = UserFactory()
    drafts.save(by=user, form=FORM, base_version=1, fields={"text": "意见"})
    drafts.discard(by=user, form=FORM, version=2)
    assert drafts.load(by=user, form=FORM, version=2).saved_at is None
    with pytest.raises(Refused) as refused:
        drafts.save(by=user, form=FORM, base_version=1, fields={"text": "意见"})
    assert refused.value.code == "stale"
    assert drafts.load(by=user, form=FORM, version=2).fields == {}
    drafts.save(by=user, form=FORM, base_version=2, fields={"text": "更正"})
    assert drafts.load(by=user, form=FORM, version=2).fields == {"text": "更正"}


def test_handing_in_what_was_never_kept_leaves_no_row() -> None:
    """Opinions by workbook or by command are no typing."""
    drafts.discard(by=UserFactory(), form=FORM, version=2)
    assert not Draft.objects.exists()


def test_discarding_forgets_only_ones_own() -> None:
    user, other = UserFactory(), UserFactory()
    for one in (user, other):
        drafts.save(by=one, form=FORM, base_version=1, fields={"text": one.username})
    drafts.discard(by=user, form=FORM, version=2)
    assert drafts.load(by=other, form=FORM, version=2).fields == {"text": other.username}


@pytest.mark.parametrize(
    "form", ["", "opinion", "opinion:", ":1", "Opinion:1", "opinion:1:", "opinion:1\n", "a:1:2:3:4"]
)
def test_a_malformed_key_is_refused(form: str) -> None:
    with pytest.raises(Refused) as refused:
        drafts.save(by=UserFactory(), form=form, base_version=1, fields={})
    assert refused.value.code == "form"
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (["text"], "fields"),
        ({"text": 1}, "fields"),
        ({"text": None}, "fields"),
        ({"text": ["a", 1]}, "fields"),
        ({"text": {"deep": "a"}}, "fields"),
        ({"n" * (drafts.MAX_NAME + 1): "a"}, "too_large"),
        ({str(n): "" for n in range(drafts.MAX_NAMES + 1)}, "too_large"),
        ({"text": [""] * (drafts.MAX_NAMES + 1)}, "too_large"),
        ({"text": "长" * (drafts.MAX_CHARACTERS + 1)}, "too_large"),
        ({"a": "长" * drafts.MAX_CHARACTERS, "b": ["长"]}, "too_large"),
    ],
)
def test_what_is_no_form_is_refused_and_the_earlier_text_stays(fields: Any, code: str) -> None:
    user = UserFactory()
    drafts.save(by=user, form=FORM, base_version=1, fields={"text": "以前"})
    with pytest.raises(Refused) as refused:
        drafts.save(by=user, form=FORM, base_version=1, fields=fields)
    assert refused.value.code == code
    assert drafts.load(by=user, form=FORM, version=1).fields == {"text": "以前"}


def test_the_largest_form_is_kept_whole() -> None:
    user = UserFactory()
    fields = {"text": "长" * drafts.MAX_CHARACTERS, "n" * drafts.MAX_NAME: ""}
    drafts.save(by=user, form=FORM, base_version=1, fields=fields)
    assert drafts.load(by=user, form=FORM, version=1).fields == fields


def test_characters_that_the_database_cannot_store_do_not_cost_the_rest() -> None:
    user = UserFactory()
    drafts.save(by=user, form=FORM, base_version=1, fields={"text": "前\0后", "list": ["半\ud83d"]})
    assert drafts.load(by=user, form=FORM, version=1).fields == {"text": "前后", "list": ["半?"]}


def test_one_person_cannot_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MAX_DRAFTS", 2)
    user = UserFactory()
    for number in (1, 2):
        drafts.save(by=user, form=f"opinion:{number}", base_version=1, fields={"text": "a"})
    with pytest.raises(Refused) as refused:
        drafts.save(by=user, form="opinion:3", base_version=1, fields={"text": "a"})
    assert refused.value.code == "too_many"
    assert Draft.objects.count() == 2
    drafts.discard(by=user, form="opinion:1", version=2)
    drafts.save(by=user, form="opinion:3", base_version=1, fields={"text": "a"})


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_once_leave_one_row() -> None:
    user = UserFactory()
    barrier, failures = threading.Barrier(4), []

    def type_into(text: str) -> None:
        try:
            barrier.wait(timeout=20)
            drafts.save(by=user, form=FORM, base_version=1, fields={"text": text})
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=type_into, args=(text,)) for text in "甲乙丙丁"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Draft.objects.get().fields["text"] in "甲乙丙丁"


# ---- the door ----


def test_the_door_keeps_the_text_and_tells_the_time() -> None:
    user = UserFactory()
    response = send(signed_in(user), user, {"text": "意见", "boxes": ["a"]}, version=4)
    row = Draft.objects.get()
    assert response.status_code == 200
    assert response.json()["saved_at"] == row.saved_at.isoformat()
    assert len(response.json()["time"]) == 5
    assert (row.user, row.form, row.base_version, row.fields) == (user, FORM, 4, {"text": "意见", "boxes": ["a"]})
    assert not Context.objects.exists(), "autosave is no history event"


def test_another_users_page_stores_nothing() -> None:
    """Somebody else signed in at the same browser while the page of the first stood open."""
    first, second = UserFactory(), UserFactory()
    response = send(signed_in(second), first, {"text": "前一位填的"})
    assert (response.status_code, response.json()["code"]) == (409, "other_user")
    assert not Draft.objects.exists()


def test_a_version_that_went_by_is_answered_409() -> None:
    user = UserFactory()
    drafts.save(by=user, form=FORM, base_version=1, fields={"text": "意见"})
    drafts.discard(by=user, form=FORM, version=2)
    response = send(signed_in(user), user, {"text": "意见"})
    assert (response.status_code, response.json()["code"]) == (409, "stale")
    assert "仍在页面上" in response.json()["message"]


@pytest.mark.parametrize(
    ("fields", "version", "form"),
    [
        ("{", 1, FORM),
        ("[" * 100_000, 1, FORM),
        ("", 1, FORM),
        ("[]", 1, FORM),
        ({"a": 1}, 1, FORM),
        ({}, "x", FORM),
        ({}, "", FORM),
        ({}, -1, FORM),
        ({}, 2**31, FORM),
        ({}, 1, "Opinion"),
    ],
)
def test_what_no_page_of_ours_sends_is_answered_400(fields: Any, version: Any, form: str) -> None:
    user = UserFactory()
    response = send(signed_in(user), user, fields, version=version, form=form)
    assert response.status_code == 400
    assert response.json()["message"]
    assert not Draft.objects.exists()


def test_the_number_of_queries_is_small_and_fixed() -> None:
    user = UserFactory()
    client = signed_in(user)
    send(client, user, {"text": "一"})
    with CaptureQueriesContext(connection) as caught:
        send(client, user, {"text": "二"})
    # Session, user, memberships; savepoint, locked row, update, release.
    assert len(caught) <= 7


# ---- the login ----


def test_autosave_does_not_prolong_the_login_but_a_page_does() -> None:
    user = UserFactory()
    client = signed_in(user)
    assert sessions.COOKIE not in send(client, user, {"text": "意见"}).cookies
    assert sessions.COOKIE in client.get(reverse("job_list")).cookies


def test_typing_alone_ends_in_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    client = signed_in(user)
    client.get(reverse("job_list"))
    started = time.time()
    idle = timedelta(seconds=settings.IDLE_SECONDS).total_seconds()
    for share in (0.4, 0.9):
        monkeypatch.setattr(time, "time", lambda share=share: started + idle * share)
        assert send(client, user, {"text": f"{share}"}).status_code == 200
    monkeypatch.setattr(time, "time", lambda: started + idle + 5)
    late = send(client, user, {"text": "太晚"})
    assert (late.status_code, late.json()["code"]) == (401, "session_expired")
    assert Draft.objects.get().fields == {"text": "0.9"}


def test_without_a_session_nothing_is_kept() -> None:
    user = UserFactory()
    assert send(Client(), user, {"text": "意见"}).status_code == 302
    assert not Draft.objects.exists()
