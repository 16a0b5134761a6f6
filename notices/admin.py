"""后台管理 of notices: reading, for those who look after the data."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from notices.models import Notice, NoticeBatch, NumberSequence, Recipient


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    list_display = ("title", "issued_number", "state", "issued_on")
    search_fields = ("title", "code")
    list_filter = ("state", "kind")

    @admin.display(description="发文字号")
    def issued_number(self, notice: Notice) -> str:
        return notice.number


@admin.register(Recipient)
class RecipientAdmin(ReadOnly):
    list_display = ("name", "notice", "confirmed_at")
    search_fields = ("name", "notice__title")


@admin.register(NumberSequence)
class NumberSequenceAdmin(ReadOnly):
    list_display = ("code", "year", "last")
    search_fields = ("code",)


@admin.register(NoticeBatch)
class NoticeBatchAdmin(ReadOnly):
    list_display = ("notice", "job", "created_at")
    search_fields = ("notice__title",)
