"""Login and passwords; the pages of organisations and users."""

from __future__ import annotations

from django.contrib.auth import logout as auth_logout
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST


@method_decorator(login_not_required, name="dispatch")
class LoginView(auth_views.LoginView):
    redirect_authenticated_user = True


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    auth_logout(request)
    return redirect("login")


class PasswordChangeView(auth_views.PasswordChangeView):
    success_url = reverse_lazy("desk")


@login_not_required
@require_POST
def login_again(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=403)


@login_not_required
def setup(request: HttpRequest) -> HttpResponse:
    raise Http404
