"""One machine, embedded servers: what `make run` and `manage.py` use when nothing else is said."""

import os

import dj_database_url

from qingtian_perf import embedded
from qingtian_perf.settings.base import *  # noqa: F403

DATABASE = os.environ.get("DATABASE", "demo")
SECRET_KEY = embedded.secret_key()
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

DATABASES = {
    "default": dj_database_url.config(
        default=embedded.database_url(f"qingtian_{DATABASE}"), conn_max_age=60, conn_health_checks=True
    )
}
REDIS_URL = os.environ.get("REDIS_URL") or embedded.redis_url(DATABASE)
CELERY_BROKER_URL = embedded.broker_url(REDIS_URL)

# Hashed names as on a server; compressing them for a browser on the same machine would only cost the first start.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}  # noqa: F405
