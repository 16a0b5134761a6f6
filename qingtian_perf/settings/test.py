"""Tests: real PostgreSQL and Redis, a database per test run, cheap passwords, warnings as errors."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from qingtian_perf.settings.local import *  # noqa: F403

# Two runs at the same time name different databases; Redis' number follows.
_name = os.environ.get("QINGTIAN_TEST_DATABASE", "test_qingtian")
# pytest-xdist: each worker has a database (pytest-django names it), a Redis number and files of its own.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
DATABASES["default"]["TEST"] = {"NAME": _name}  # noqa: F405
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
# A power cut may cost the last test its rows; fsync itself stays on.
DATABASES["default"]["OPTIONS"] = {"options": "-c synchronous_commit=off"}  # noqa: F405
REDIS_URL = os.environ.get("REDIS_URL") or embedded.redis_url(_name + _worker)  # noqa: F405
CELERY_BROKER_URL = embedded.broker_url(REDIS_URL)  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_AUTOREFRESH = True


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


# A process that a test starts with these settings shares the test's files; whoever named the directory removes it.
# It is made when first used: tools that only read the settings (mypy) leave nothing behind.
if "QINGTIAN_TEST_FILES" not in os.environ:
    os.environ["QINGTIAN_TEST_FILES"] = f"{tempfile.gettempdir()}/qingtian-files-{os.getpid()}-{secrets.token_hex(4)}"
    atexit.register(_remove, os.environ["QINGTIAN_TEST_FILES"], os.getpid())
FILES_ROOT = Path(os.environ["QINGTIAN_TEST_FILES"]) / _worker
