"""机构 and 用户 by workbook: round trip, renames, every error at its cell, nothing half-written."""

from __future__ import annotations

import json
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from openpyxl import Workbook, load_workbook

from core.models import SecurityEvent
from core.services import Refused
from core.workbooks import write_template
from organisations import services, workbook
from organisations.enums import DivisionFunction, Kind, Role
from organisations.models import Membership, Organisation, OrganisationName, User
from tests.factories import LONG_AGO, MembershipFactory, OrganisationFactory, UserFactory, user_with

pytestmark = pytest.mark.django_db

ORGANISATION_HEAD = ["代码", "名称", "类型", "上级代码", "归口科室", "职能", "电话", "启用日期"]
USER_HEAD = ["用户名", "姓名", "电话", "邮箱", "机构代码", "角色", "起始", "截止"]
TODAY = timezone.localdate


@pytest.fixture
def section() -> User:
    return user_with(Role.PERFORMANCE_SECTION)


@pytest.fixture
def security() -> User:
    return user_with(Role.SECURITY_ADMIN)


def book(path: Path, head: list[str], rows: list[list[Any]], sheet: str = "机构") -> Path:
    made = Workbook()
    page = made.active
    page.title = sheet
    page.append(head)
    for row in rows:
        page.append(row)
    made.save(path)
    return path


def found(result: Any) -> list[tuple[str | None, str]]:
    return [(error.cell, str(error.code)) for error in result.errors]


def counts() -> tuple[int, ...]:
    return tuple(m.objects.count() for m in (Organisation, OrganisationName, User, Membership, SecurityEvent))


# ---- organisations ----


def test_a_county_is_imported_and_imported_again_without_change(section: User, tmp_path: Path) -> None:
    rows = [
        ["331121", "青田县财政局", "财政局", None, None, None, "0578-6821111", "2019-01-01"],
        ["219001", "县第一中学", "预算单位", "219", None, None, None, date(2020, 5, 1)],  # before its department
        ["219", "县教育局", "主管部门", None, "教科文科", None, "６８２１２２２", "2019年3月1日"],
        ["CZ06", "教科文科", "业务科室", "331121", None, "业务科室", None, None],
        ["JG01", "某会计师事务所", "第三方机构", None, None, None, None, None],
    ]
    file = book(tmp_path / "机构.xlsx", ORGANISATION_HEAD, rows)
    dry = services.import_organisations(files=[file], by=section, dry_run=True)
    assert (dry.ok, dry.rows, dry.created) == (True, 5, 5)
    assert not Organisation.objects.filter(code="219").exists()

    result = services.import_organisations(files=[file], by=section)
    assert result.as_dict() == {
        "rows": 5, "accepted": 5, "rejected": 0, "held": 0, "created": 5, "updated": 0, "unchanged": 0, "reversed": 0,
        "errors": [], "warnings": [], "annotated": None,
    }  # fmt: skip
    department = Organisation.objects.get(code="219")
    assert department.division == Organisation.objects.get(code="CZ06")
    assert department.initials == "xjyj"
    assert department.names.get().valid_from == date(2019, 3, 1)
    assert Organisation.objects.get(code="219001").parent == department
    again = services.import_organisations(files=[file], by=section)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 5)
    assert SecurityEvent.objects.filter(kind="import").count() == 2


def test_the_template_comes_back_unchanged(section: User, tmp_path: Path) -> None:
    bureau = OrganisationFactory(bureau=True)
    division = OrganisationFactory(section=True, parent=bureau)
    department = OrganisationFactory(division=division, phone="=1+1")
    OrganisationFactory(unit=True, parent=department, is_active=False)
    Organisation.objects.filter(parent=None, kind=Kind.DIVISION).update(parent=bureau)  # the section's own
    file = tmp_path / "机构.xlsx"
    rows = workbook.organisation_rows(Organisation.objects.all())
    assert write_template(workbook.ORGANISATIONS, {"机构": rows}, file) == 5
    result = services.import_organisations(files=[file], by=section)
    assert (found(result), result.unchanged, result.updated) == ([], 5, 0)


