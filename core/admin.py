"""后台管理 of jobs, files and the security log: all read-only. System administrator: jobs and files; audit: the log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.history import changes
from core.models import Job, JobFile, SecurityEvent, StoredFile


class HouseAdmin(admin.ModelAdmin):
    """Nothing is deleted; the history page shows who changed which field, from the database's own record."""

    list_per_page = 50
    show_full_result_count = False
    actions = None
    object_history_template = "admin/house_history.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        obj = self.get_object(request, object_id)
        rows = changes(obj) if obj is not None and self.has_view_permission(request, obj) else []
        people = _names({row["user_id"] for row in rows if row["user_id"]})
        context = {"changes": [{**row, "who": people.get(row["user_id"], "—")} for row in rows]}
        return super().history_view(request, object_id, context | (extra_context or {}))


class ReadOnlyAdmin(HouseAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _names(ids: set[int]) -> dict[int, str]:
    from django.contrib.auth import get_user_model

    return {user.pk: str(user) for user in get_user_model()._default_manager.filter(pk__in=ids)}


class JobFileInline(admin.TabularInline):
    model = JobFile
    extra = 0
    can_delete = False
    verbose_name = "结果文件"
    verbose_name_plural = "结果文件"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("title", "kind", "state", "started_by", "done", "total", "created_at", "finished_at")
    list_filter = ("state", "kind")
    list_select_related = ("started_by",)
    search_fields = ("title", "key", "started_by__username", "started_by__full_name")
    search_help_text = "按作业名称、作业键、发起人查找"
    date_hierarchy = "created_at"
    inlines = (JobFileInline,)


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnlyAdmin):
    list_display = ("sha256", "size", "content_type", "created_at")
    list_filter = ("content_type",)
    search_fields = ("sha256", "content_type")
    search_help_text = "按 SHA-256 或类型查找"
    date_hierarchy = "created_at"


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "username", "user", "address", "succeeded", "what", "request_id")
    list_filter = ("kind", "succeeded")
    list_select_related = ("user",)
    search_fields = ("username", "user__username", "user__full_name", "address", "what", "request_id")
    search_help_text = "按用户名、姓名、地址、内容、请求编号查找"
    date_hierarchy = "at"
