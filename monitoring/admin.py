"""后台管理 of recovery: reading, for those who look after the data."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from monitoring.models import (
    DecisionScan,
    MatchDismissal,
    Opinion,
    OpinionEvidence,
    RecoveryDecision,
    RecoveryLine,
    RecoveryLineFlow,
    RecoveryRule,
    RecoveryRun,
)


class ReadOnly(admin.ModelAdmin):
    """Business rows change through their pages, where rules and flow records are."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _register(model: type[Model], shown: tuple[str, ...], search: tuple[str, ...], **options: Any) -> None:
    fields = {"list_display": shown, "search_fields": search, **options}
    admin.site.register(model, type(f"{model.__name__}Admin", (ReadOnly,), fields))


_register(RecoveryRule, ("__str__", "state", "as_of", "rate_below", "lag_above"), ("fiscal_year", "legal_basis"))
_register(RecoveryRun, ("__str__", "rule", "lines_found", "recoverable", "computed_at"), ("fiscal_year",))
_register(
    RecoveryLine,
    ("project_year", "allocation", "state", "recoverable", "decided"),
    ("project_year__name", "project_year__project__code", "allocation"),
    list_filter=("state", "status"),
    list_select_related=("project_year",),
)
_register(RecoveryLineFlow, ("subject", "actor_name", "label", "at"), ("actor_name", "subject__project_year__name"))
_register(RecoveryDecision, ("meeting", "date", "signatory"), ("meeting", "signatory"))
_register(DecisionScan, ("name", "subject", "uploaded_by"), ("name",))
_register(Opinion, ("line", "organisation", "stance", "accepted", "must_pay"), ("organisation__name", "text"))
_register(OpinionEvidence, ("name", "subject", "uploaded_by"), ("name",))
_register(MatchDismissal, ("entry", "reason", "dismissed_by"), ("reason",))
