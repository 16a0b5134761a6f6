"""REST, read-only: the organisations one may see, under the names of the national data elements where there is one."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from core.api import OnlyVisible
from organisations.models import Organisation
from organisations.queries import bureau
from organisations.tables import OrganisationFilter


class OrganisationSerializer(serializers.ModelSerializer):
    """单位 as AGENCY_*, 部门 as DEPT_*, 归口科室 as MANAGE_MOF_DEP_CODE, 财政区划 as MOF_DIV_CODE."""

    mof_div_code = serializers.SerializerMethodField(help_text="财政区划代码")
    agency_code = serializers.CharField(source="code", help_text="单位代码")
    agency_name = serializers.CharField(source="name", help_text="单位名称")
    kind = serializers.CharField(help_text="类型")
    dept_code = serializers.SerializerMethodField(help_text="主管部门代码")
    dept_name = serializers.SerializerMethodField(help_text="主管部门名称")
    manage_mof_dep_code = serializers.CharField(source="division.code", default=None, help_text="归口科室代码")
    is_enabled = serializers.BooleanField(source="is_active", help_text="在用")

    class Meta:
        model = Organisation
        fields = (
            "id",
            "mof_div_code",
            "agency_code",
            "agency_name",
            "short_name",
            "kind",
            "function",
            "dept_code",
            "dept_name",
            "manage_mof_dep_code",
            "phone",
            "is_enabled",
        )

    def get_mof_div_code(self, row: Organisation) -> str | None:
        code: str | None = self.context.get("mof_div_code")
        return code

    def get_dept_code(self, row: Organisation) -> str | None:
        return _department(row, "code")

    def get_dept_name(self, row: Organisation) -> str | None:
        return _department(row, "name")


def _department(row: Organisation, field: str) -> str | None:
    """The department of a unit and of a department itself; other kinds have none."""
    if row.kind not in ("unit", "department"):
        return None
    value: str = getattr(row.department, field)
    return value


class OrganisationViewSet(OnlyVisible, viewsets.ReadOnlyModelViewSet):
    """机构 within sight, in order of their key."""

    serializer_class = OrganisationSerializer
    filterset_class = OrganisationFilter

    def visible(self) -> QuerySet[Organisation]:
        return Organisation.objects.visible_to(self.request.user).select_related("parent", "division")

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        found = None if getattr(self, "swagger_fake_view", False) else bureau()
        return context | {"mof_div_code": found.code.split("-")[0] if found else None}
