"""后台管理 of this app: read-only. Money changes through imports, everything else through its own page."""

from __future__ import annotations

from django.contrib import admin

from budgets.models import (
    Commitment,
    Finding,
    HeldEntry,
    ImportBatch,
    LedgerEntry,
    PerformanceRecord,
    Project,
    ProjectFigures,
    ProjectYear,
    Source,
    VanishedEntry,
    YearBasis,
    YearTotals,
)
from core.admin import ReadOnlyAdmin


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("code", "name", "start_year", "term")
    search_fields = ("code", "name", "initials")


@admin.register(ProjectYear)
class ProjectYearAdmin(ReadOnlyAdmin):
    list_display = ("project", "fiscal_year", "unit", "department", "division", "category", "kind")
    list_filter = ("fiscal_year", "category", "kind", "fund_level")
    list_select_related = ("project", "unit", "department", "division")
    search_fields = ("project__code", "name", "unit__name", "department__name")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("project_year", "kind", "amount", "date", "allocation", "source_key", "revision", "is_reversal")
    list_filter = ("kind", "source")
    list_select_related = ("project_year",)
    search_fields = ("source_key", "project_year__project__code", "allocation")


@admin.register(YearTotals)
class YearTotalsAdmin(ReadOnlyAdmin):
    list_display = ("project_year", "allocation", "vintage", "fund_level", "adjusted", "paid", "recovered")
    list_select_related = ("project_year",)
    search_fields = ("project_year__project__code", "allocation")


@admin.register(ProjectFigures)
class ProjectFiguresAdmin(ReadOnlyAdmin):
    list_display = ("project_year", "initial", "adjusted", "paid", "recovered")
    list_select_related = ("project_year",)
    search_fields = ("project_year__project__code", "project_year__name")


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind")
    search_fields = ("name",)


@admin.register(YearBasis)
class YearBasisAdmin(ReadOnlyAdmin):
    list_display = ("fiscal_year", "fund_source", "basis")
    search_fields = ("fiscal_year", "fund_source")


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    list_display = ("source", "fiscal_year", "as_of", "imported_by", "imported_at")
    list_filter = ("fiscal_year", "source")
    list_select_related = ("source", "imported_by")
    search_fields = ("source__name", "fiscal_year")


@admin.register(HeldEntry)
class HeldEntryAdmin(ReadOnlyAdmin):
    list_display = ("project_code", "project_name", "kind", "amount", "date", "fiscal_year", "claimed_entry")
    list_select_related = ("claimed_entry",)
    search_fields = ("project_code", "project_name", "source_key")


@admin.register(VanishedEntry)
class VanishedEntryAdmin(ReadOnlyAdmin):
    list_display = ("entry", "batch", "state", "decided_by", "decided_at", "reason")
    list_filter = ("state",)
    list_select_related = ("entry", "batch__source", "decided_by")
    search_fields = ("entry__source_key", "entry__project_year__project__code")


@admin.register(Commitment)
class CommitmentAdmin(ReadOnlyAdmin):
    list_display = ("project_year", "allocation", "amount", "reason", "declared_by", "declared_at")
    list_select_related = ("project_year", "declared_by")
    search_fields = ("project_year__project__code", "project_year__name", "allocation")


@admin.register(PerformanceRecord)
class PerformanceRecordAdmin(ReadOnlyAdmin):
    list_display = ("project_year", "stage", "grade", "score", "decision")
    list_filter = ("stage", "grade")
    list_select_related = ("project_year",)
    search_fields = ("project_year__project__code", "project_year__name")


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("project_year", "stage", "text", "amount", "state")
    list_filter = ("stage", "state")
    list_select_related = ("project_year",)
    search_fields = ("project_year__project__code", "project_year__name", "text")
