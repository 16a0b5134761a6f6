"""REST, read-only: projects, project-years and ledger entries one may see, under the national names where there are."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from budgets.filters import LedgerEntryApiFilter, ProjectYearApiFilter
from budgets.models import LedgerEntry, Project, ProjectYear
from budgets.queries import with_figures
from core.api import OnlyVisible


def money(**options: Any) -> serializers.DecimalField:
    """Yuan, as text with two decimals."""
    return serializers.DecimalField(max_digits=18, decimal_places=2, read_only=True, **options)


def fraction(**options: Any) -> serializers.DecimalField:
    """A fraction with four decimals; null where there is no budget."""
    return serializers.DecimalField(max_digits=18, decimal_places=4, read_only=True, allow_null=True, **options)


class ProjectSerializer(serializers.ModelSerializer):
    pro_code = serializers.CharField(source="code", help_text="项目代码")
    pro_name = serializers.CharField(source="name", help_text="项目名称")
    pro_start_year = serializers.IntegerField(source="start_year", help_text="起始年度", allow_null=True)
    pro_term = serializers.IntegerField(source="term", help_text="项目期（年）", allow_null=True)

    class Meta:
        model = Project
        fields = ("id", "pro_code", "pro_name", "pro_start_year", "pro_term")


class ProjectYearSerializer(serializers.ModelSerializer):
    """Money in yuan; `recovered` is zero or negative."""

    pro_code = serializers.CharField(source="project.code", help_text="项目代码")
    pro_name = serializers.CharField(source="name", help_text="项目名称")
    agency_code = serializers.CharField(source="unit.code", help_text="单位代码")
    agency_name = serializers.CharField(source="unit.name", help_text="单位名称")
    dept_code = serializers.CharField(source="department.code", help_text="部门代码")
    dept_name = serializers.CharField(source="department.name", help_text="部门名称")
    manage_mof_dep_code = serializers.CharField(source="division.code", default=None, help_text="归口科室代码")
    pro_cat_code = serializers.CharField(source="category", help_text="项目类别代码")
    pro_cat_name = serializers.CharField(source="get_category_display", help_text="项目类别")
    initial = money(help_text="年初预算（元）")
    carried_over = money(help_text="上年结转（元）")
    adjustment = money(help_text="调整数（元）")
    recovered = money(help_text="收回（元）")
    adjusted = money(help_text="全年预算（元）")
    paid = money(help_text="支出（元）")
    rate = fraction(help_text="执行率")
    rate_before = fraction(help_text="收回前执行率，未收回为 null")

    class Meta:
        model = ProjectYear
        fields = (
            "id",
            "fiscal_year",
            "pro_code",
            "pro_name",
            "agency_code",
            "agency_name",
            "dept_code",
            "dept_name",
            "manage_mof_dep_code",
            "pro_cat_code",
            "pro_cat_name",
            "kind",
            "fund_source",
            "fund_level",
            "is_key",
            "is_sampled",
            "marks",
            "initial",
            "carried_over",
            "adjustment",
            "recovered",
            "adjusted",
            "paid",
            "rate",
            "rate_before",
        )


class LedgerEntrySerializer(serializers.ModelSerializer):
    fiscal_year = serializers.IntegerField(source="project_year.fiscal_year", help_text="预算年度")
    pro_code = serializers.CharField(source="project_year.project.code", help_text="项目代码")
    busi_type = serializers.CharField(source="kind", help_text="业务类型代码")
    busi_type_name = serializers.CharField(source="get_kind_display", help_text="业务类型")
    amount = money(help_text="金额（元），按对预算或支出的作用取正负")
    cor_bgt_doc_no = serializers.CharField(source="allocation", help_text="指标文号/ID")
    exp_func_code = serializers.CharField(source="function_code", help_text="功能分类")
    dep_bgt_eco_code = serializers.CharField(source="economic_code", help_text="经济分类")
    source = serializers.CharField(source="source.name", help_text="来源")

    class Meta:
        model = LedgerEntry
        fields = (
            "id",
            "fiscal_year",
            "pro_code",
            "busi_type",
            "busi_type_name",
            "amount",
            "date",
            "cor_bgt_doc_no",
            "vintage",
            "fund_source",
            "fund_level",
            "exp_func_code",
            "dep_bgt_eco_code",
            "summary",
            "source",
            "source_key",
            "revision",
            "is_reversal",
        )


class ProjectViewSet(OnlyVisible, viewsets.ReadOnlyModelViewSet):
    """项目 of which the caller sees at least one year."""

    serializer_class = ProjectSerializer
    filterset_fields: ClassVar[dict[str, list[str]]] = {"code": ["exact", "startswith"], "name": ["icontains"]}

    def visible(self) -> QuerySet[Project]:
        return Project.objects.visible_to(self.request.user)


class ProjectYearViewSet(OnlyVisible, viewsets.ReadOnlyModelViewSet):
    """年度项目 with their figures."""

    serializer_class = ProjectYearSerializer
    filterset_class = ProjectYearApiFilter

    def visible(self) -> QuerySet[ProjectYear]:
        rows = ProjectYear.objects.visible_to(self.request.user)
        return with_figures(rows).select_related("project", "unit", "department", "division")


class LedgerEntryViewSet(OnlyVisible, viewsets.ReadOnlyModelViewSet):
    """流水, append-only: a changed row shows as its reversal and a further revision."""

    serializer_class = LedgerEntrySerializer
    filterset_class = LedgerEntryApiFilter

    def visible(self) -> QuerySet[LedgerEntry]:
        rows = LedgerEntry.objects.visible_to(self.request.user)
        return rows.select_related("project_year__project", "source")
