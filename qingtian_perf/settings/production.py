"""A server: everything secret comes from the environment, and anything unsafe is refused at start."""

import os

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from qingtian_perf import embedded
from qingtian_perf.settings.base import *  # noqa: F403


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"缺少环境变量 {name}。")
    return value


SECRET_KEY = _required("SECRET_KEY")
if len(SECRET_KEY) < 50 or SECRET_KEY.startswith(("django-insecure", "change-me")) or len(set(SECRET_KEY)) < 5:
    raise ImproperlyConfigured("SECRET_KEY 不得使用默认值，须为 50 位以上的随机字符。")
if os.environ.get("DEBUG", "").lower() not in {"", "0", "false", "no"}:
    raise ImproperlyConfigured("生产环境不得开启 DEBUG。")
ALLOWED_HOSTS = [host.strip() for host in _required("ALLOWED_HOSTS").split(",") if host.strip()]
if any(host in {"*", ".*"} for host in ALLOWED_HOSTS):
    raise ImproperlyConfigured("ALLOWED_HOSTS 不得为 *，请写明系统的域名或地址。")

DATABASES = {"default": dj_database_url.parse(_required("DATABASE_URL"), conn_max_age=60, conn_health_checks=True)}
REDIS_URL = _required("REDIS_URL")
CELERY_BROKER_URL = embedded.broker_url(REDIS_URL)

# Offices without a certificate yet may run plain HTTP inside their own network, if they say so.
_https = os.environ.get("HTTPS", "on").lower() not in {"0", "off", "false", "no"}
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz/"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
# Only a proxy that speaks HTTPS to the outside may say so; without one anybody could.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS] if _https else []

if os.environ.get("EMAIL_HOST"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = os.environ["EMAIL_HOST"]
    EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
    EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
    EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
    EMAIL_USE_TLS = os.environ.get("EMAIL_USE_TLS", "") == "1"
