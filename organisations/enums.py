"""Kinds of organisations and the list of roles."""

from django.db.models import TextChoices


class Kind(TextChoices):
    BUREAU = "bureau", "财政局"
    DIVISION = "division", "业务科室"
    DEPARTMENT = "department", "主管部门"
    UNIT = "unit", "预算单位"
    AGENCY = "agency", "第三方机构"


class DivisionFunction(TextChoices):
    """What a division of the bureau does for performance work; a plain business division has BUSINESS."""

    BUSINESS = "business", "业务科室"
    BUDGET = "budget", "预算科"
    TREASURY = "treasury", "国库科"
    PERFORMANCE = "performance", "绩效科"
    OFFICE = "office", "局办公室"


class Role(TextChoices):
    UNIT_FILLER = "unit_filler", "单位填报岗"
    UNIT_REVIEWER = "unit_reviewer", "单位审核岗"
    DEPARTMENT_REVIEWER = "department_reviewer", "部门审核岗"
    DIVISION_OFFICER = "division_officer", "科室经办"
    PERFORMANCE_SECTION = "performance_section", "绩效科"
    BUDGET_DIVISION = "budget_division", "预算科"
    LEADER = "leader", "局领导"
    EXPERT = "expert", "专家"
    AGENCY = "agency", "第三方机构"
    SYSTEM_ADMIN = "system_admin", "系统管理员"
    SECURITY_ADMIN = "security_admin", "安全管理员"
    AUDIT_ADMIN = "audit_admin", "审计管理员"
