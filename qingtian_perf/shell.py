"""What stands around every page: navigation, work year, search, who am I. Data first, then the context processor.

An entry is shown only if its route exists and one of the user's roles may open it; so a stage that is not built yet
has no entry. Counts beside the entries come afterwards by `reports.views.counts`, never within the page's own time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_urlconf, reverse
from django.utils.functional import SimpleLazyObject

from organisations.enums import Role
from organisations.queries import bureau
from organisations.roles import ADMINISTRATORS, BUREAU_STAFF, DEPARTMENT_STAFF
from organisations.sessions import idle_seconds
from reports.queries import default_year, known_years

BUREAU = BUREAU_STAFF
CLERKS = DEPARTMENT_STAFF
OUTSIDE = frozenset({Role.EXPERT, Role.AGENCY})
EVERYBODY = frozenset(Role.values)
PERFORMANCE = frozenset({Role.PERFORMANCE_SECTION})


@dataclass(frozen=True)
class Entry:
    """`key` names the entry's count; `route` is a URL name, with or without the work year as `year`."""

    key: str
    label: str
    icon: str
    route: str
    roles: frozenset[str]


# The bureau's navigation follows the year.
STAGES = (
    Entry("projects", "项目与预算", "folders", "project_list", BUREAU),
    Entry("assessments", "事前评估", "clipboard-search", "assessment_list", BUREAU | OUTSIDE),
    Entry("targets", "绩效目标", "target-arrow", "target_list", BUREAU),
    Entry("monitoring", "运行监控", "activity", "monitoring_list", BUREAU),
    Entry("recovery", "资金收回", "arrow-back-up", "recovery_list", BUREAU),
    Entry("self_evaluations", "绩效自评", "clipboard-check", "self_evaluation_list", BUREAU),
    Entry("samplings", "绩效抽评", "dice-5", "sampling_list", BUREAU | OUTSIDE),
    Entry("key_evaluations", "重点评价", "report-search", "key_evaluation_list", BUREAU | OUTSIDE),
    Entry("rectifications", "整改反馈", "tool", "rectification_list", BUREAU),
    Entry("decisions", "结果应用", "scale", "decision_list", BUREAU),
)
SUPPORT = (
    Entry("notices", "通知公文", "mail-opened", "notice_list", BUREAU | OUTSIDE),
    Entry("imports", "数据导入", "file-import", "import_list", PERFORMANCE | {Role.BUDGET_DIVISION}),
    Entry("summary", "统计总结", "clipboard-data", "summary", BUREAU),
    Entry("organisations", "机构", "building-bank", "organisation_list", BUREAU | ADMINISTRATORS),
    Entry("users", "用户", "users", "user_list", PERFORMANCE | {Role.SECURITY_ADMIN}),
    Entry("jobs", "后台作业", "hourglass", "job_list", BUREAU | {Role.SYSTEM_ADMIN}),
    Entry("settings", "规则与设置", "adjustments", "settings", PERFORMANCE),
    Entry("security", "安全日志", "shield-lock", "security_log", frozenset({Role.AUDIT_ADMIN})),
    Entry("admin", "后台管理", "database", "admin:index", ADMINISTRATORS),
)
DESK = Entry("desk", "工作台", "layout-dashboard", "desk_of_year", EVERYBODY)
# A department's clerk opens the system a few times a year: four entries, flat.
CLERK_ENTRIES = (
    Entry("desk", "待办", "list-check", "desk_of_year", CLERKS),
    Entry("projects", "我的项目", "folders", "project_list", CLERKS),
    Entry("history", "历史", "history", "history", CLERKS),
    Entry("notices", "通知公文", "mail-opened", "notice_list", CLERKS),
)
# (label, icon, route, roles) under the user's name.
USER_LINKS = (
    ("修改密码", "key", "password_change", EVERYBODY),
    ("委托代理", "user-shield", "deputy_list", EVERYBODY),
    ("办理历史", "history", "history", BUREAU),
    ("本部门用户", "users", "user_list", frozenset({Role.DEPARTMENT_REVIEWER})),
    ("我的后台作业", "hourglass", "job_list", CLERKS),
    ("后台管理", "database", "admin:index", PERFORMANCE),
)


@lru_cache(maxsize=1024)
def _resolve(urlconf: str, route: str, year: int) -> str:
    """The address of a route, with the year where its pattern takes one; "" where the route does not exist."""
    for kwargs in ({"year": year}, {}):
        try:
            return reverse(route, urlconf=urlconf, kwargs=kwargs)
        except NoReverseMatch:
            continue
    return ""