def test_a_changed_name_is_a_rename_from_its_day(section: User, tmp_path: Path) -> None:
    OrganisationFactory(code="401", name="祔埠镇人民政府", phone="1")
    file = book(
        tmp_path / "a.xlsx", ["代码", "名称", "类型", "启用日期"], [["401", "祯埠镇人民政府", "主管部门", "2022-07-01"]]
    )
    result = services.import_organisations(files=[file], by=section)
    assert (result.updated, result.created) == (1, 0)
    town = Organisation.objects.get(code="401")
    assert town.name == "祯埠镇人民政府"
    assert town.phone == "1"  # a column that is not there changes nothing
    assert town.name_on(date(2022, 6, 30)) == "祔埠镇人民政府"


def test_every_error_is_listed_at_its_cell_and_nothing_is_written(section: User, tmp_path: Path) -> None:
    bureau = OrganisationFactory(bureau=True, code="331121")
    OrganisationFactory(code="219", name="县教育局")
    OrganisationFactory(section=True, code="KS1", name="同名科", parent=bureau)
    OrganisationFactory(section=True, code="KS2", name="同名科", parent=bureau)
    future = TODAY() + timedelta(days=1)
    rows: list[list[Any]] = [
        ["501", "甲局", "主管部门", "999", None, None, None, None],  # 2 unknown parent
        ["A1", "甲", "预算单位", "A2", None, None, None, None],  # 3 loop
        ["A2", "乙", "预算单位", "A1", None, None, None, None],  # 4 loop
        ["A3", "丙", "预算单位", "A3", None, None, None, None],  # 5 its own parent
        ["502001", "某校", "预算单位", "331121", None, None, None, None],  # 6 wrong parent kind
        ["503001", "某院", "预算单位", None, None, None, None, None],  # 7 no parent
        ["504", "丁局", "主管部门", None, "不存在科", None, None, None],  # 8 unknown division
        ["505", "戊局", "主管部门", None, "同名科", None, None, None],  # 9 ambiguous division
        ["219", "县教育局", "预算单位", "501", None, None, None, None],  # 10 kind changed
        ["KS3", "新科", "业务科室", "331121", None, None, None, None],  # 11 division without function
        ["506", "己局", "主管部门", None, None, "预算科", None, None],  # 12 function at a department
        ["331122", "另一财政局", "财政局", None, None, None, None, None],  # 13 second bureau
        ["507", "庚局", "主管部门", None, None, None, None, future],  # 14 future
        ["508", "辛局", "主管部门", None, None, None, None, "昨天"],  # 15 no date
        ["509", "", "主管部门", None, None, None, None, None],  # 16 no name
        ["510", "壬局", "局", None, None, None, None, None],  # 17 not a kind
        ["501", "癸局", "主管部门", None, None, None, None, None],  # 18 twice
        [630000242000000000001, "子局", "主管部门", None, None, None, None, None],  # 19 a code Excel has changed
        ["511", "丑局", "主管部门", None, None, None, None, None, "机密"],  # 20 marked as classified
        ["JG1", "某所", "第三方机构", None, "KS1", None, None, None],  # 21 division at an agency
    ]
    before = counts()
    head = [*ORGANISATION_HEAD, "密级"]
    target = tmp_path / "marked.xlsx"
    result = services.import_organisations(files=[book(tmp_path / "a.xlsx", head, rows)], by=section, annotate=target)
    assert found(result) == [
        ("D2", "PARENT_UNKNOWN"),
        ("D3", "LOOP"),
        ("D4", "LOOP"),
        ("D5", "LOOP"),
        ("D6", "PARENT_WRONG_KIND"),
        ("D7", "PARENT_WRONG_KIND"),
        ("E8", "DIVISION_UNKNOWN"),
        ("E9", "DIVISION_AMBIGUOUS"),
        ("C10", "KIND_CHANGED"),
        ("F11", "FUNCTION_MISSING"),
        ("F12", "FUNCTION_NOT_ALLOWED"),
        ("A13", "SECOND_BUREAU"),
        ("H14", "DATE_IN_FUTURE"),
        ("H15", "NOT_DATE"),
        ("B16", "REQUIRED"),
        ("C17", "NOT_CHOICE"),
        ("A18", "DUPLICATE_KEY"),
        ("A19", "CODE_NUMERIC"),
        ("I20", "CLASSIFIED"),
        ("E21", "DIVISION_NOT_ALLOWED"),
    ]
    assert result.classified
    assert not any("丑局" in error.message for error in result.errors)
    assert all(error.message and error.sheet == "机构" for error in result.errors)
    assert "A1 → A2 → A1" in result.errors[1].message
    counted = result.as_dict()
    assert counted["accepted"] == counted["created"] == 0
    assert counts() == before
    marked = load_workbook(target)
    assert marked["机构"]["D2"].comment.text == result.errors[0].message


