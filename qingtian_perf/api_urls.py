"""/api/v1/: one line for each app's door, and the schema."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from budgets.api import LedgerEntryViewSet, ProjectViewSet, ProjectYearViewSet
from monitoring.api import RecoveryLineViewSet
from organisations.api import OrganisationViewSet

router = SimpleRouter()
router.register("organisations", OrganisationViewSet, basename="api-organisation")
router.register("projects", ProjectViewSet, basename="api-project")
router.register("project-years", ProjectYearViewSet, basename="api-project-year")
router.register("ledger-entries", LedgerEntryViewSet, basename="api-ledger-entry")
router.register("recovery-lines", RecoveryLineViewSet, basename="api-recovery-line")

urlpatterns = [path("schema/", SpectacularAPIView.as_view(), name="api-schema"), *router.urls]
