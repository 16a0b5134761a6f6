"""Thin doors: login and passwords, organisations, users, the import."""

from organisations.views.login import locked_out

__all__ = ["locked_out"]  # named in settings
