"""Every write of organisations, users, memberships, deputies and passwords."""

from organisations.services.accounts import (
    create_user,
    end_membership,
    grant_membership,
    set_active,
    update_user,
)
from organisations.services.deputies import appoint_deputy, end_deputy
from organisations.services.import_organisations import import_organisations
from organisations.services.import_users import import_users
from organisations.services.logins import change_password, record_login, record_logout, reset_password
from organisations.services.organisations import create_organisation, rename_organisation, update_organisation
from organisations.services.setup import open_bureau, setup_key

__all__ = [
    "appoint_deputy",
    "change_password",
    "create_organisation",
    "create_user",
    "end_deputy",
    "end_membership",
    "grant_membership",
    "import_organisations",
    "import_users",
    "open_bureau",
    "record_login",
    "record_logout",
    "rename_organisation",
    "reset_password",
    "set_active",
    "setup_key",
    "update_organisation",
    "update_user",
]
