"""The project's routes and one bare page behind the same middleware and login: the floor of bench.pages."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from organisations.models import Organisation
from qingtian_perf.urls import urlpatterns as project_urlpatterns


def bare(request: HttpRequest) -> HttpResponse:
    """One query of one row, besides what session and login ask for every page."""
    return HttpResponse(f"<html><body>{Organisation.objects.order_by('pk').first()}</body></html>")


urlpatterns = [path("bench/bare/", bare), *project_urlpatterns]
