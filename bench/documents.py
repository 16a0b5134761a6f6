"""101 告知单: prepared fonts against the full Noto CJK collections. Same HTML, same process; only the fonts differ.

First proves that both sides print the same text, then times them alternately, then asks a worker process of each side
for its peak memory. Exit 1 when a bound is missed. `python bench/documents.py [--json]`
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")

SLIPS = 101
TIMES = 5
# rows of the table → how many times faster; None: reported only, on a slice and once.
BOUNDS: dict[int, float | None] = {3: 2.0, 10: 1.5, 40: None}
SLICE = 21
MEMORY_BOUND = 0.5


def slips(rows: int) -> list[str]:
    """The HTML of 101 告知单 with `rows` rows each, all different."""
    from core.documents import Column, Kind, ListSheet, Paragraph, Table, document_html

    columns = [
        Column("序号", Kind.CENTRE, 0.5),
        Column("项目名称", width=3),
        Column("指标文号", width=2),
        Column("收回金额", Kind.MONEY, 1.3),
    ]
    pages = []
    for number in range(1, (SLIPS if BOUNDS[rows] else SLICE) + 1):
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


def timed(side: str, pages: list[str]) -> float:
    gc.collect()
    start = time.perf_counter()
    render(side, pages)
    return time.perf_counter() - start


def worker(side: str, rows: int) -> None:
    """Render one batch and print this process's peak memory in KiB."""
    setup()
    render(side, slips(rows))
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def peak(side: str, rows: int) -> int:
    command = [sys.executable, __file__, "--worker", side, "--rows", str(rows)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def setup() -> None:
    import logging

    import django

    django.setup()
    logging.getLogger("weasyprint").setLevel(logging.ERROR)


def compare(rows: int) -> dict[str, object]:
    pages = slips(rows)
    both = {side: render(side, pages) for side in ("prepared", "system")}
    for number, (ours, theirs) in enumerate(zip(both["prepared"], both["system"], strict=True), start=1):
        if text(ours) != text(theirs):
            sys.exit(f"FAIL: 告知单 {number} with {rows} rows: the two sides print different text")
    sizes = {side: sum(map(len, made)) // len(made) for side, made in both.items()}
    del both
    times: dict[str, list[float]] = {"prepared": [], "system": []}
    for _ in range(TIMES if BOUNDS[rows] else 1):
        for side, taken in times.items():
            taken.append(timed(side, pages))
    ours, theirs = median(times["prepared"]), median(times["system"])
    bound = BOUNDS[rows]
    return {
        "what": f"{len(pages)} 告知单, {rows} rows",
        "prepared_s": round(ours, 2),
        "system_s": round(theirs, 2),
        "ratio": round(theirs / ours, 2),
        "bound": bound,
        "pdf_bytes": sizes,
        "passed": bound is None or theirs / ours >= bound,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", choices=["prepared", "system"])
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.rows)
        return 0
    setup()
    from core.documents import prepare_fonts

    prepare_fonts()
    results = []
    for rows in BOUNDS:
        results.append(compare(rows))
        print(results[-1], file=sys.stderr, flush=True)
    memory = {side: peak(side, 3) / 1024 for side in ("prepared", "system")}
    share = memory["prepared"] / memory["system"]
    results.append(
        {
            "what": "peak memory of a worker, 101 告知单, 3 rows",
            "prepared_mb": round(memory["prepared"]),
            "system_mb": round(memory["system"]),
            "ratio": round(share, 2),
            "bound": MEMORY_BOUND,
            "passed": share <= MEMORY_BOUND,
        }
    )
    if given.json:
        print(json.dumps(results, ensure_ascii=False))
    else:
        for result in results:
            verdict = "PASS" if result["passed"] else "FAIL"
            print(verdict, " ".join(f"{key}={value}" for key, value in result.items() if key != "passed"))
    return 0 if all(result["passed"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
