"""The demonstration year, loaded once for all tests of this directory and taken back at their end."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from qingtian_perf.demo.loading import load


@pytest.fixture(scope="package")
def _loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """Loads inside one transaction that is never committed; what each test does lies in a savepoint above it."""
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        try:
            yield load()
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)


@pytest.fixture
def demo(_loaded: dict[str, Any], db: None) -> dict[str, Any]:
    """What `load_demo` answered when it loaded the year that this test looks at."""
    return _loaded
