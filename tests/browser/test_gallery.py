"""Every page of the URL configuration that a person opens, at both screen sizes: full, empty, with errors, and with
names of 60 characters. What a page must not do stands in `conftest.Visitor`; a table that hides columns counts too.

The routes and who may open them come from the expectations of the access walk: a new route is in the gallery at once.
One browser page serves all: it is made narrower instead of opened again, and axe judges a page once for each shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import pgtrigger
import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page

from budgets.models import Project, ProjectYear, Source
from budgets.services import ProjectRow, upsert_projects
from core.models import Job
from monitoring.models import RecoveryRule
from notices.models import Notice, Recipient
from organisations.enums import Role
from organisations.models import Organisation, OrganisationName, User
from tests.architecture.access import Person, Route, World, expectations
from tests.architecture.access.budgets import YEAR
from tests.architecture.access.budgets import _source as source_of
from tests.browser.conftest import AXE, CLIPPED, SIZES, Visitor
from tests.browser.styleguide import LONG_NAME
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROUTES = {name: route for name, route in expectations().items() if not route.post and not name.startswith("api-")}
# Shapes of a page's body without its words: axe has nothing new to say about a second page of the same shape.
SHAPE = """() => [...document.body.querySelectorAll("*")].map(node =>
    `${node.tagName}.${typeof node.className === "string" ? node.className : ""}${node.disabled ? "!" : ""}`)
    .filter((one, place, all) => one !== all[place - 1]).join(" ")"""
SETTLED = """() => !document.querySelector(".htmx-request, .coming[hx-get]") && document.fonts.status === "loaded" """
HIDDEN_COLUMNS = """() => [...document.querySelectorAll(".table-wrap, #changelist .results")]
    .filter(box => box.scrollWidth > box.clientWidth + 1)
    .map(box => `a table ${box.scrollWidth - box.clientWidth} px wider than its box`)"""
ERROR_SHOWN = "[data-error-summary], .field-error:not([hidden]), .notice-danger, .errornote, .callout-red"
# Writes nonsense into every control a person could fill in, and sends the form past its own checks.
SEND_NONSENSE = """form => {
  for (const one of form.querySelectorAll("input, textarea")) {
    if (["hidden", "checkbox", "radio", "file", "submit"].includes(one.type)) continue;
    one.type = one.tagName === "INPUT" ? "text" : one.type;
    one.value = one.name === "number" ? "青财绩效〔二〇二三〕三十一号" : "二百";
  }
  HTMLFormElement.prototype.submit.call(form);
}"""


class Gallery:
    """One browser page on its way through the house; `problems` gathers what it finds."""

    def __init__(self, page: Page, address: str) -> None:
        self.visitor = Visitor(page, address, "1366x768")
        self.page = page
        self.seen: set[int] = set()
        self.pictures = 0

    def sign_in(self, person: Person) -> None:
        self.page.context.clear_cookies()
        self.visitor.sign_in(person.user)

    def visit(self, address: str, name: str) -> None:
        self.page.goto(self.visitor.address + address)
        self.judge(name)

    def judge(self, name: str) -> None:
        """The page as it stands, at both sizes."""
        self.page.wait_for_function(SETTLED)
        for size, (width, height) in SIZES.items():
            self.visitor.size = size
            self.page.set_viewport_size({"width": width, "height": height})
            self._measure(f"{name} ({urlsplit(self.page.url).path}) at {size}")
            self.visitor._picture(f"gallery-{name}")
        self._axe(name)

    def _measure(self, where: str) -> None:
        width, inner = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        found = self.page.evaluate(CLIPPED) + self.page.evaluate(HIDDEN_COLUMNS)
        if width > inner:
            found.append(f"{width - inner} px wider than the window")
        self.visitor.problems += [f"{where}: {problem}" for problem in found]

    def _axe(self, name: str) -> None:
        shape = hash(self.page.evaluate(SHAPE))
        if shape in self.seen:
            return
        self.seen.add(shape)
        self.page.evaluate(AXE)
        # The drop-down of Django's admin is its own and Select2's; the house only colours it.
        subject = "{include: [document], exclude: ['.select2-container']}"
        options = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations']}"
        for violation in self.page.evaluate(f"axe.run({subject}, {options})")["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                nodes = "; ".join(str(node["target"]) for node in violation["nodes"][:3])
                self.visitor.problems.append(f"{name}: axe {violation['id']}: {violation['help']} — {nodes}")


@pytest.fixture
def gallery(browser: Browser, live_server: Any) -> Iterator[Gallery]:
    context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    found = Gallery(context.new_page(), live_server.url)
    yield found
    context.close()
    problems = list(dict.fromkeys(found.visitor.problems))
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems)


def person_of(world: World, role: str) -> Person:
    return next(person for person in world.people if person.role == role and person.inside)


def opener(world: World, route: Route) -> Person | None:
    """Who sees most of it: the performance section where it may, else the first who may."""
    first = person_of(world, Role.PERFORMANCE_SECTION)
    return next((person for person in [first, *world.people] if person.inside and route.allowed(person)), None)


def source_of_page(person: Person, address: str) -> str:
    """The HTML of a whole page; "" for a file, JSON, a piece that another page fetches, or a refusal."""
    client = Client()
    client.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(address, follow=True)
    kind = response.headers.get("Content-Type", "")
    if response.streaming:
        response.close()
    if response.status_code != 200 or response.streaming or not kind.startswith("text/html"):
        return ""
    text: str = response.content.decode()
    return text if "<html" in text else ""


def shape_of(html: str) -> int:
    """Of what stands in the page's body, without its words and without how often a row repeats."""
    found = re.findall(r"<[a-z][^>]*", html[html.find("<main") :])
    marks = [re.sub(r'\b(?!class)[\w-]+="[^"]*"', "", one) for one in found]
    return hash(tuple(dict.fromkeys(marks)))