def address(route: str, year: int) -> str:
    return _resolve(get_urlconf() or settings.ROOT_URLCONF, route, year)


class Shell:
    """What base.html asks. Built once per rendered page of a signed-in user; one query, for the years on record."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user: Any = request.user
        self.session_seconds = idle_seconds(request.user)
        self.roles: frozenset[str] = self.user.role_set
        self.years_on_record = known_years()
        self.year = self._year()
        self.login_again_url = address("login_again", self.year)
        self.login_url = address("login", self.year)
        self.logout_url = address("logout", self.year)
        self.counts_url = address("counts", self.year)
        self.messages_url = address("notice_list", self.year)
        self.search_url = address("search", self.year) or address("project_list", self.year)
        if self.roles <= ADMINISTRATORS:
            self.search_url = self.messages_url = ""
        self.home_url = address("desk_of_year", self.year) or "/"
        self.search_text = request.GET.get("q", "") if request.path == self.search_url else ""

    def _year(self) -> int:
        match = self.request.resolver_match
        in_address = match.kwargs.get("year") if match else None
        remembered = self.request.COOKIES.get("work_year", "")
        if in_address:
            return int(in_address)
        if remembered.isascii() and remembered.isdigit() and int(remembered) in self.years_on_record:
            return int(remembered)
        return default_year(self.years_on_record)

    @property
    def years(self) -> list[dict[str, Any]]:
        """The switch: the same page in another year where its address begins with the year, else that year's desk."""
        prefix = f"/{self.year}/"
        rest = self.request.path.removeprefix(prefix)
        same = self.request.path.startswith(prefix) and not any(part.isdigit() for part in rest.split("/"))
        choices = sorted({*self.years_on_record, self.year}, reverse=True)
        return [
            {"year": year, "url": f"/{year}/{rest}" if same else address("desk_of_year", year) or "/"}
            for year in choices
        ]

    @property
    def navigation(self) -> list[dict[str, Any]]:
        if self.roles & CLERKS and not self.roles & BUREAU:
            groups: list[tuple[str, tuple[Entry, ...]]] = [("", CLERK_ENTRIES)]
        else:
            groups = [("", (DESK,)), ("全年流程", STAGES), ("支撑", SUPPORT)]
        shown = [(title, [item for item in map(self._item, entries) if item]) for title, entries in groups]
        self._mark_active([item for _, items in shown for item in items])
        return [{"title": title, "entries": items} for title, items in shown if items]

    def _item(self, entry: Entry) -> dict[str, Any] | None:
        url = address(entry.route, self.year) if self.roles & entry.roles else ""
        return {"key": entry.key, "label": entry.label, "icon": entry.icon, "url": url} if url else None

    def _mark_active(self, items: list[dict[str, Any]]) -> None:
        """The entry whose address is the longest beginning of this page's; the desk only on itself."""
        path = self.request.path
        fitting = [
            item for item in items if path == item["url"] or (item["key"] != "desk" and path.startswith(item["url"]))
        ]
        if fitting:
            max(fitting, key=lambda item: len(item["url"]))["active"] = True

    @property
    def posts(self) -> list[str]:
        """Each of today's memberships as 机构 · 角色."""
        return [
            f"{m.organisation} · {m.get_role_display()}{'（代理）' if m.deputy_for_id else ''}"
            for m in self.user.active_memberships
        ]

    @property
    def who(self) -> str:
        posts = self.user.active_memberships
        place = (posts[0].organisation.short_name or posts[0].organisation.name) if posts else ""
        return f"{place} · {self.user}" if place else str(self.user)

    @property
    def user_links(self) -> list[dict[str, str]]:
        found = (
            (label, icon, address(route, self.year)) for label, icon, route, roles in USER_LINKS if self.roles & roles
        )
        return [{"label": label, "icon": icon, "url": url} for label, icon, url in found if url]


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Lazy: pages without the shell (errors) cost nothing; the login page asks the bureau's name."""
    user = getattr(request, "user", None)
    if user is None:
        return {}
    return {
        "shell": SimpleLazyObject(lambda: Shell(request) if user.is_authenticated else None),
        "bureau_name": SimpleLazyObject(_bureau_name),
    }


def _bureau_name() -> str:
    """The bureau's own name from its row; "" before the set-up."""
    found = bureau()
    return found.name if found else ""
