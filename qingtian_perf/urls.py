"""All routes. A stage that is not built yet has no route here."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("qingtian_perf.api_urls")),
    path("", include("reports.urls")),
    path("", include("core.urls")),
    path("", include("monitoring.urls")),
    path("", include("notices.urls")),
    path("", include("budgets.urls")),
    path("", include("organisations.urls")),
]