def addresses(world: World) -> dict[str, str]:
    """Route name → address of its page, with the object that the expectation builds."""
    found: dict[str, str] = {}
    built: dict[Any, dict[str, Any]] = {}  # the routes of one object share their builder
    for name, route in ROUTES.items():
        person = opener(world, route)
        if person is None:
            continue
        if route.kwargs not in built:
            built[route.kwargs] = dict(route.kwargs(world))
        address = reverse(name, kwargs=built[route.kwargs])
        if source_of_page(person, address):
            found[name] = address
    return found


def furnish(world: World) -> None:
    """A second page of every list of projects, with the largest figures a county has."""
    rows = [
        ProjectRow(
            f"33112123T{number:012}",
            f"乡镇公共设施提升改造补助资金{number}",
            unit=world.unit.code,
            initial=Decimal("864213457.89") / number,
            place=number,
        )
        for number in range(1, 56)
    ]
    source = source_of("projects")
    upsert_projects(rows=rows, source=source, fiscal_year=YEAR, as_of=source_day(), by=world.people[0].user)


def source_day() -> Any:
    from datetime import date

    return date(YEAR, 9, 30)


def test_every_page_as_every_role(gallery: Gallery) -> None:
    world = World()
    pages = addresses(world)
    furnish(world)
    assert {"desk_of_year", "recovery_what_if", "recovery_line", "notice", "project", "user"} <= pages.keys()
    shapes: set[tuple[str, int]] = set()
    for role in Role.values:
        person = person_of(world, role)
        gallery.sign_in(person)
        for name, address in pages.items():
            if not ROUTES[name].allowed(person) or (is_admin(name) and person is not opener(world, ROUTES[name])):
                continue
            shape = (name, shape_of(source_of_page(person, address)))
            # Another role's page of the same build would look the same; the desk with its menu is looked at always.
            if shape not in shapes or name == "desk_of_year":
                shapes.add(shape)
                gallery.visit(address, f"{name.replace(':', '-')}-{role}")


def lengthen(world: World) -> None:
    """Sixty characters wherever people choose a name; people themselves have the longest of real ones."""
    User.objects.update(full_name="欧阳阿依古丽·买买提江")
    for model, field in (
        (Organisation, "name"),
        (OrganisationName, "name"),
        (Project, "name"),
        (ProjectYear, "name"),
        (Notice, "title"),
        (Recipient, "name"),
        (Job, "title"),
        (RecoveryRule, "legal_basis"),
        (Source, "name"),
    ):
        limit = model._meta.get_field(field).max_length or 500
        for row in model._default_manager.all():
            text = f"{LONG_NAME[: limit - 6]}{row.pk}" if model is Source else LONG_NAME[:limit]
            with pgtrigger.ignore():  # issued letters keep their titles; this one had a long one all along
                model._default_manager.filter(pk=row.pk).update(**{field: text})


