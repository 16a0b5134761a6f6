"""Login, passwords, the set-up of an empty bureau; organisations and users."""

from django.urls import path

from organisations import views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("login/again/", views.login_again, name="login_again"),
    path("logout/", views.logout, name="logout"),
    path("password/", views.PasswordChangeView.as_view(), name="password_change"),
    path("setup/", views.setup, name="setup"),
]
