"""A real browser against a live server. A visit fails its test on a console error, a request to another host, a
horizontal scrollbar, clipped text or a serious finding of axe; screenshots go to QINGTIAN_SCREENSHOTS, if set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Playwright's sync API runs an event loop in this thread; Django would refuse the ORM beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
AXE = (HERE / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
SIZES = {"1366x768": (1366, 768), "1440x900": (1440, 900)}

CLIPPED = (HERE / "clipped.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("Browser tests need Chromium: apt-get install chromium, or name it in CHROMIUM.", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=program,
            headless=True,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--lang=zh-CN"],
        )
        yield running
        running.close()


class Visitor:
    """One person at one screen size. `problems` gathers what the page should not have done."""

    def __init__(self, page: Page, address: str, size: str) -> None:
        self.page = page
        self.address = address
        self.size = size
        self.problems: list[str] = []
        self.expected: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.expected):
            self.problems.append(f"console {message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        scheme, host = urlsplit(request.url)[:2]
        if scheme not in {"data", "blob"} and host != urlsplit(self.address).netloc:
            self.problems.append(f"request to another host: {request.url}")

    def _response(self, response: Any) -> None:
        if response.status >= 500 and str(response.status) not in self.expected:
            self.problems.append(f"{response.status} from {response.url}")

    def expect(self, *parts: str) -> None:
        """Console messages holding one of these, or a status of 500 and more, are meant to come."""
        self.expected += parts

    def sign_in(self, user: Any) -> None:
        """A session without the login page, for tests of other pages."""
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.address}])

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def look(self, name: str = "") -> None:
        """Judge the page as it stands now, and keep a picture of it under `name`."""
        page = self.page
        self._picture(name)
        width, inner = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        where = f"{urlsplit(page.url).path} at {self.size}"
        if width > inner:
            self.problems.append(f"{where}: {width - inner} px wider than the window")
        self.problems += [f"{where}: {found}" for found in page.evaluate(CLIPPED)]
        page.evaluate(AXE)
        result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
        for violation in result["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                nodes = "; ".join(str(node["target"]) for node in violation["nodes"][:5])
                self.problems.append(f"{where}: axe {violation['id']}: {violation['help']} — {nodes}")

    def _picture(self, name: str) -> None:
        directory = os.environ.get("QINGTIAN_SCREENSHOTS")
        if directory and name:
            Path(directory).mkdir(parents=True, exist_ok=True)
            whole = not self.page.locator("dialog[open]").count()
            self.page.screenshot(path=str(Path(directory) / f"{name}-{self.size}.png"), full_page=whole)


@pytest.fixture(params=list(SIZES))
def visitor(request: pytest.FixtureRequest, browser: Browser, live_server: Any) -> Iterator[Visitor]:
    """A fresh browser profile at each of the two screen sizes; its problems fail the test at the end."""
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai", accept_downloads=True
    )
    context.set_default_timeout(10_000)
    found = Visitor(context.new_page(), live_server.url, request.param)
    yield found
    context.close()
    assert not found.problems, "\n".join(found.problems)
