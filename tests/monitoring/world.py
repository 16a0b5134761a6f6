"""A small county with a ledger, everybody who takes part in recovery, and shortcuts through its steps."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from budgets.enums import SourceKind
from budgets.models import ProjectYear, Source
from budgets.services import EntryRow, ProjectRow, post_entries, upsert_projects
from core.jobs import run_now
from monitoring import services
from monitoring.enums import LineState
from monitoring.models import RecoveryDecision, RecoveryLine, RecoveryRule, RecoveryRun
from organisations.enums import DivisionFunction, Role
from tests.factories import OrganisationFactory, user_with

YEAR = 2023
SEPTEMBER = date(YEAR, 9, 30)
MEETING = date(YEAR, 10, 20)


class World:
    """Two departments with a unit each; `projects` per department with 1,000,000 yuan and 200,000 paid.

    With `allocations` every entry names its 指标 (`Z-<code>`), otherwise none does.
    """

    def __init__(self, projects: int = 2, *, allocations: bool = True) -> None:
        self.bureau = OrganisationFactory(bureau=True)
        self.division = OrganisationFactory(section=True)
        self.departments = [OrganisationFactory(division=self.division) for _ in range(2)]
        self.units = [OrganisationFactory(unit=True, parent=d) for d in self.departments]
        section = OrganisationFactory(section=True, function=DivisionFunction.PERFORMANCE)
        budget = OrganisationFactory(section=True, function=DivisionFunction.BUDGET)
        self.section = user_with(Role.PERFORMANCE_SECTION, section)
        self.budget = user_with(Role.BUDGET_DIVISION, budget)
        self.leader = user_with(Role.LEADER, self.bureau)
        self.officer = user_with(Role.DIVISION_OFFICER, self.division)
        self.reviewers = [user_with(Role.DEPARTMENT_REVIEWER, d) for d in self.departments]
        self.unit_reviewers = [user_with(Role.UNIT_REVIEWER, u) for u in self.units]
        self.vouchers = Source.objects.create(name="凭证", kind=SourceKind.VOUCHERS)
        self._ledger(projects, allocations=allocations)

    def _ledger(self, projects: int, *, allocations: bool) -> None:
        rows, entries = [], []
        for place, unit in enumerate(self.units):
            for number in range(projects):
                code = f"P{place}{number:04}"
                rows.append(ProjectRow(code=code, name=f"项目{code}", unit=unit.code))
                own = {"project_code": code, "allocation": f"Z-{code}" if allocations else ""}
                entries += [
                    EntryRow(f"b{code}", kind="initial", amount=Decimal(1_000_000), date=date(YEAR, 1, 1), **own),
                    EntryRow(f"p{code}", kind="payment", amount=Decimal(200_000), date=date(YEAR, 6, 1), **own),
                ]
        source = Source.objects.create(name="项目", kind=SourceKind.PROJECTS)
        upsert_projects(rows=rows, source=source, fiscal_year=YEAR, as_of=SEPTEMBER, by=None)
        self.import_entries(entries)

    def import_entries(self, rows: list[EntryRow], **options: Any) -> Any:
        return post_entries(
            rows=rows, source=self.vouchers, fiscal_year=YEAR, by=self.section, complete=False, **options
        )

    def year_of(self, code: str) -> ProjectYear:
        return ProjectYear.objects.get(project__code=code, fiscal_year=YEAR)

    # ----- the steps -----

    def rule(self, **fields: Any) -> RecoveryRule:
        fields = {"rate_below": Decimal("0.5")} | fields
        rule = services.draft_rule(fiscal_year=YEAR, as_of=SEPTEMBER, by=self.section, **fields)
        return services.publish_rule(rule=rule, by=self.section)

    def run(self, rule: RecoveryRule | None = None) -> RecoveryRun:
        run = services.start_run(rule=rule or self.rule(), by=self.section)
        assert run.job is not None
        assert run_now(run.job).state == "done"
        run.refresh_from_db()
        return run

    def lines(self, run: RecoveryRun) -> list[RecoveryLine]:
        return list(
            run.lines.select_related("run__rule", "project_year__project").order_by("project_year__project__code")
        )

    def consulted(self) -> RecoveryRun:
        run = self.run()
        services.request_opinions(run=run, by=self.section, deadline=date(YEAR, 10, 13))
        return run

    def reviewed(self) -> RecoveryRun:
        run = self.consulted()
        services.submit_review(lines=self.lines(run), by=self.section)
        services.review_many(lines=self.lines(run), verdict="keep", by=self.budget)
        return run

    def decided(self, run: RecoveryRun | None = None) -> tuple[RecoveryRun, RecoveryDecision]:
        run = run or self.reviewed()
        decision = services.record_decision(
            run=run, meeting="局长办公会第 18 次会议", date=MEETING, signatory="局长", by=self.section
        )
        return run, decision

    def pending(self, run: RecoveryRun | None = None) -> RecoveryRun:
        run, _ = self.decided(run)
        services.hand_over(run=run, by=self.section)
        assert run.lines.filter(state=LineState.PENDING).exists()
        return run

    def executed(self, run: RecoveryRun | None = None) -> RecoveryRun:
        run = self.pending(run)
        lines = [(line, line.version) for line in run.lines.filter(state=LineState.PENDING)]
        services.confirm_execution(
            lines=lines, document_number="青财预〔2023〕88号", executed_on=date(YEAR, 10, 23), by=self.budget
        )
        return run
