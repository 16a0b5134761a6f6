"""Health, jobs and their files, autosave."""

from django.urls import path

from core import views

urlpatterns = [
    path("healthz/live", views.live, name="live"),
    path("healthz/ready", views.ready, name="ready"),
    path("jobs/", views.JobList.as_view(), name="job_list"),
    path("jobs/<int:pk>/", views.job_detail, name="job"),
    path("jobs/<int:pk>/progress/", views.job_progress, name="job_progress"),
    path("jobs/<int:pk>/cancel/", views.job_cancel, name="job_cancel"),
    path("jobs/<int:pk>/files/<int:file_pk>/", views.job_file, name="job_file"),
    path("drafts/<str:form>/autosave/", views.draft_autosave, name="draft_autosave"),
]
