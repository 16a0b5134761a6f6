"""Health is open; a job belongs to its starter and to those who may see any job; a draft to who types it."""

from io import BytesIO
from typing import Any

from django.db.models import Model

from core.models import Job, JobFile, SecurityEvent
from core.services import store
from organisations.enums import Role
from tests.architecture.access import Listing, Person, Route, World, any_of, holds

STARTER = Role.DEPARTMENT_REVIEWER
TITLE = "甲甲甲的作业"


def job(world: World) -> dict[str, Any]:
    return {
        "pk": Job.objects.create(
            kind="test", key=str(Job.objects.count()), title=TITLE, started_by=world.user(STARTER)
        ).pk
    }


def file(world: World) -> dict[str, Any]:
    pk = job(world)["pk"]
    return {"pk": pk, "file_pk": JobFile.objects.create(job_id=pk, file=store(BytesIO(b"text")), name="结果.txt").pk}


def starter(person: Person) -> bool:
    return person.role == STARTER and person.inside


watchers = any_of(starter, holds(Role.PERFORMANCE_SECTION, Role.SYSTEM_ADMIN))


def titles(world: World) -> list[str]:
    return [TITLE, "结果.txt"]


ROUTES = {
    "live": Route(anonymous="open"),
    "ready": Route(anonymous="open", statuses={503}),
    "job_list": Route(listing=Listing(Job, "title"), kwargs=lambda world: job(world) and {}),
    "job": Route(allowed=watchers, kwargs=job, secrets=titles),
    "job_progress": Route(allowed=watchers, kwargs=job, secrets=titles, statuses={286}),
    "job_cancel": Route(allowed=watchers, kwargs=job, secrets=titles, post=True),
    "job_file": Route(allowed=watchers, kwargs=file, secrets=titles),
    # The page was drawn for the department's reviewer: whoever else sends it stores nothing.
    "draft_autosave": Route(
        allowed=starter,
        kwargs=lambda world: {"form": "opinion:1"},
        data=lambda world: {"user": world.user(STARTER).pk, "version": 1, "fields": '{"text": "甲甲甲的草稿"}'},
        post=True,
        refused={409},
        secrets=lambda world: ["甲甲甲的草稿"],
    ),
}


def admin_row(model: type[Model], world: World) -> Any:
    if model is SecurityEvent:
        return SecurityEvent.objects.create(kind="login", username="甲甲甲用户")
    file(world)  # a job with a file
    return model._default_manager.latest("pk")
