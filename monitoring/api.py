"""REST, read-only: the recovery lines one may see, under the names of the national data elements where there is one."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from core.api import OnlyVisible
from monitoring.models import RecoveryLine
from monitoring.tables import RecoveryLineFilter


class RecoveryLineSerializer(serializers.ModelSerializer):
    """Money in yuan as text; rate and elapsed as fractions."""

    fiscal_year = serializers.IntegerField(source="run.fiscal_year", help_text="预算年度")
    as_of = serializers.DateField(source="run.as_of", help_text="截至日")
    rule = serializers.CharField(source="run.rule", help_text="规则版次")
    pro_code = serializers.CharField(source="project_year.project.code", help_text="项目代码")
    pro_name = serializers.CharField(source="project_year.name", help_text="项目名称")
    dept_code = serializers.CharField(source="project_year.department.code", help_text="主管部门代码")
    dept_name = serializers.CharField(source="project_year.department.name", help_text="主管部门名称")
    explanation = serializers.CharField(help_text="说明")

    class Meta:
        model = RecoveryLine
        fields = (
            "id",
            "fiscal_year",
            "as_of",
            "rule",
            "pro_code",
            "pro_name",
            "dept_code",
            "dept_name",
            "allocation",
            "adjusted",
            "paid",
            "must_pay",
            "rate",
            "elapsed",
            "status",
            "recoverable",
            "exempt_reason",
            "state",
            "reviewed",
            "decided",
            "executed_on",
            "explanation",
        )


class RecoveryLineViewSet(OnlyVisible, viewsets.ReadOnlyModelViewSet):
    """收回清单 within sight, in order of their key."""

    serializer_class = RecoveryLineSerializer
    filterset_class = RecoveryLineFilter

    def visible(self) -> QuerySet[RecoveryLine]:
        return RecoveryLine.objects.visible_to(self.request.user).select_related(
            "run__rule", "project_year__project", "project_year__department"
        )