def test_an_import_by_somebody_else_is_refused(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", ORGANISATION_HEAD, [["501", "甲局", "主管部门"]])
    with pytest.raises(Refused):
        services.import_organisations(files=[file], by=user_with(Role.DIVISION_OFFICER))
    with pytest.raises(Refused):
        services.import_users(files=[file], by=user_with(Role.DEPARTMENT_REVIEWER))


# ---- users ----


def test_users_are_imported_with_temporary_passwords_and_again_without_change(section: User, tmp_path: Path) -> None:
    department = OrganisationFactory(code="219")
    OrganisationFactory(unit=True, code="219001", parent=department)
    rows = [
        ["zhangsan", "张三", "13800000000", "zs@qingtian.example", "219001", "单位填报岗", "2023-01-01", None],
        ["zhangsan", "张三", None, None, "219001", "单位审核岗", "2023-01-01", "2099-12-31"],
        ["lisi", "李四", None, None, "219", "部门审核岗", None, None],
        ["wangwu", "王五", None, None, None, None, None, None],
    ]
    file = book(tmp_path / "用户.xlsx", USER_HEAD, rows, "用户")
    dry = services.import_users(files=[file], by=section, dry_run=True)
    assert (found(dry), dry.created, dry.passwords) == ([], 4, [])
    assert not User.objects.filter(username="zhangsan").exists()
    result = services.import_users(files=[file], by=section)
    assert (result.created, result.updated, result.unchanged) == (4, 0, 0)
    assert [name for name, _, _ in result.passwords] == ["zhangsan", "lisi", "wangwu"]
    for username, _, password in result.passwords:
        user = User.objects.get(username=username)
        assert user.check_password(password) and user.must_change_password
    assert User.objects.get(username="zhangsan").role_set == {Role.UNIT_FILLER, Role.UNIT_REVIEWER}
    again = services.import_users(files=[file], by=section)
    assert (again.created, again.updated, again.unchanged, again.passwords) == (0, 0, 4, [])


def test_an_import_changes_names_and_ends_memberships(section: User, tmp_path: Path) -> None:
    user = user_with(Role.DEPARTMENT_REVIEWER, OrganisationFactory(code="219"), username="lisi", full_name="李四")
    rows = [["lisi", "李肆", None, None, "219", "部门审核岗", LONG_AGO, TODAY() - timedelta(days=1)]]
    result = services.import_users(files=[book(tmp_path / "a.xlsx", USER_HEAD, rows, "用户")], by=section)
    assert (found(result), result.updated) == ([], 1)
    again = User.objects.get(pk=user.pk)
    assert again.full_name == "李肆"
    assert again.role_set == frozenset()


def test_the_user_template_comes_back_unchanged(security: User, section: User, tmp_path: Path) -> None:
    for role in (Role.UNIT_FILLER, Role.EXPERT, Role.AUDIT_ADMIN, Role.AGENCY):
        user_with(role)
    deputy = MembershipFactory(deputy=True)
    UserFactory(inactive=True)
    UserFactory(phone="0578-6821111")
    file = tmp_path / "用户.xlsx"
    write_template(workbook.USERS, {"用户": workbook.user_rows(User.objects.all())}, file)
    result = services.import_users(files=[file], by=security)
    assert (found(result), result.created, result.updated) == ([], 0, 0)
    assert result.unchanged == 9  # security, section, four, deputy's two people, the one with a phone
    assert deputy.user.memberships.count() == 1


def test_every_error_of_a_user_table_is_listed(section: User, tmp_path: Path) -> None:
    department = OrganisationFactory(code="219")
    OrganisationFactory(unit=True, code="219001", parent=department)
    OrganisationFactory(bureau=True, code="331121")
    user_with(Role.SYSTEM_ADMIN, username="root")
    rows = [
        ["a", "甲", None, None, "999", "单位填报岗", None, None],  # 2
        ["b", "乙", None, None, "219001", "部门审核岗", None, None],  # 3 not holdable at a unit
        ["c", "丙", None, None, "219001", None, None, None],  # 4
        ["d", "丁", None, None, None, "专家", None, None],  # 5
        ["e", "戊", None, "not-an-address", "219", "部门审核岗", None, None],  # 6
        ["f", "己", None, None, "219", "部门审核岗", "2023-02-01", "2023-01-01"],  # 7
        ["g", "庚", None, None, "219", "部门审核岗", None, None],  # 8
        ["g", "辛", None, None, "219001", "单位填报岗", None, None],  # 9 other name
        ["h", "壬", None, None, "331121", "审计管理员", None, None],  # 10 not by the performance section
        ["root", "根", None, None, "219", "部门审核岗", None, None],  # 11 mixture with what is held
        ["i", "癸", None, None, "219", "科长", None, None],  # 12 not a role
        ["", "子", None, None, None, None, None, None],  # 13
    ]
    before = counts()
    result = services.import_users(files=[book(tmp_path / "a.xlsx", USER_HEAD, rows, "用户")], by=section)
    assert found(result) == [
        ("E2", "ORGANISATION_UNKNOWN"),
        ("F3", "ROLE_NOT_HELD_HERE"),
        ("F4", "ROLE_MISSING"),
        ("E5", "ORGANISATION_MISSING"),
        ("D6", "EMAIL_INVALID"),
        ("H7", "PERIOD"),
        ("B9", "PERSON_DIFFERS"),
        ("F10", "ADMINISTRATOR_FORBIDDEN"),
        ("F11", "ADMINISTRATOR_MIXED"),
        ("F12", "NOT_CHOICE"),
        ("A13", "REQUIRED"),
    ]
    assert counts() == before


# ---- the commands ----


def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
    out, err = StringIO(), StringIO()
    try:
        call_command(*arguments, "--json", stdout=out, stderr=err)
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue()), err.getvalue()


