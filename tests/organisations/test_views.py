"""The pages of organisations and users: what they show, what they write, and literal query counts."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook, load_workbook

from core.models import SecurityEvent, StoredFile
from organisations import services
from organisations.enums import Role
from organisations.models import Membership, Organisation, User
from tests.factories import OrganisationFactory, UserFactory, user_with

pytestmark = pytest.mark.django_db
SECRET = "严禁录入、上传涉密信息"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def section() -> User:
    return user_with(Role.PERFORMANCE_SECTION)


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def xlsx(rows: list[list]) -> SimpleUploadedFile:
    book = Workbook()
    book.active.title = "机构" if rows[0][0] == "代码" else "用户"
    for row in rows:
        book.active.append(row)
    content = BytesIO()
    book.save(content)
    return SimpleUploadedFile("名单.xlsx", content.getvalue())


# ---- query counts: literal, and the same for one row and for many ----


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("route", "queries"), [("organisation_list", 8), ("user_list", 8), ("deputy_list", 5)])
def test_lists_ask_a_fixed_number_of_questions(
    section: User, rows: int, route: str, queries: int, django_assert_num_queries
) -> None:
    division = OrganisationFactory(section=True)
    for _ in range(rows):
        department = OrganisationFactory(division=division)
        principal = user_with(Role.UNIT_FILLER, OrganisationFactory(unit=True, parent=department))
        today = timezone.localdate()
        services.appoint_deputy(
            principal=principal, deputy=UserFactory(), valid_from=today, valid_to=today, by=principal
        )
    client = client_of(section)
    client.get(reverse(route))
    with django_assert_num_queries(queries):
        assert client.get(reverse(route)).status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_details_ask_a_fixed_number_of_questions(section: User, rows: int, django_assert_num_queries) -> None:
    department = OrganisationFactory()
    person = user_with(Role.DEPARTMENT_REVIEWER, department)
    for _ in range(rows):
        unit = OrganisationFactory(unit=True, parent=department)
        services.grant_membership(user=person, organisation=unit, role=Role.UNIT_FILLER, by=section)
        user_with(Role.UNIT_REVIEWER, department)
    client = client_of(section)
    client.get(reverse("organisation", args=[department.pk]))
    with django_assert_num_queries(9):
        client.get(reverse("organisation", args=[department.pk]))
    with django_assert_num_queries(9):
        client.get(reverse("user", args=[person.pk]))


# ---- organisations ----


def test_the_detail_shows_tree_staff_names_and_phone(section: User) -> None:
    department = OrganisationFactory(name="祔埠镇人民政府", phone="0578-6820001")
    unit = OrganisationFactory(unit=True, parent=department, name="祯埠镇中心小学")
    person = user_with(Role.DEPARTMENT_REVIEWER, department, full_name="李四")
    client = client_of(section)
    done = client.post(
        reverse("organisation_rename", args=[department.pk]), {"name": "祯埠镇人民政府", "valid_from": "2023-01-01"}
    )
    assert done.status_code == 302
    page = text(client.get(reverse("organisation", args=[department.pk])))
    for expected in ("祔埠镇人民政府", "祯埠镇人民政府", unit.name, "0578-6820001", "2020-01-01 至 2022-12-31"):
        assert expected in page
    assert reverse("user", args=[person.pk]) in page
    assert "李四" in page


def test_a_refused_rename_keeps_what_was_typed(section: User) -> None:
    department = OrganisationFactory()
    future = timezone.localdate() + timedelta(days=3)
    page = text(
        client_of(section).post(
            reverse("organisation_rename", args=[department.pk]), {"name": "未来局", "valid_from": future}
        )
    )
    assert "不能晚于今天" in page
    assert 'value="未来局"' in page


def test_a_clerk_sees_the_own_branch_and_no_staff_of_the_bureau() -> None:
    bureau = OrganisationFactory(bureau=True)
    user_with(Role.LEADER, bureau, full_name="王局长")
    stranger = OrganisationFactory(name="别的局")
    clerk = user_with(Role.UNIT_FILLER)
    client = client_of(clerk)
    page = text(client.get(reverse("organisation_list")))
    assert bureau.name in page and "别的局" not in page
    assert "王局长" not in text(client.get(reverse("organisation", args=[bureau.pk])))
    assert client.get(reverse("organisation", args=[stranger.pk])).status_code == 404
    own = clerk.memberships.get().organisation
    assert clerk.full_name in text(client.get(reverse("organisation", args=[own.pk])))
    refused = client.post(reverse("organisation_rename", args=[own.pk]), {"name": "新", "valid_from": "2023-01-01"})
    assert refused.status_code == 403


def test_search_finds_former_names_codes_and_initials(section: User) -> None:
    town = OrganisationFactory(code="401", name="祔埠镇人民政府")
    services.rename_organisation(organisation=town, name="祯埠镇人民政府", by=section)
    client = client_of(section)
    for words in ("祔埠", "祯埠", "401", "zbz", "ZBZ"):
        assert "祯埠镇人民政府" in text(client.get(reverse("organisation_list"), {"q": words})), words
    assert "祯埠镇人民政府" not in text(client.get(reverse("organisation_list"), {"q": "不存在"}))


def test_the_export_holds_all_visible_rows_and_is_logged(section: User) -> None:
    OrganisationFactory.create_batch(60)
    response = client_of(section).post(reverse("organisation_list"), {"export": "xlsx"})
    page = load_workbook(BytesIO(b"".join(response.streaming_content))).active
    codes = {row[0] for row in page.iter_rows(min_row=2, values_only=True)}
    assert codes == set(Organisation.objects.values_list("code", flat=True))
    assert SecurityEvent.objects.filter(kind="export", user=section).count() == 1


# ---- users ----


def test_a_reset_shows_the_password_once(section: User) -> None:
    person = user_with(Role.UNIT_FILLER)
    client = client_of(section)
    response = client.post(reverse("user_reset", args=[person.pk]))
    told = re.search(r"<code>(\S+)</code>", text(response))[1]
    assert User.objects.get(pk=person.pk).check_password(told)
    assert "no-store" in response["Cache-Control"]
    assert told not in text(client.get(reverse("user", args=[person.pk])))


def test_a_department_reviewer_sees_and_resets_the_own_branch() -> None:
    department = OrganisationFactory()
    reviewer = user_with(Role.DEPARTMENT_REVIEWER, department)
    own = user_with(Role.UNIT_FILLER, OrganisationFactory(unit=True, parent=department), full_name="自己人")
    stranger = user_with(Role.UNIT_FILLER, full_name="别处人")
    client = client_of(reviewer)
    page = text(client.get(reverse("user_list")))
    assert "自己人" in page and "别处人" not in page
    assert "重置密码" in text(client.get(reverse("user", args=[own.pk])))
    assert "停用账号" not in text(client.get(reverse("user", args=[own.pk])))
    assert client.get(reverse("user", args=[stranger.pk])).status_code == 404
    assert client.post(reverse("user_reset", args=[stranger.pk])).status_code == 404
    assert client.post(reverse("user_reset", args=[own.pk])).status_code == 200


def test_switching_granting_and_ending(section: User) -> None:
    person, unit = UserFactory(), OrganisationFactory(unit=True)
    client = client_of(section)
    form = {"organisation": unit.pk, "role": Role.UNIT_FILLER, "valid_from": "2023-01-01", "valid_to": ""}
    assert client.post(reverse("membership_grant", args=[person.pk]), form).status_code == 302
    wrong = text(client.post(reverse("membership_grant", args=[person.pk]), form | {"role": Role.DEPARTMENT_REVIEWER}))
    assert "只能任职于主管部门" in wrong
    hidden = text(client.post(reverse("membership_grant", args=[person.pk]), form | {"role": Role.AUDIT_ADMIN}))
    assert "error" in hidden and person.memberships.count() == 1
    membership = person.memberships.get()
    client.post(reverse("membership_end", args=[person.pk, membership.pk]))
    assert User.objects.get(pk=person.pk).role_set == frozenset()
    client.post(reverse("user_switch", args=[person.pk]), {"active": "0"})
    assert not User.objects.get(pk=person.pk).is_active
    client.post(reverse("user_switch", args=[person.pk]), {"active": "1"})
    assert User.objects.get(pk=person.pk).is_active


def test_deputies_by_the_page() -> None:
    principal = user_with(Role.DEPARTMENT_REVIEWER, full_name="张科长")
    deputy = UserFactory(full_name="李代办")
    today = timezone.localdate()
    client = client_of(principal)
    form = {"deputy": deputy.username, "valid_from": today, "valid_to": today, "principal": "somebody"}
    assert "没有这个用户名" in text(client.post(reverse("deputy_list"), form | {"deputy": "nobody"}))
    assert client.post(reverse("deputy_list"), form).status_code == 302
    row = Membership.objects.get(deputy_for=principal)
    assert row.user == deputy
    assert "李代办" in text(client.get(reverse("deputy_list")))
    assert "张科长" in text(client_of(deputy).get(reverse("deputy_list")))
    assert client_of(user_with(Role.DEPARTMENT_REVIEWER)).post(reverse("deputy_end", args=[row.pk])).status_code == 404
    client.post(reverse("deputy_end", args=[row.pk]))
    assert User.objects.get(pk=deputy.pk).role_set == frozenset()


# ---- import ----


def test_import_by_the_page_checks_first_and_writes_on_confirmation(section: User) -> None:
    client = client_of(section)
    address = reverse("user_import")
    assert SECRET in text(client.get(address))
    OrganisationFactory(code="219")
    file = xlsx([["用户名", "姓名", "机构代码", "角色"], ["lisi", "李四", "219", "部门审核岗"]])
    page = text(client.post(address, {"step": "check", "file": file}))
    assert "将新增" in page and not User.objects.filter(username="lisi").exists()
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    assert (
        client_of(user_with(Role.PERFORMANCE_SECTION)).post(address, {"step": "confirm", "token": token}).status_code
        == 302
    )
    assert not User.objects.filter(username="lisi").exists()  # another's upload
    page = text(client.post(address, {"step": "confirm", "token": token}))
    told = re.search(r"<code>(\S+)</code>", page)[1]
    assert User.objects.get(username="lisi").check_password(told)


def test_a_refused_import_lists_the_errors_and_offers_the_marked_file(section: User) -> None:
    client = client_of(section)
    address = reverse("organisation_import")
    file = xlsx([["代码", "名称", "类型", "上级代码"], ["501001", "某校", "预算单位", "501"]])
    page = text(client.post(address, {"step": "check", "file": file}))
    assert "上级代码“501”在系统和本表中都没有" in page
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    response = client.post(address, {"step": "annotated", "token": token})
    marked = load_workbook(BytesIO(b"".join(response.streaming_content)))
    assert "501" in marked["机构"]["D2"].comment.text
    assert client.post(address, {"step": "confirm", "token": token + "x"}).status_code == 302
    assert "发现错误" in text(client.post(address, {"step": "confirm", "token": token}))


def test_a_file_with_classified_rows_is_not_kept(section: User) -> None:
    before = StoredFile.objects.count()
    file = xlsx([["代码", "名称", "类型", "密级"], ["501", "某局", "主管部门", "机密"]])
    page = text(client_of(section).post(reverse("organisation_import"), {"step": "check", "file": file}))
    assert "某局" not in page and "密级" in page
    assert 'name="token"' not in page
    assert StoredFile.objects.count() == before


def test_the_template_holds_what_is_there_and_is_logged(section: User) -> None:
    OrganisationFactory(code="219", name="县教育局")
    response = client_of(section).post(reverse("organisation_import"), {"step": "template"})
    page = load_workbook(BytesIO(b"".join(response.streaming_content)))["机构"]
    assert "县教育局" in {row[1] for row in page.iter_rows(values_only=True)}
    assert SecurityEvent.objects.filter(kind="export").count() == 1


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.PERFORMANCE_SECTION, Role.SECURITY_ADMIN}))
def test_imports_are_closed_to_others(role: str) -> None:
    client = client_of(user_with(role))
    for route in ("organisation_import", "user_import"):
        assert client.get(reverse(route)).status_code == 403
        assert client.post(reverse(route), {"step": "template"}).status_code == 403
