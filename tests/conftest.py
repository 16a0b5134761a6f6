"""Every test runs against the embedded PostgreSQL and Redis (or those of DATABASE_URL and REDIS_URL)."""

from contextlib import ExitStack

import pytest

from qingtian_perf import embedded

_servers = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    _servers.enter_context(embedded.lease())


def pytest_unconfigure(config: pytest.Config) -> None:
    _servers.close()
