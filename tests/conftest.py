"""Every test runs against the embedded PostgreSQL and Redis (or those of DATABASE_URL and REDIS_URL)."""

from contextlib import ExitStack

import pgtrigger
import pytest
from django.test import TransactionTestCase

from qingtian_perf import embedded

_servers = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    _servers.enter_context(embedded.lease())


def pytest_unconfigure(config: pytest.Config) -> None:
    _servers.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of two workers none is left alone with one at the end."""
    first = (
        "test_faults.py",
        "test_killed.py",
        "test_gallery.py",
        "test_access_walk.py",
        "test_jobs.py",
        "test_serve.py",
    )
    items.sort(key=lambda item: first.index(item.path.name) if item.path.name in first else len(first))


_flush = TransactionTestCase._fixture_teardown


def _flush_append_only_too(self: TransactionTestCase) -> None:
    # Append-only tables refuse TRUNCATE; only this flush between tests may do it.
    with pgtrigger.ignore():
        _flush(self)


TransactionTestCase._fixture_teardown = _flush_append_only_too
