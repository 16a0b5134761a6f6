"""What the REST doors share: cursor pagination and one shape of error body, {"code", "message", "fields"}."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.pagination import CursorPagination as BaseCursorPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler as base_handler

from core.services.moving import Refused


class CursorPagination(BaseCursorPagination):
    ordering = "pk"
    page_size_query_param = "page_size"
    max_page_size = 500


class OnlyVisible:
    """Before a viewset: rows the caller may see, as `visible` answers; the schema is drawn with nobody signed in."""

    serializer_class: Any

    def visible(self) -> QuerySet[Any]:
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return QuerySet(model=self.serializer_class.Meta.model).none()
        return self.visible()


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal as {"code","message","fields"}; an unexpected error stays a 500 page."""
    if isinstance(error, Refused):
        return Response({"code": error.code, "message": error.reason, "fields": {}}, status=409)
    response = base_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError) and isinstance(error.detail, dict):
        fields = {name: [str(m) for m in messages] for name, messages in error.detail.items()}
        response.data = {"code": "invalid", "message": "提交的内容有误。", "fields": fields}
        return response
    detail = getattr(error, "detail", None)
    code = error.get_codes() if isinstance(error, APIException) else "not_found"
    response.data = {
        "code": code if isinstance(code, str) else "invalid",
        "message": str(detail) if detail is not None else "没有找到。",
        "fields": {},
    }
    return response
