"""States of an official notice."""

from django.db.models import TextChoices


class NoticeState(TextChoices):
    DRAFT = "draft", "拟稿"
    ISSUED = "issued", "已印发"
