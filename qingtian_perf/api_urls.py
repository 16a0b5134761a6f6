"""/api/v1/: one line for each app's door, and the schema."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from organisations.api import OrganisationViewSet

router = SimpleRouter()
router.register("organisations", OrganisationViewSet, basename="api-organisation")

urlpatterns = [path("schema/", SpectacularAPIView.as_view(), name="api-schema"), *router.urls]
