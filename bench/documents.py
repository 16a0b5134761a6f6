"""101 告知单: prepared fonts against the full Noto CJK collections. Same HTML, same process; only the fonts differ.

First proves that both sides print the same text, then times them alternately, then asks a worker process of each side
for its peak memory.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from bench.harness import ROOT, Row, alternate, main, prove, row

# Rows of the table → (bound, slips, times): a slow case is reported on a slice.
CASES = {3: ("≥ 2", 101, 5), 10: ("≥ 1.5", 101, 2), 40: ("", 21, 1)}


def slips(rows: int, number_of: int = 101) -> list[str]:
    """The HTML of 101 告知单 with `rows` rows each, all different."""
    from core.documents import Column, Kind, ListSheet, Paragraph, Table, document_html

    columns = [
        Column("序号", Kind.CENTRE, 0.5),
        Column("项目名称", width=3),
        Column("指标文号", width=2),
        Column("收回金额", Kind.MONEY, 1.3),
    ]
    pages = []
    for number in range(1, number_of + 1):
        amounts = [Decimal(10_000 * number + 100 * row) for row in range(rows)]
        lines = [
            [row + 1, f"第{number}单位农村公路养护工程（黄垟乡第{row + 1}标段）", f"青财预〔2023〕{row + 1}号", amount]
            for row, amount in enumerate(amounts)
        ]
        sheet = ListSheet(
            title=f"青田县财政局收回2023年度项目资金告知单（第{number}单位）",
            recipients=[f"青田县第{number}单位"],
            before=[
                Paragraph("根据预算执行情况和会审意见，经研究决定收回你单位下列项目资金，请及时办理指标调整手续。")
            ],
            table=Table(columns, lines, total=["", "合计", "", sum(amounts, Decimal(0))], unit="万元"),
            after=[Paragraph("特此告知。")],
            signed_by="青田县财政局",
            signed_on=date(2023, 11, 8),
        )
        pages.append(document_html(sheet))
    return pages


def render(side: str, pages: list[str]) -> list[bytes]:
    """One batch, as a worker does it: a new renderer, then page after page."""
    from core.documents import Renderer
    from core.documents.fonts import prepared_fonts, system_fonts

    renderer = Renderer(prepared_fonts() if side == "prepared" else system_fonts())
    return [renderer.pdf(page, base="list") for page in pages]


def text(pdf: bytes) -> list[str]:
    import pypdf

    return ["".join(page.extract_text().split()) for page in pypdf.PdfReader(BytesIO(pdf)).pages]


def compare(rows_of_table: int) -> Row:
    bound, number_of, times = CASES[rows_of_table]
    pages = slips(rows_of_table, number_of)
    made = {side: render(side, pages) for side in ("prepared", "system")}
    for number, (ours, theirs) in enumerate(zip(made["prepared"], made["system"], strict=True), start=1):
        prove(text(ours) == text(theirs), f"告知单 {number} with {rows_of_table} rows: different text")
    size = {side: sum(map(len, pdfs)) // len(pdfs) // 1024 for side, pdfs in made.items()}
    del made
    taken = alternate(
        {"prepared": lambda: render("prepared", pages), "system": lambda: render("system", pages)}, times=times
    )
    return row(
        "documents",
        f"{number_of} 告知单 with {rows_of_table} table rows, prepared fonts against full Noto CJK",
        ours=taken["prepared"],
        peer=taken["system"],
        bound=bound,
        note=f"a PDF has {size['prepared']} KiB, {size['system']} KiB",
    )


def peak(side: str) -> float:
    """MiB that a process of its own needs at most for 101 slips of three rows."""
    command = [sys.executable, "-m", "bench.documents", "--worker", side]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return int(told) / 1024


def worker(side: str) -> None:
    """Render one batch and print this process's peak memory in KiB."""
    import django

    django.setup()
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    render(side, slips(3))
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def rows() -> list[Row]:
    from core.documents import prepare_fonts

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    prepare_fonts()
    memory = row(
        "documents",
        "peak memory of a worker, 101 告知单 with 3 table rows",
        ours=peak("prepared"),
        peer=peak("system"),
        bound="≤ 0.5",
        unit="MiB",
    )
    return [*map(compare, CASES), memory]


if __name__ == "__main__":
    if "--worker" in sys.argv:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")
        worker(sys.argv[-1])
    else:
        main(rows)
