"""The file store: type by content, a cap, each content once, private; served only by an owner's view."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from openpyxl import Workbook

from core.models import Job, JobFile, StoredFile
from core.services import Refused, open_file, store
from core.services.files import path_of
from organisations.enums import Role
from tests.factories import user_with

pytestmark = pytest.mark.django_db
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(autouse=True)
def own_directory(settings: object, tmp_path: Path) -> Path:
    settings.FILES_ROOT = tmp_path / "files"
    return settings.FILES_ROOT


def package(*members: str) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for member in members:
            made.writestr(member, "<x/>")
    return content.getvalue()


def xlsx() -> bytes:
    content = BytesIO()
    Workbook().save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"),
        (xlsx(), XLSX),
        (package("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
        (package("a.txt"), "application/zip"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "text/html"),
        ("项目,金额\n".encode(), "text/plain"),
        ("项目,金额\n".encode("gb18030"), "text/plain"),
        (b"\x00\x01\x02\x03" * 9, "application/octet-stream"),
        (b"MZ\x90\x00" + b"\0" * 60, "application/x-msdownload"),
    ],
)
def test_the_type_is_judged_by_content(content: bytes, expected: str) -> None:
    assert store(BytesIO(content)).content_type == expected


def test_the_same_content_is_stored_once(own_directory: Path) -> None:
    first, again = store(BytesIO(b"evidence")), store([b"evi", b"dence"])
    assert first == again
    assert first.sha256 == hashlib.sha256(b"evidence").hexdigest()
    assert first.size == 8
    assert StoredFile.objects.count() == 1
    assert [p for p in own_directory.rglob("*") if p.is_file()] == [path_of(first.sha256)]
    with open_file(first) as source:
        assert source.read() == b"evidence"


def test_above_the_cap_nothing_is_kept(own_directory: Path) -> None:
    assert store(BytesIO(b"x" * 1000), limit=1000).size == 1000
    before = sorted(own_directory.rglob("*"))
    with pytest.raises(Refused, match="未保存") as refused:
        store(BytesIO(b"y" * 1001), limit=1000)
    assert refused.value.code == "too_large"
    assert sorted(own_directory.rglob("*")) == before
    assert StoredFile.objects.count() == 1


def test_the_usual_cap_is_the_settings(settings: object) -> None:
    settings.UPLOAD_LIMIT = 10
    with pytest.raises(Refused):
        store(BytesIO(b"x" * 11))


def test_a_source_that_breaks_off_leaves_nothing(own_directory: Path) -> None:
    def broken():
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store(broken())
    assert [p for p in own_directory.rglob("*") if p.is_file()] == []
    assert not StoredFile.objects.exists()


def test_files_are_private_on_the_disk() -> None:
    path = path_of(store(BytesIO(b"private")).sha256)
    for directory in (path.parent, path.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_no_route_serves_a_stored_file_by_itself() -> None:
    """Files lie under no URL: neither MEDIA_URL nor a pattern that takes a hash or a path into the store."""
    assert not settings.MEDIA_ROOT
    parameters: set[str] = set()

    def walk(patterns: list) -> None:
        for entry in patterns:
            parameters.update(str(name) for name in getattr(entry.pattern, "converters", {}))
            if isinstance(entry, URLResolver):
                walk(entry.url_patterns)
            else:
                assert isinstance(entry, URLPattern)

    walk(get_resolver().url_patterns)
    assert not {"sha256", "hash", "path"} & parameters


def test_a_file_is_served_by_its_owners_view_as_a_download_only() -> None:
    starter, stranger = user_with(Role.DEPARTMENT_REVIEWER), user_with(Role.DEPARTMENT_REVIEWER)
    job = Job.objects.create(kind="test", key="1", title="作业", started_by=starter)
    page = store(BytesIO(b"<!DOCTYPE html><script>alert(1)</script>"))
    file = JobFile.objects.create(job=job, file=page, name="结果.html")
    address = reverse("job_file", args=[job.pk, file.pk])
    client = Client()
    assert client.get(address).status_code == 302
    client.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(address).status_code == 404
    client.force_login(starter, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(address)
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"".join(response.streaming_content) == b"<!DOCTYPE html><script>alert(1)</script>"
