"""Projects: their branch; imports and the rows that wait: the bureau's desks."""

from datetime import date
from typing import Any

from budgets.enums import SourceKind
from budgets.models import IMPORTERS, HeldEntry, LedgerEntry, Project, ProjectYear, Source, VanishedEntry
from budgets.services import EntryRow, ProjectRow, post_entries, upsert_projects
from core.models import Job
from organisations.enums import Role
from organisations.roles import COUNTY_WIDE
from tests.architecture.access import Listing, Route, World, branch, holds

YEAR = 2023
NAME = "甲甲甲的道路"


def _source(kind: str) -> Source:
    return Source.objects.get_or_create(name=SourceKind(kind).label, defaults={"kind": kind})[0]


def project_year(world: World) -> ProjectYear:
    """One project of ours, one of theirs, with money; ours is answered."""
    rows = [
        ProjectRow("AJXP1", NAME, unit=world.unit.code, initial=100),  # type: ignore[arg-type]
        ProjectRow("BYBP1", "乙乙乙的桥梁", unit=world.other_unit.code, initial=100),  # type: ignore[arg-type]
    ]
    projects = _source(SourceKind.PROJECTS)
    upsert_projects(rows=rows, source=projects, fiscal_year=YEAR, as_of=date(YEAR, 9, 30), by=None)
    return ProjectYear.objects.get(project__code="AJXP1")


def _entries(world: World) -> None:
    project_year(world)
    rows = [
        EntryRow("V1", "AJXP1", "payment", 10, date(YEAR, 3, 1)),  # type: ignore[arg-type]
        EntryRow("V2", "ZZZZZ", "payment", 10, date(YEAR, 3, 1)),  # type: ignore[arg-type]
    ]
    source = _source(SourceKind.VOUCHERS)
    post_entries(rows=rows, source=source, fiscal_year=YEAR, by=None, hold_unknown=True)
    post_entries(rows=rows[1:], source=source, fiscal_year=YEAR, by=None, hold_unknown=True)


def a_project(world: World) -> dict[str, Any]:
    return {"year": YEAR, "pk": project_year(world).pk}


def a_held(world: World) -> dict[str, Any]:
    _entries(world)
    return {"year": YEAR, "pk": HeldEntry.objects.get().pk}


def a_vanished(world: World) -> dict[str, Any]:
    _entries(world)
    return {"year": YEAR, "pk": VanishedEntry.objects.get().pk}


def a_job(world: World) -> dict[str, Any]:
    """A checked import of the performance section's."""
    job = Job.objects.create(
        kind="budgets.import_workbook",
        key="支付凭证:2023",
        title="检查支付凭证（2023年度）",
        state="failed",
        finished_at="2023-10-01T00:00:00Z",
        started_by=world.user(Role.PERFORMANCE_SECTION),
        params={"kind": "vouchers", "source": "支付凭证", "year": YEAR, "dry_run": True, "files": []},
    )
    return {"year": YEAR, "pk": job.pk}


def year(world: World) -> dict[str, Any]:
    return {"year": YEAR}


def year_with_projects(world: World) -> dict[str, Any]:
    project_year(world)
    return {"year": YEAR}


def names(world: World) -> list[str]:
    return [NAME, "AJXP1"]


def pk_of(model: Any) -> Any:
    """For the API's details: our project, its year, its entry."""

    def build(world: World) -> dict[str, Any]:
        own = project_year(world)
        return {"pk": {Project: own.project_id, ProjectYear: own.pk, LedgerEntry: own.entries.get().pk}[model]}

    return build


def admin_row(model: Any, world: World) -> Any:
    """A row of any model of this app, for the walk through the admin."""
    _entries(world)
    if model._meta.model_name in ("commitment", "finding", "performancerecord"):
        return _by_later_stages(model, world)
    return model._default_manager.order_by("pk").first()


def _by_later_stages(model: Any, world: World) -> Any:
    own = ProjectYear.objects.get(project__code="AJXP1")
    rows: dict[str, dict[str, Any]] = {
        "commitment": {"amount": 1, "declared_by": world.user(Role.UNIT_FILLER)},
        "finding": {"stage": "monitoring", "text": "进度慢", "source_key": "walk"},
        "performancerecord": {"stage": "monitoring", "source_key": "walk"},
    }
    return model._default_manager.create(project_year=own, **rows[model._meta.model_name])


importers = holds(*IMPORTERS)
desks = holds(*COUNTY_WIDE)

ROUTES = {
    "project_list": Route(kwargs=year_with_projects, listing=Listing(ProjectYear, "name")),
    "project": Route(allowed=branch, kwargs=a_project, secrets=names),
    "search": Route(kwargs=year),
    "import_list": Route(allowed=importers, kwargs=year, refused={403}),
    "import_template": Route(allowed=importers, kwargs=year, post=True, refused={403}),
    "import_detail": Route(allowed=holds(Role.PERFORMANCE_SECTION), kwargs=a_job, refused={403, 404}),
    "import_state": Route(allowed=holds(Role.PERFORMANCE_SECTION), kwargs=a_job, refused={403, 404}, statuses={286}),
    "import_confirm": Route(allowed=holds(Role.PERFORMANCE_SECTION), kwargs=a_job, post=True, refused={403, 404}),
    "source_list": Route(allowed=importers, kwargs=year, refused={403}),
    "source_new": Route(allowed=importers, kwargs=year, refused={403}),
    "held_list": Route(allowed=desks, kwargs=year, refused={403}),
    "held": Route(allowed=desks, kwargs=a_held, refused={403}),
    "held_claim": Route(allowed=importers, kwargs=a_held, post=True, refused={403}, statuses={422}),
    "vanished_list": Route(allowed=desks, kwargs=year, refused={403}),
    "vanished": Route(allowed=desks, kwargs=a_vanished, secrets=names, refused={403}),
    "vanished_settle": Route(
        allowed=importers, kwargs=a_vanished, secrets=names, post=True, refused={403}, statuses={422}
    ),
    "api-project-list": Route(
        anonymous="401", kwargs=lambda world: project_year(world) and {}, listing=Listing(Project, "code", export=False)
    ),
    "api-project-detail": Route(anonymous="401", allowed=branch, kwargs=pk_of(Project), secrets=names),
    "api-project-year-list": Route(
        anonymous="401",
        kwargs=lambda world: project_year(world) and {},
        listing=Listing(ProjectYear, "project__code", export=False),
    ),
    "api-project-year-detail": Route(anonymous="401", allowed=branch, kwargs=pk_of(ProjectYear), secrets=names),
    "api-ledger-entry-list": Route(
        anonymous="401",
        kwargs=lambda world: project_year(world) and {},
        listing=Listing(LedgerEntry, "source_key", export=False),
    ),
    "api-ledger-entry-detail": Route(anonymous="401", allowed=branch, kwargs=pk_of(LedgerEntry), secrets=names),
}
