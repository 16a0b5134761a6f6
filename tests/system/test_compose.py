"""docker-compose.yml without Docker: each service's own command, under production settings, on the embedded servers."""

import http.client
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
import yaml

from tests.system.conftest import ROOT, House, free_port, ready, wait_for

pytestmark = pytest.mark.system

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
HOST = "perf.example.gov.cn"
HEARTBEAT = "qingtian:worker-heartbeat"


def image_environment() -> dict[str, str]:
    """The ENV of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.removeprefix("ENV ") for line in text.splitlines() if line.startswith("ENV ")]
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def interpolated(value: str, given: dict[str, str]) -> str:
    """Compose's `${NAME:-default}` and `${NAME:?message}`."""

    def replace(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if given.get(name):
            return given[name]
        assert kind == ":-", f"{name} must be given: {rest}"
        return rest

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", replace, value)


class Stack:
    """The services' commands with the container's paths and ports moved to this house."""

    def __init__(self, house: House) -> None:
        self.house, self.port = house, free_port()
        sockets = quote(str(house.local / "sockets"), safe="")
        self.redis_url = f"unix://{house.local}/sockets/redis.sock?db=5"
        self.given = {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "ALLOWED_HOSTS": HOST,
            "POSTGRES_PASSWORD": "unused",
        }
        self.moved = {
            "DATABASE_URL": f"postgres://postgres@{sockets}/qingtian_server",
            "REDIS_URL": self.redis_url,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PORT": str(self.port),
        }

    def environment(self, name: str) -> dict[str, str]:
        declared = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
        both = image_environment() | {key: interpolated(value, self.given) for key, value in declared.items()}
        return {key: value.replace("/srv/", f"{self.house.local}/srv/") for key, value in both.items()} | self.moved

    def words(self, command: list[str]) -> list[str]:
        moved = [word.replace("/srv/", f"{self.house.local}/srv/") for word in command]
        return [word.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}") for word in moved]

    def start(self, name: str) -> subprocess.Popen[str]:
        with (self.house.local / f"{name}.log").open("w") as log:
            command = self.words(SERVICES[name]["command"])
            return self.house.start(command, env=self.environment(name), stdout=log, stdin=subprocess.DEVNULL)

    def run(self, name: str, command: list[str], code: int | None = 0) -> str:
        return self.house.run(*self.words(command), code=code, **self.environment(name))

    def is_healthy(self, name: str) -> bool:
        """The service's own health check."""
        process = self.house.start(self.words(SERVICES[name]["healthcheck"]["test"][1:]), env=self.environment(name))
        process.communicate(timeout=60)
        return process.returncode == 0

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={"Host": HOST} | headers)
        response = connection.getresponse()
        response.text = response.read().decode(errors="replace")  # type: ignore[attr-defined]
        connection.close()
        return response


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Database migrated, fonts left out (they are PDF's business), static files collected as the image does."""
    house = House(Path(f"/tmp/qingtian-compose-{os.getpid()}"))
    try:
        for directory in ("srv/local", "srv/files"):
            (house.local / directory).mkdir(parents=True)
        holder = ready(house.client(database="server"))
        stack = Stack(house)
        migrate, _, fonts = SERVICES["migrate"]["command"][2].partition(" && ")
        assert fonts == "python manage.py prepare_fonts"
        stack.run("migrate", shlex.split(migrate))
        stack.run("web", ["python", "manage.py", "collectstatic", "--noinput", "-v", "0"])
        yield stack
        for process in house.started:
            if process is not holder:
                process.terminate()
                process.wait(60)
        holder.communicate()
        assert house.gone() == {}
    finally:
        house.close()


def test_every_service_is_checked_unprivileged_and_without_secrets_of_its_own() -> None:
    assert {"migrate", "web", "worker", "beat", "postgres", "redis"} == set(SERVICES)
    assert {"migrate", "web", "worker", "beat"} == OURS
    for name in OURS:
        service = SERVICES[name]
        assert service["user"].split(":")[0] not in {"0", "root"}
        assert service["environment"]["DJANGO_SETTINGS_MODULE"] == "qingtian_perf.settings.production"
        assert service["environment"]["SECRET_KEY"].startswith("${SECRET_KEY:?")
        assert "${POSTGRES_PASSWORD:?" in service["environment"]["DATABASE_URL"]
        assert service["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in set(SERVICES) - {"migrate"}:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])


def test_the_image_runs_unprivileged_from_hashed_requirements() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER qingtian" in lines
    assert any("--require-hashes -r requirements/base.txt" in line for line in lines)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".local", ".venv", ".env"} <= set(ignored)
    copied = {path.name for path in ROOT.iterdir()} - set(ignored)
    assert {"manage.py", "tools", "requirements", "pyproject.toml"} <= copied


def test_worker_and_beat_answer_and_the_web_serves(stack: Stack) -> None:
    client = redis.Redis.from_url(stack.redis_url)
    worker = stack.start("worker")
    assert wait_for(lambda: client.get(HEARTBEAT), 60), (stack.house.local / "worker.log").read_text()
    assert stack.is_healthy("worker")

    # From here on only beat can be the cause of a heartbeat.
    client.delete(HEARTBEAT)
    assert not stack.is_healthy("beat")
    stack.start("beat")
    began = time.time()
    assert wait_for(lambda: client.get(HEARTBEAT), 60), (stack.house.local / "beat.log").read_text()
    assert float(client.get(HEARTBEAT)) > began
    assert stack.is_healthy("beat")
    client.close()

    assert not stack.is_healthy("web")
    stack.start("web")
    assert wait_for(lambda: stack.is_healthy("web"), 60), (stack.house.local / "web.log").read_text()
    answer = stack.get("/healthz/ready")
    assert (answer.status, json.loads(answer.text)["ready"]) == (200, True)
    pages_are_safe_and_static_files_hashed(stack)

    worker.terminate()
    worker.wait(60)
    assert not stack.is_healthy("worker")


def pages_are_safe_and_static_files_hashed(stack: Stack) -> None:
    redirected = stack.get("/login/")
    assert (redirected.status, redirected.getheader("Location")) == (301, f"https://{HOST}/login/")
    page = stack.get("/setup/", **{"X-Forwarded-Proto": "https"})  # nobody has set this bureau up yet
    assert page.status == 200
    assert "max-age=31536000" in page.getheader("Strict-Transport-Security")
    address = re.search(r'"/(static/[^"]+\.[0-9a-f]{12}\.css)"', page.text)
    assert address, page.text
    style = stack.get("/" + address.group(1), **{"X-Forwarded-Proto": "https", "Accept-Encoding": "gzip"})
    assert style.status == 200
    assert "immutable" in style.getheader("Cache-Control")
    assert style.getheader("Content-Encoding") == "gzip"
    assert stack.get("/login/", Host="elsewhere.example", **{"X-Forwarded-Proto": "https"}).status == 400
