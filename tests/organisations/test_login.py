"""Login, lock, logout, idle time, passwords and the set-up, through the real middleware and the real session store."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import SecurityEvent
from core.services import Refused
from organisations import services, sessions
from organisations.enums import Kind, Role
from organisations.models import Organisation, SetupKey, User
from tests.factories import PASSWORD, OrganisationFactory, UserFactory, user_with

pytestmark = pytest.mark.django_db

SECRET = "严禁录入、上传涉密信息"
NEW = "Lishui-2024-Xin"


@pytest.fixture(autouse=True)
def bureau() -> Organisation:
    return OrganisationFactory(bureau=True)


@pytest.fixture(autouse=True)
def first_page(settings: object) -> None:
    settings.LOGIN_REDIRECT_URL = "/jobs/"  # this layer knows no desk


def log_in(client: Client, username: str, password: str = PASSWORD, address: str = "10.1.1.1"):
    return client.post(reverse("login"), {"username": username, "password": password}, REMOTE_ADDR=address)


def logged_in(user: User) -> Client:
    client = Client()
    assert log_in(client, user.username).status_code == 302
    return client


def is_in(client: Client, **extra: str) -> bool:
    """Whether a page behind the login answers (and not the login page)."""
    response = client.get(reverse("password_change"), **extra)
    assert response.status_code in (200, 302)
    return response.status_code == 200


def page_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(sessions.time, "time", lambda: now + seconds)


# ---- login ----


def test_the_login_page_forbids_classified_information() -> None:
    page = Client().get(reverse("login"))
    assert SECRET in page.content.decode()


def test_login_changes_the_session_key_and_is_logged() -> None:
    user = UserFactory()
    client = Client()
    client.get(reverse("login"))
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key
    assert log_in(client, user.username).status_code == 302
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()
    event = SecurityEvent.objects.get(kind="login")
    assert (event.user, event.address, event.succeeded) == (user, "10.1.1.1", True)
    assert event.request_id


def test_a_wrong_name_and_a_wrong_password_look_the_same() -> None:
    user, gone = UserFactory(), UserFactory(inactive=True)
    pages = [
        log_in(Client(), name, password).content.decode()
        for name, password in ((user.username, "x"), ("nobody", "x"), (gone.username, PASSWORD))
    ]
    assert all("用户名或密码不正确。" in page for page in pages)
    assert SecurityEvent.objects.filter(kind="login_failed", succeeded=False).count() == 3


def test_twenty_wrong_passwords_lock_this_name_at_this_address_only() -> None:
    user, neighbour = UserFactory(), UserFactory()
    statuses = [log_in(Client(), user.username, f"wrong{n}").status_code for n in range(20)]
    assert statuses == [200] * 4 + [429] * 16
    locked = log_in(Client(), user.username)  # even with the right password
    assert locked.status_code == 429
    assert re.search(r"锁定 1[45] 分钟", locked.content.decode())
    assert log_in(Client(), neighbour.username).status_code == 302  # the office shares the address
    assert log_in(Client(), user.username, address="10.1.1.2").status_code == 302  # nobody is locked from elsewhere
    assert SecurityEvent.objects.filter(kind="login_failed", username=user.username).count() == 4
    assert SecurityEvent.objects.filter(kind="locked", username=user.username).count() == 17


def test_a_success_between_starts_the_count_again() -> None:
    user = UserFactory()
    for _ in range(3):
        for _ in range(3):
            assert log_in(Client(), user.username, "wrong").status_code == 200
        assert log_in(Client(), user.username).status_code == 302


def test_the_lock_ends_after_its_time_and_a_reset_opens_it_at_once() -> None:
    from axes.models import AccessAttempt

    user = UserFactory()
    for _ in range(6):
        log_in(Client(), user.username, "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert log_in(Client(), user.username).status_code == 302
    for _ in range(6):
        log_in(Client(), user.username, "wrong")
    told = services.reset_password(user=user, by=user_with(Role.PERFORMANCE_SECTION))
    assert log_in(Client(), user.username, told).status_code == 302


def test_basic_authentication_opens_nothing() -> None:
    import base64

    user = user_with(Role.PERFORMANCE_SECTION)
    word = base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
    for path in ("/api/v1/organisations/", reverse("password_change")):
        assert Client().get(path, HTTP_AUTHORIZATION=f"Basic {word}").status_code in (302, 401, 403)


def test_the_admin_has_no_login_of_its_own() -> None:
    for path in ("/admin/", "/admin/login/"):
        response = Client().get(path, follow=True)
        assert response.redirect_chain[-1][0].startswith(reverse("login"))


# ---- logout and idle time ----


def test_a_copied_session_cookie_is_dead_after_logout() -> None:
    client = logged_in(UserFactory())
    thief = Client()
    thief.cookies = client.cookies.__class__(client.cookies.output(header="", sep=";"))
    assert is_in(thief)
    client.post(reverse("logout"))
    response = thief.get(reverse("password_change"))
    assert response.status_code == 302 and response.url.startswith(reverse("login"))
    assert SecurityEvent.objects.filter(kind="logout").count() == 1


def test_logout_by_a_link_does_nothing() -> None:
    client = logged_in(UserFactory())
    assert client.get(reverse("logout")).status_code == 405
    assert is_in(client)


@pytest.mark.parametrize(("role", "limit"), [(Role.DEPARTMENT_REVIEWER, 30), (Role.SECURITY_ADMIN, 15)])
def test_an_idle_login_ends(role: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(user_with(role))
    page_after(limit * 60 - 5, monkeypatch)
    assert is_in(client)  # work prolongs
    page_after(limit * 60 - 5, monkeypatch)
    assert is_in(client)
    page_after(limit * 60 + 5, monkeypatch)
    assert not is_in(client)


def test_polling_and_autosave_do_not_prolong(monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(user_with(Role.PERFORMANCE_SECTION))
    page_after(20 * 60, monkeypatch)
    assert is_in(client, HTTP_X_BACKGROUND="1")
    client.get("/jobs/1/progress/")
    page_after(12 * 60, monkeypatch)  # 32 minutes after the login, 12 after the last poll
    assert not is_in(client)
    assert client.get("/jobs/1/progress/", HTTP_HX_REQUEST="true").status_code == 401


def test_without_its_cookie_the_time_of_the_login_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    client = logged_in(UserFactory())
    page_after(25 * 60, monkeypatch)
    assert is_in(client)
    del client.cookies[sessions.COOKIE]
    page_after(31 * 60, monkeypatch)
    assert not is_in(client)


def test_the_idle_cookie_of_another_session_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    stale, fresh = logged_in(UserFactory()), Client()
    page_after(31 * 60, monkeypatch)
    other = UserFactory()
    log_in(fresh, other.username)
    stale.cookies[sessions.COOKIE] = fresh.cookies[sessions.COOKIE].value
    assert not is_in(stale)


def test_the_password_asked_over_the_page_opens_the_same_users_session(monkeypatch: pytest.MonkeyPatch) -> None:
    user, other = UserFactory(), UserFactory()
    client = logged_in(user)
    page_after(31 * 60, monkeypatch)
    assert not is_in(client)
    again = reverse("login_again")
    wrong = client.post(again, {"username": user.username, "password": "wrong"}, HTTP_ACCEPT="application/json")
    assert wrong.status_code == 403 and wrong.json()["code"] == "wrong_password"
    stranger = client.post(again, {"username": other.username, "password": PASSWORD})
    assert stranger.status_code == 403 and stranger.json()["code"] == "other_user"
    assert not is_in(client)
    key = client.session.session_key
    assert client.post(again, {"username": user.username, "password": PASSWORD}).status_code == 204
    assert client.session.session_key != key
    assert is_in(client)


def test_the_password_over_the_page_opens_a_new_session_where_the_old_one_is_gone() -> None:
    user = UserFactory()
    client = logged_in(user)
    client.session.delete()
    assert not is_in(client)
    again = reverse("login_again")
    assert client.post(again, {"username": user.username, "password": "wrong"}).status_code == 403
    assert not is_in(client)
    assert client.post(again, {"username": user.username, "password": PASSWORD}).status_code == 204
    assert is_in(client)


def test_the_password_over_the_page_is_locked_like_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    client = logged_in(user)
    for _ in range(6):
        last = client.post(reverse("login_again"), {"username": user.username, "password": "wrong"})
    assert last.status_code == 403 and last.json()["code"] == "locked"


# ---- passwords ----


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Kurz-1", "至少"),
        ("qingtianxian2023", "三类"),
        ("1234567890", "三类"),
        (PASSWORD, "最近"),
    ],
)
def test_a_password_against_the_rules_is_refused(password: str, reason: str) -> None:
    user = UserFactory()
    with pytest.raises(Refused, match=reason):
        services.change_password(user=user, password=password, by=user)
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_the_last_five_passwords_cannot_come_back() -> None:
    user = UserFactory()
    words = [PASSWORD, *(f"Oujiang-{n}-River" for n in range(5))]
    for word in words[1:]:
        services.change_password(user=user, password=word, by=user)
    for recent in words[1:]:
        with pytest.raises(Refused, match="最近 5 次"):
            services.change_password(user=user, password=recent, by=user)
    services.change_password(user=user, password=words[0], by=user)


def test_an_expired_password_leads_to_its_page_and_nowhere_else() -> None:
    user = UserFactory(password_changed_at=timezone.now() - timedelta(days=90, minutes=1))
    client = logged_in(user)
    for path in ("/jobs/", "/admin/"):
        response = client.get(path)
        assert response.status_code == 302 and response.url == reverse("password_change")
    assert client.get("/jobs/", HTTP_HX_REQUEST="true").status_code == 403
    done = client.post(
        reverse("password_change"), {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    )
    assert done.status_code == 302
    assert client.get("/jobs/").status_code == 200
    assert SecurityEvent.objects.filter(kind="password", user=user).count() == 1


def test_changing_the_password_ends_the_other_sessions_only() -> None:
    user = UserFactory()
    here, elsewhere = logged_in(user), logged_in(user)
    here.post(reverse("password_change"), {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert is_in(here) and not is_in(elsewhere)


def test_a_reset_ends_the_session_at_once_and_the_temporary_password_must_be_changed() -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER)
    client = logged_in(user)
    told = services.reset_password(user=user, by=user_with(Role.PERFORMANCE_SECTION))
    assert not is_in(client)
    again = Client()
    assert log_in(again, user.username, told).status_code == 302
    assert again.get("/jobs/").url == reverse("password_change")


def test_a_deactivated_users_session_ends_at_once() -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER)
    client = logged_in(user)
    services.set_active(user=user, active=False, by=user_with(Role.PERFORMANCE_SECTION))
    assert not is_in(client)


def test_a_department_reviewer_resets_within_the_branch_only() -> None:
    department = OrganisationFactory()
    reviewer = user_with(Role.DEPARTMENT_REVIEWER, department)
    unit = OrganisationFactory(unit=True, parent=department)
    assert services.reset_password(user=user_with(Role.UNIT_FILLER, unit), by=reviewer)
    colleague = user_with(Role.UNIT_REVIEWER, department)
    assert services.reset_password(user=colleague, by=reviewer)
    stranger = user_with(Role.UNIT_FILLER)
    with pytest.raises(Refused):
        services.reset_password(user=stranger, by=reviewer)
    # Somebody of the branch who also works for the bureau: the reset would hand over those rights.
    from tests.factories import MembershipFactory

    MembershipFactory(user=colleague, organisation=OrganisationFactory(section=True), role=Role.DIVISION_OFFICER)
    with pytest.raises(Refused):
        services.reset_password(user=colleague, by=reviewer)
    with pytest.raises(Refused):
        services.reset_password(user=colleague, by=user_with(Role.UNIT_REVIEWER, unit))


# ---- set-up ----


@pytest.fixture
def no_bureau(bureau: Organisation) -> None:
    bureau.names.all().delete()
    bureau.delete()


def setup_form(key: str) -> dict[str, str]:
    form = {"key": key, "name": "青田县财政局", "code": "331121000", "issuing_code": "青财绩效"}
    for role in ("system_admin", "security_admin", "audit_admin", "performance_section"):
        form |= {f"{role}_username": role, f"{role}_full_name": f"某{role}"}
    return form


@pytest.mark.usefixtures("no_bureau")
def test_an_empty_bureau_is_set_up_once_with_the_key() -> None:
    client = Client()
    assert client.get(reverse("login")).url == reverse("setup")
    void = services.setup_key()
    key = services.setup_key()
    assert void and key and void != key
    assert key not in SetupKey.objects.get().key
    assert client.get(reverse("setup")).status_code == 200
    for wrong in ("nonsense", void):
        page = client.post(reverse("setup"), setup_form(wrong)).content.decode()
        assert "密钥不正确" in page
    assert not User.objects.exists()
    page = client.post(reverse("setup"), setup_form(key)).content.decode()
    words = dict(re.findall(r"<td>(\w+)</td><td>某\w+</td><td><code>(\S+)</code>", page))
    assert set(words) == {"system_admin", "security_admin", "audit_admin", "performance_section"}
    assert Organisation.objects.get(kind=Kind.BUREAU).issuing_code == "青财绩效"
    for username, password in words.items():
        user = User.objects.get(username=username)
        assert user.role_set == {username} and user.must_change_password
        assert log_in(Client(), username, password).status_code == 302
    assert client.get(reverse("setup")).status_code == 404
    assert client.post(reverse("setup"), setup_form(key)).status_code == 404
    assert services.setup_key() is None


@pytest.mark.usefixtures("no_bureau")
def test_two_names_for_one_first_account_are_refused_and_nothing_is_written() -> None:
    key = services.setup_key()
    form = setup_form(str(key)) | {"audit_admin_username": "system_admin"}
    page = Client().post(reverse("setup"), form).content.decode()
    assert "不能相同" in page
    assert not User.objects.exists() and not Organisation.objects.exists()


# ---- deputies ----


def test_a_deputy_after_the_period_has_no_right_though_still_logged_in() -> None:
    principal = user_with(Role.PERFORMANCE_SECTION)
    deputy = user_with(Role.DEPARTMENT_REVIEWER)
    stranger = user_with(Role.UNIT_FILLER)
    today = timezone.localdate()
    (row,) = services.appoint_deputy(principal=principal, deputy=deputy, valid_from=today, valid_to=today, by=principal)
    client = logged_in(deputy)
    page = reverse("user", args=[stranger.pk])
    assert client.get(page).status_code == 200
    row.valid_from = row.valid_to = today - timedelta(days=1)  # the day after the last day
    row.save()
    assert client.get(page).status_code == 404
    assert client.post(reverse("user_reset", args=[stranger.pk])).status_code == 404
    assert client.get(reverse("organisation_import")).status_code == 403
