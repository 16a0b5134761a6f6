"""Login, passwords, the set-up of an empty bureau; organisations and users."""

from django.urls import path

from organisations.views import imports, login, organisations, users

urlpatterns = [
    path("login/", login.LoginView.as_view(), name="login"),
    path("login/again/", login.login_again, name="login_again"),
    path("logout/", login.logout, name="logout"),
    path("password/", login.PasswordChangeView.as_view(), name="password_change"),
    path("setup/", login.setup, name="setup"),
    path("organisations/", organisations.OrganisationList.as_view(), name="organisation_list"),
    path("organisations/import/", imports.OrganisationImport.as_view(), name="organisation_import"),
    path("organisations/<int:pk>/", organisations.organisation, name="organisation"),
    path("organisations/<int:pk>/rename/", organisations.organisation_rename, name="organisation_rename"),
    path("users/", users.UserList.as_view(), name="user_list"),
    path("users/import/", imports.UserImport.as_view(), name="user_import"),
    path("users/<int:pk>/", users.user, name="user"),
    path("users/<int:pk>/reset/", users.user_reset, name="user_reset"),
    path("users/<int:pk>/switch/", users.user_switch, name="user_switch"),
    path("users/<int:pk>/memberships/", users.membership_grant, name="membership_grant"),
    path("users/<int:pk>/memberships/<int:membership_pk>/end/", users.membership_end, name="membership_end"),
    path("deputies/", users.deputy_list, name="deputy_list"),
    path("deputies/<int:pk>/end/", users.deputy_end, name="deputy_end"),
]
