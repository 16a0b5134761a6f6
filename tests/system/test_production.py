"""Production settings refuse whatever would be unsafe, in words an administrator can act on."""

import secrets
import sys

import pytest

from tests.system.conftest import House

GOOD = {
    "DJANGO_SETTINGS_MODULE": "qingtian_perf.settings.production",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "ALLOWED_HOSTS": "perf.example.gov.cn",
    "DATABASE_URL": "postgres://nobody@localhost/none",
    "REDIS_URL": "redis://localhost/0",
}


def load(house: House, **changes: str) -> str:
    return house.run(
        sys.executable, "-c", "from django.conf import settings; settings.DEBUG", code=None, **GOOD | changes
    )


def test_good_settings_pass_the_deployment_check(house: House) -> None:
    arguments = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert "no issues" in house.run(sys.executable, *arguments, **GOOD)
    assert list(house.local.iterdir()) == []  # neither servers nor a key of its own


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SECRET_KEY": ""}, "缺少环境变量 SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY 不得使用默认值"),
        ({"SECRET_KEY": "django-insecure-" + "k3y" * 30}, "SECRET_KEY 不得使用默认值"),
        ({"SECRET_KEY": "change-me-" * 10}, "SECRET_KEY 不得使用默认值"),
        ({"SECRET_KEY": "x" * 64}, "SECRET_KEY 不得使用默认值"),
        ({"DEBUG": "1"}, "不得开启 DEBUG"),
        ({"DEBUG": "True"}, "不得开启 DEBUG"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS 不得为 *"),
        ({"ALLOWED_HOSTS": "perf.example.gov.cn, *"}, "ALLOWED_HOSTS 不得为 *"),
        ({"ALLOWED_HOSTS": ""}, "缺少环境变量 ALLOWED_HOSTS"),
        ({"DATABASE_URL": ""}, "缺少环境变量 DATABASE_URL"),
        ({"REDIS_URL": ""}, "缺少环境变量 REDIS_URL"),
    ],
)
def test_unsafe_settings_are_refused(house: House, changes: dict[str, str], message: str) -> None:
    said = load(house, **changes)
    assert "ImproperlyConfigured" in said
    assert message in said


def test_safe_settings_are_accepted(house: House) -> None:
    assert load(house) == ""
