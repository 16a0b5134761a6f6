"""Password rules (GB/T 22239-2019 8.1.4.1: complexity, regular change) and temporary passwords."""

from __future__ import annotations

import secrets
import string
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, get_hasher, make_password
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError

_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
# Without letters and digits that are misread when a temporary password is told over the phone.
_CLEAR = tuple("".join(c for c in letters if c not in "l1IO0o") for letters in _CLASSES)


class LongEnoughValidator(MinimumLengthValidator):
    """Django's rule; its message has no Chinese text in Django 5.2."""

    def get_error_message(self) -> str:
        return f"密码至少须有 {self.min_length} 个字符。"

    def get_help_text(self) -> str:
        return self.get_error_message()


class ThreeClassesValidator:
    """At least three of: lower case, upper case, digits, other signs."""

    def validate(self, password: str, user: Any = None) -> None:
        held = sum(any(c in letters for c in password) for letters in _CLASSES)
        held += any(all(c not in letters for letters in _CLASSES) for c in password)
        if held < 3:
            raise ValidationError(self.get_help_text(), code="password_too_plain")

    def get_help_text(self) -> str:
        return "密码须包含小写字母、大写字母、数字、其他符号中的至少三类。"


class NotRecentValidator:
    """Not the present password nor one of those before it, `remembered` in all."""

    def __init__(self, remembered: int = 5) -> None:
        self.remembered = remembered

    def validate(self, password: str, user: Any = None) -> None:
        if user is None or not user.pk:
            return
        earlier = user.password_history.values_list("password", flat=True)[: self.remembered - 1]
        if any(check_password(password, hashed) for hashed in (user.password, *earlier) if hashed):
            raise ValidationError(self.get_help_text(), code="password_used_before")

    def get_help_text(self) -> str:
        return f"不能使用最近 {self.remembered} 次用过的密码。"


def temporary_password(length: int = 12) -> str:
    """A random password that obeys the rules and can be read out."""
    letters = [secrets.choice(group) for group in _CLEAR]
    letters += [secrets.choice("".join(_CLEAR)) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def hash_temporary(password: str) -> str:
    """The hash of a random temporary password, for many accounts at once.

    Its 70 random bits need no slow hash; the first login replaces it by one of the usual strength.
    """
    hasher = get_hasher()
    if isinstance(hasher, PBKDF2PasswordHasher):
        return hasher.encode(password, hasher.salt(), iterations=20_000)
    return make_password(password)
