"""Kinds of entries of the history."""

from django.db.models import TextChoices


class DeedKind(TextChoices):
    OPINION = "opinion", "收回意见"
    STEP = "step", "流转办理"
    RECEIVED = "received", "收到公文"
    ISSUED = "issued", "印发公文"
