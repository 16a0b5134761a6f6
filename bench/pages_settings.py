"""The local settings with the bare page beside the project's own; the cheap hasher only spares the log-in."""

from qingtian_perf.settings.local import *  # noqa: F403

ROOT_URLCONF = "bench.pages_urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING["root"]["level"] = "WARNING"  # noqa: F405
