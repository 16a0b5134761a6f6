"""Login, passwords, the set-up of an empty bureau; organisations and users."""

from django.urls import path

from organisations.views import login

urlpatterns = [
    path("login/", login.LoginView.as_view(), name="login"),
    path("login/again/", login.login_again, name="login_again"),
    path("logout/", login.logout, name="logout"),
    path("password/", login.PasswordChangeView.as_view(), name="password_change"),
    path("setup/", login.setup, name="setup"),
]
