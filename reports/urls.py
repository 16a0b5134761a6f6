"""The first page, its later-loaded panels, the counts beside the navigation, and the history."""

from django.urls import path

from reports import views

urlpatterns = [
    path("", views.home, name="desk"),
    path("<int:year>/", views.desk, name="desk_of_year"),
    path("<int:year>/desk/panels/", views.panels, name="desk_panels"),
    path("<int:year>/desk/charts/", views.desk_charts, name="desk_charts"),
    path("<int:year>/counts/", views.counts, name="counts"),
    path("<int:year>/history/", views.History.as_view(), name="history"),
]