def test_template_and_import_by_command(tmp_path: Path) -> None:
    OrganisationFactory(code="219", function="", name="县教育局")
    file = tmp_path / "机构.xlsx"
    code, made, _ = run("workbook_template", "organisations", "-o", str(file))
    assert (code, made) == (0, {"file": str(file), "rows": 1})
    code, result, _ = run("import_workbook", "organisations", str(file))
    assert (code, result["unchanged"], result["errors"]) == (0, 1, [])
    rows = [["lisi", "李四", None, None, "219", "部门审核岗", None, None]]
    code, result, told = run("import_workbook", "users", str(book(tmp_path / "用户.xlsx", USER_HEAD, rows, "用户")))
    assert (code, result["created"]) == (0, 1)
    password = told.strip().split()[-1]
    assert User.objects.get(username="lisi").check_password(password)


def test_a_refused_import_by_command(tmp_path: Path) -> None:
    file = book(tmp_path / "机构.xlsx", ORGANISATION_HEAD, [["501", "甲局", "主管部门", "999"]])
    code, result, err = run("import_workbook", "organisations", str(file), "--dry-run")
    assert code == 1
    assert result == {
        "rows": 1, "accepted": 0, "rejected": 1, "held": 0, "created": 0, "updated": 0, "unchanged": 0, "reversed": 0,
        "errors": [{"sheet": "机构", "cell": "D2", "code": "PARENT_UNKNOWN",
                    "message": "上级代码“999”在系统和本表中都没有，请核对，或在本表补上该机构"}],
        "warnings": [], "annotated": str(tmp_path / "机构-错误标注.xlsx"),
    }  # fmt: skip
    assert "机构 D2 上级代码" in err
    assert (tmp_path / "机构-错误标注.xlsx").is_file()


def test_a_division_by_its_function(section: User, tmp_path: Path) -> None:
    OrganisationFactory(bureau=True, code="331121")
    rows = [["CZ04", "预算绩效管理科", "业务科室", "331121", None, "绩效科"]]
    services.import_organisations(files=[book(tmp_path / "a.xlsx", ORGANISATION_HEAD, rows)], by=section)
    assert Organisation.objects.get(code="CZ04").function == DivisionFunction.PERFORMANCE
