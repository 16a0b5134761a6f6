"""What the lists of this app can be filtered by; the state lives in the address."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import django_filters as filters
from django.db.models import Q, QuerySet

from budgets.enums import FundLevel, ProjectCategory, ProjectKind, VanishedState
from budgets.models import HeldEntry, LedgerEntry, ProjectYear, VanishedEntry
from budgets.queries import found_by, with_figures
from organisations.enums import Kind
from organisations.models import Organisation

ALL_YEARS = "all"
MARKS = (("key", "重点项目"), ("sampled", "抽评项目"), ("recovered", "有资金收回"))


def _organisations(*kinds: str) -> Any:
    def choose(request: Any) -> QuerySet[Organisation]:
        return Organisation.objects.visible_to(request.user).filter(kind__in=kinds).only("name", "sort_key", "code")

    return choose


class ProjectFilter(filters.FilterSet):
    """The work year is in the address of the page; the fiscal year is chosen here and begins as the work year."""

    q = filters.CharFilter(label="项目", method="by_text")
    fiscal_year = filters.ChoiceFilter(label="预算年度", method="by_year", empty_label=None)
    department = filters.ModelChoiceFilter(
        label="主管部门", queryset=_organisations(Kind.DEPARTMENT), empty_label="全部"
    )
    division = filters.ModelChoiceFilter(label="归口科室", queryset=_organisations(Kind.DIVISION), empty_label="全部")
    unit = filters.CharFilter(label="预算单位", method="by_unit")
    category = filters.ChoiceFilter(label="项目类别", choices=ProjectCategory.choices, empty_label="全部")
    kind = filters.ChoiceFilter(label="新增/延续", choices=ProjectKind.choices, empty_label="全部")
    fund_level = filters.ChoiceFilter(
        label="资金级次", choices=[c for c in FundLevel.choices if c[0]], empty_label="全部"
    )
    mark = filters.ChoiceFilter(label="标记", choices=MARKS, method="by_mark", empty_label="全部")
    rate_from = filters.NumberFilter(label="执行率自（%）", method="by_rate_from")
    rate_to = filters.NumberFilter(label="执行率至（%）", method="by_rate_to")

    class Meta:
        model = ProjectYear
        fields: ClassVar[list[str]] = []

    def __init__(self, data: Any = None, *args: Any, **options: Any) -> None:
        request = options["request"]
        self.work_year = int(request.resolver_match.kwargs.get("year") or 0) if request.resolver_match else 0
        if self.work_year:
            data = data.copy() if data else {}
            data.setdefault("fiscal_year", str(self.work_year))
        super().__init__(data, *args, **options)
        years = range(self.work_year + 1, self.work_year - 4, -1) if self.work_year else range(0)
        self.filters["fiscal_year"].field.choices = [*((str(y), f"{y} 年") for y in years), (ALL_YEARS, "全部")]

    def by_year(self, rows: QuerySet[ProjectYear], name: str, value: str) -> QuerySet[ProjectYear]:
        return rows if value == ALL_YEARS else rows.filter(fiscal_year=int(value))

    def by_text(self, rows: QuerySet[ProjectYear], name: str, value: str) -> QuerySet[ProjectYear]:
        return rows.filter(found_by(value)) if value.strip() else rows

    def by_unit(self, rows: QuerySet[ProjectYear], name: str, value: str) -> QuerySet[ProjectYear]:
        return rows.filter(Q(unit__name__icontains=value.strip()) | Q(unit__code__startswith=value.strip()))

    def by_mark(self, rows: QuerySet[ProjectYear], name: str, value: str) -> QuerySet[ProjectYear]:
        if value == "recovered":
            return with_figures(rows).filter(~Q(recovered=0))
        return rows.filter(**{f"is_{value}": True})

    def by_rate_from(self, rows: QuerySet[ProjectYear], name: str, value: Decimal) -> QuerySet[ProjectYear]:
        return with_figures(rows).filter(rate__gte=value / 100)

    def by_rate_to(self, rows: QuerySet[ProjectYear], name: str, value: Decimal) -> QuerySet[ProjectYear]:
        return with_figures(rows).filter(rate__lte=value / 100)


class HeldFilter(filters.FilterSet):
    fiscal_year = filters.NumberFilter(label="预算年度")
    project_code = filters.CharFilter(label="项目代码", lookup_expr="startswith")
    claimed = filters.ChoiceFilter(
        label="状态", method="by_state", choices=(("open", "待认领"), ("done", "已认领")), empty_label="全部"
    )

    class Meta:
        model = HeldEntry
        fields: ClassVar[list[str]] = []

    def by_state(self, rows: QuerySet[HeldEntry], name: str, value: str) -> QuerySet[HeldEntry]:
        return rows.filter(claimed_entry__isnull=value == "open")


class VanishedFilter(filters.FilterSet):
    state = filters.ChoiceFilter(label="处理", choices=VanishedState.choices, empty_label="全部")
    code = filters.CharFilter(
        label="项目代码", field_name="entry__project_year__project__code", lookup_expr="startswith"
    )

    class Meta:
        model = VanishedEntry
        fields: ClassVar[list[str]] = []


class ProjectYearApiFilter(filters.FilterSet):
    """The same filters as the page, under the names of the national data elements."""

    fiscal_year = filters.NumberFilter()
    pro_code = filters.CharFilter(field_name="project__code")
    agency_code = filters.CharFilter(field_name="unit__code")
    dept_code = filters.CharFilter(field_name="department__code")
    manage_mof_dep_code = filters.CharFilter(field_name="division__code")
    pro_cat_code = filters.CharFilter(field_name="category")
    is_key = filters.BooleanFilter()
    is_sampled = filters.BooleanFilter()

    class Meta:
        model = ProjectYear
        fields: ClassVar[list[str]] = []


class LedgerEntryApiFilter(filters.FilterSet):
    fiscal_year = filters.NumberFilter(field_name="project_year__fiscal_year")
    pro_code = filters.CharFilter(field_name="project_year__project__code")
    agency_code = filters.CharFilter(field_name="project_year__unit__code")
    dept_code = filters.CharFilter(field_name="project_year__department__code")
    busi_type = filters.CharFilter(field_name="kind")
    date_from = filters.DateFilter(field_name="date", lookup_expr="gte")
    date_to = filters.DateFilter(field_name="date", lookup_expr="lte")

    class Meta:
        model = LedgerEntry
        fields: ClassVar[list[str]] = []
