"""The main pages with 100,000 projects: query counts as with ten, and p95 against a one-query view.

Under gunicorn as it runs in earnest, four requests at a time, five hundred of each page, every answer 200 and with
an expected row's name in it.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from urllib.parse import urlencode

from bench.harness import ROOT, Row, main, prove, row

REQUESTS = 500
AT_ONCE = 4
BOUND = "≤ 30"
SMALL, LARGE = 10, 100_000
YEAR = 2023


def pages() -> dict[str, tuple[str, str]]:
    """Page name → (address, a name that must stand on it)."""
    from django.urls import reverse

    from bench.county import code
    from budgets.models import ProjectYear

    of_year = {"year": YEAR}
    project_list = reverse("project_list", kwargs=of_year)
    first = ProjectYear.objects.get(project__code=code(0), fiscal_year=YEAR)
    query = urlencode({"q": "第7号", "sort": "-adjusted"})
    return {
        "工作台": (reverse("desk_of_year", kwargs=of_year), "工作台"),
        "机构": (reverse("organisation_list"), "青田县第1局"),
        "用户": (reverse("user_list"), "经办"),
        "项目列表": (project_list, "第0号农村公路养护工程"),
        "项目列表（筛选、排序）": (f"{project_list}?{query}", "第7号农村公路养护工程"),
        "项目详情": (reverse("project", kwargs={**of_year, "pk": first.pk}), "第0号农村公路养护工程"),
        "导入": (reverse("import_list", kwargs=of_year), "国库支付"),
        "作业": (reverse("job_list"), "收回测算"),
        "收回清单": (reverse("recovery_list", kwargs=of_year), "号农村公路养护工程"),
        "公文列表": (reverse("notice_list", kwargs=of_year), "收回"),
    }


def fill(projects: int) -> None:
    """The county with `projects` projects, a recovery run over them, and one notice."""
    from bench import county

    user = county.found()
    county.fill(projects, by=user)
    county.recover(by=user)
    county.notify(by=user)


def query_counts() -> dict[str, int]:
    """Queries of each page, asked once before so that what is cached per process is there."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from organisations.models import User

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.get(username="bench"), backend="django.contrib.auth.backends.ModelBackend")
    found = {}
    for name, (address, expected) in pages().items():
        client.get(address)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            response = client.get(address)
        prove(response.status_code == 200, f"{name}: {response.status_code}")
        prove(expected in response.content.decode(), f"{name}: “{expected}” is not on the page")
        found[name] = len(captured)
    return found


def session_cookie() -> str:
    """A session as log-in makes it."""
    from django.conf import settings
    from django.test import Client

    from organisations.models import User

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.get(username="bench"), backend="django.contrib.auth.backends.ModelBackend")
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def p95(port: int, cookie: str, address: str, expected: str) -> float:
    """Seconds below which 95 % of the requests were answered."""
    numbers, taken = count(), []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while next(numbers) < REQUESTS:
            start = time.perf_counter()
            connection.request("GET", address, headers={"Cookie": cookie, "Host": "127.0.0.1"})
            answer = connection.getresponse()
            body = answer.read()
            seconds = time.perf_counter() - start
            if answer.status != 200 or expected.encode() not in body:
                raise AssertionError(f"{address}: {answer.status}")
            taken.append(seconds)

    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(ask,)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    prove(not failures, str(failures[:1]))
    return sorted(taken)[int(len(taken) * 0.95) - 1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rows() -> list[Row]:
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    fill(SMALL)
    few = query_counts()
    fill(LARGE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    many = query_counts()
    for name in few:
        prove(few[name] == many[name], f"{name}: {few[name]} queries with {SMALL} projects, {many[name]} with {LARGE}")

    port, cookie = free_port(), session_cookie()
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "bench.pages_settings"}
    command = ["-m", "gunicorn", "qingtian_perf.wsgi:application", "-c", "python:qingtian_perf.gunicorn_conf"]
    server = subprocess.Popen([sys.executable, *command, "--bind", f"127.0.0.1:{port}"], cwd=ROOT, env=env)
    try:
        return measure(port, cookie, many)
    finally:
        server.terminate()
        server.wait(30)


def measure(port: int, cookie: str, queries: dict[str, int]) -> list[Row]:
    for _ in range(150):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.2)
    floor_page = ("/bench/bare/", "青田县财政局")
    p95(port, cookie, *floor_page)  # warms both workers
    found = []
    for name, page in pages().items():
        # The floor is measured beside each page, so that a busy moment touches both.
        floor = p95(port, cookie, *floor_page)
        ours = p95(port, cookie, *page)
        found.append(
            row(
                "pages",
                f"{name}, 100,000 projects, p95",
                ours=ours * 1000,
                peer=floor * 1000,
                unit="ms",
                bound=BOUND,
                note=f"{queries[name]} queries, as with {SMALL}",
            )
        )
    return found


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.pages_settings"
    main(rows)
