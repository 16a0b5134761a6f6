"""Drawing all parts of a notice as PDF, in the background, one part at a time."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from django.db import transaction

from core.documents import Renderer, document_docx
from core.jobs import Run, enqueue
from core.services import Refused, open_file, store
from notices.documents import letter_of, part_of
from notices.enums import NoticeState
from notices.models import Notice, NoticeBatch, Recipient

# Files of one state are equal byte for byte, whenever they were packed.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@transaction.atomic
def start_batch(*, notice: Notice, by: Any) -> NoticeBatch:
    """Draw (again) the letter and every 告知单 of an issued notice; the job ends with one zip."""
    locked = Notice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
    if locked.state != NoticeState.ISSUED:
        raise Refused("公文印发后才能成批制作告知单。", code="draft")
    from notices.tasks import draw_notice  # the task imports the services

    job = enqueue(
        draw_notice,
        key=str(locked.pk),
        title=f"制作告知单：{locked.number}",
        by=by,
        total=locked.recipients.count() + 1,
        unit="份",
        notice=locked.pk,
    )
    locked.recipients.filter(pdf__isnull=False).update(pdf=None)
    return NoticeBatch.objects.create(notice=locked, job=job)


def draw_parts(run: Run) -> dict[str, Any]:
    """The job: parts that are drawn already stay; killed anywhere and run again, the files are the same."""
    notice = Notice.objects.get(pk=run.params["notice"])
    recipients = list(notice.recipients.select_related("notice").order_by("pk"))
    renderer = Renderer()
    for done, recipient in enumerate(recipients):
        run.progress(done, total=len(recipients) + 1, message=f"正在制作：{recipient.name}")
        if recipient.pdf_id is None:
            stored = store([renderer.document(part_of(recipient))])
            with run.transaction():
                Recipient.objects.filter(pk=recipient.pk, pdf__isnull=True).update(pdf=stored)
    run.progress(len(recipients), message="正在装订正文和压缩包")
    with tempfile.TemporaryDirectory() as directory:
        letter = letter_of(notice)
        files = {
            f"{notice.number}.pdf": renderer.document(letter),
            f"{notice.number}.docx": _steady(document_docx(letter)),
        }
        for name, content in files.items():
            path = Path(directory) / "piece"
            path.write_bytes(content)
            run.add_file(path, name)
        packed = Path(directory) / "parts.zip"
        _pack(packed, notice, files)
        run.add_file(packed, f"{notice.number} 告知单.zip")
    return {"notice": notice.pk, "parts": len(recipients)}


def _steady(package: bytes) -> bytes:
    """An Office package without the moments at which its members were written."""
    steady = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as given, zipfile.ZipFile(steady, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in given.infolist():
            archive.writestr(zipfile.ZipInfo(member.filename, _EPOCH), given.read(member), zipfile.ZIP_DEFLATED)
    return steady.getvalue()


def _pack(target: Path, notice: Notice, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
        for place, recipient in enumerate(notice.recipients.select_related("pdf").order_by("pk"), start=1):
            if recipient.pdf is None:
                raise RuntimeError(f"part {recipient.pk} was not drawn")
            name = re.sub(r'[\\/:*?"<>|]', "_", recipient.name)
            with open_file(recipient.pdf) as source:
                archive.writestr(zipfile.ZipInfo(f"{place:03d} {name}.pdf", _EPOCH), source.read())