def test_every_page_with_names_of_sixty_characters(gallery: Gallery) -> None:
    world = World()
    pages = {
        name: page for name, page in addresses(world).items() if not is_admin(name) or name.endswith("_changelist")
    }
    lengthen(world)
    for person, names in by_person(world, pages):
        gallery.sign_in(person)
        for name in names:
            gallery.visit(pages[name], f"{name.replace(':', '-')}-long")


def is_admin(name: str) -> bool:
    """The pages of 后台管理: drawn by four templates of Django's, so one person is enough for each."""
    return name.startswith("admin:")


def by_person(world: World, names: Iterable[str]) -> list[tuple[Person, list[str]]]:
    """Each page once: as the one who sees most of it, and those of a department as its reviewer too."""
    found: dict[int, tuple[Person, list[str]]] = {}
    clerk = person_of(world, Role.DEPARTMENT_REVIEWER)
    for name in names:
        for person in (opener(world, ROUTES[name]), clerk):
            if person is not None and ROUTES[name].allowed(person):
                pages = found.setdefault(person.user.pk, (person, []))[1]
                if name not in pages:
                    pages.append(name)
    return list(found.values())


def empty_addresses() -> dict[str, str]:
    """The pages that need no object of their own."""
    from django.urls import NoReverseMatch

    found = {}
    for name in ROUTES:
        for kwargs in ({}, {"year": YEAR}):
            try:
                found[name] = reverse(name, kwargs=kwargs)
            except NoReverseMatch:
                continue
            break
    return found


def test_pages_with_nothing_to_show(gallery: Gallery) -> None:
    gallery.visit("/setup/", "setup")
    world = World()
    every = empty_addresses()
    pages = {
        name: address
        for name, address in every.items()
        if not is_admin(name) and (person := opener(world, ROUTES[name])) and source_of_page(person, address)
    }
    for person, names in by_person(world, pages):
        gallery.sign_in(person)
        for name in names:
            gallery.visit(pages[name], f"{name.replace(':', '-')}-empty")
            for box in gallery.page.locator(".empty").all():
                assert len(box.inner_text().strip()) > 12, f"{name}: an empty state must say what to do next"


def test_pages_with_errors(gallery: Gallery) -> None:
    """Nonsense in every form and in every filter: the page says what is wrong and stays whole."""
    gallery.visitor.expect("422", "400", "404", "403", "does not conform", "cannot be parsed")
    world = World()
    pages = addresses(world)
    gallery.visit("/login/", "login")
    gallery.page.get_by_label("用户名").fill("nobody")
    gallery.page.get_by_label("密码").fill(f"{PASSWORD}?")
    gallery.page.get_by_role("button", name="登录").click()
    gallery.judge("login-refused")
    nonsense = urlencode(
        {"q": LONG_NAME, "state": "没有", "fiscal_year": "二", "page": "999", "sort": "没有", "as_of": "x"}
    )
    for person, names in by_person(world, pages):
        gallery.sign_in(person)
        for name in names:
            label = name.replace(":", "-")
            if ROUTES[name].listing is not None or name == "recovery_what_if":
                gallery.visit(f"{pages[name]}?{nonsense}", f"{label}-bad-filter")
            if not is_admin(name):
                send_each_form(gallery, pages[name], label)
    gallery.page.context.clear_cookies()
    gallery.page.goto(f"{gallery.visitor.address}/nirgends/")
    gallery.judge("login-asked")


def send_each_form(gallery: Gallery, address: str, label: str) -> None:
    entry = "input:is([type=text], [type=date], [type=number], [type=file], :not([type])), textarea"
    forms = f"main form[method=post]:has({entry})"
    gallery.page.goto(gallery.visitor.address + address)
    for place in range(gallery.page.locator(forms).count()):
        gallery.page.goto(gallery.visitor.address + address)
        found = gallery.page.locator(forms)
        if place >= found.count():
            break
        with gallery.page.expect_navigation():
            found.nth(place).evaluate(SEND_NONSENSE)
        gallery.judge(f"{label}-errors-{place + 1}")
        if not gallery.page.locator(ERROR_SHOWN).count():
            gallery.visitor.problems.append(f"{label}: form {place + 1} was sent with nonsense and no error is shown")
