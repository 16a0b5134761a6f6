"""COPY into a staging table keeps every character and every NULL."""

import random

import pytest
from django.db import connection, transaction

from core.bulk import stage

NASTY = ["", "\\", "\\N", "a\tb", "line\nbreak", "\r", "'quote'", "祯埠", "NULL", None, "x" * 70_000]


@pytest.mark.django_db
def test_text_survives_the_copy():
    with transaction.atomic():
        count = stage("staged_test", [("n", "int"), ("body", "text")], enumerate(NASTY))
        with connection.cursor() as cursor:
            cursor.execute("SELECT body FROM staged_test ORDER BY n")
            assert [row[0] for row in cursor.fetchall()] == NASTY
    assert count == len(NASTY)


@pytest.mark.django_db
def test_many_rows_in_blocks():
    rows = [(n, "字" * random.Random(n).randrange(200)) for n in range(5_000)]
    with transaction.atomic():
        assert stage("staged_many", [("n", "int"), ("body", "text")], iter(rows)) == 5_000
        with connection.cursor() as cursor:
            cursor.execute("SELECT n, body FROM staged_many ORDER BY n")
            assert cursor.fetchall() == rows
