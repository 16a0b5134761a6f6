"""Login, logout, password, and the set-up of an empty bureau."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, authenticate, update_session_auth_hash
from django.contrib.auth import logout as auth_logout
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from core.middleware import peer_address
from core.services import Refused
from organisations import services, sessions
from organisations.forms import LoginForm, SetupForm
from organisations.queries import bureau_exists, minutes_locked
from organisations.services.logins import record_locked


@method_decorator(login_not_required, name="dispatch")
class LoginView(auth_views.LoginView):
    form_class = LoginForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not bureau_exists():
            return redirect("setup")
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: LoginForm) -> HttpResponse:
        user = form.get_user()
        sessions.enter(self.request, user)
        services.record_login(user=user)
        return redirect(self.get_success_url())

    def form_invalid(self, form: LoginForm) -> HttpResponse:
        if not getattr(self.request, "axes_locked_out", False):  # `locked_out` tells that
            services.record_login(username=form.data.get("username", ""), succeeded=False)
        return super().form_invalid(form)


def locked_out(request: HttpRequest, response: Any = None, credentials: dict[str, Any] | None = None) -> HttpResponse:
    """Called by axes: too many wrong passwords for this name from this address. Tells the minutes left."""
    username = (credentials or {}).get("username") or request.POST.get("username", "")
    record_locked(username=username)
    minutes = minutes_locked(username, peer_address(request))
    if request.path == reverse("login_again"):
        return JsonResponse(
            {"code": "locked", "message": f"密码连续输错，登录已锁定，请在 {minutes} 分钟后再试。"}, status=403
        )
    return render(request, "429.html", {"minutes": minutes}, status=429)


@sensitive_post_parameters()
@login_not_required
@never_cache
@require_POST
def login_again(request: HttpRequest) -> HttpResponse:
    """The password asked over a page whose login has expired: 204, or 403 with the reason.

    The same user only; where the session itself is gone (ended by its age, cleared away), whoever knows the password.
    """
    held = request.session.get(SESSION_KEY)
    user = authenticate(request, username=request.POST.get("username", ""), password=request.POST.get("password", ""))
    if user is None:
        if not getattr(request, "axes_locked_out", False):
            services.record_login(username=request.POST.get("username", ""), succeeded=False, what="超时后再次登录")
        return JsonResponse({"code": "wrong_password", "message": "密码不正确，请重新输入。"}, status=403)
    if held is not None and str(user.pk) != str(held):
        message = "登录已失效，请在新窗口重新登录，再回到本页继续。"
        return JsonResponse({"code": "other_user", "message": message}, status=403)
    sessions.enter(request, user)
    services.record_login(user=user, what="超时后再次登录")
    return HttpResponse(status=204)


@require_POST
@login_not_required
def logout(request: HttpRequest) -> HttpResponse:
    """End the session: its key is dead at once, wherever a copy of the cookie may be."""
    if request.user.is_authenticated:
        services.record_logout(user=request.user)
    auth_logout(request)
    response = redirect("login")
    response.delete_cookie(sessions.COOKIE)
    return response


class PasswordChangeView(auth_views.PasswordChangeView):
    def get_success_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def form_valid(self, form: Any) -> HttpResponse:
        user = self.request.user
        try:
            services.change_password(user=user, password=form.cleaned_data["new_password1"], by=user)
        except Refused as refused:
            form.add_error("new_password1", refused.reason)
            return self.form_invalid(form)
        update_session_auth_hash(self.request, user)
        messages.success(self.request, "密码已修改，下次登录请使用新密码。")
        return redirect(self.get_success_url())


@sensitive_post_parameters()
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponseBase:
    """The first page of an empty bureau; gone as soon as one exists."""
    if bureau_exists():
        raise Http404
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            accounts = services.open_bureau(**form.values())
        except Refused as refused:
            form.add_error("key" if refused.code == "wrong_key" else None, refused.reason)
        else:
            return render(request, "organisations/setup_done.html", {"accounts": accounts})
    return render(request, "organisations/setup.html", {"form": form})
