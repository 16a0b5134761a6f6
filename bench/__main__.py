"""All benches, each in a process of its own; writes docs/benchmarks.md. Exit 1 where one fails or misses a bound."""

import json
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.harness import ROOT

BENCHES = ("import_projects", "recovery", "documents", "pages")
PACKAGES = ("Django", "psycopg2-binary", "python-calamine", "django-import-export", "weasyprint", "gunicorn")


def main() -> int:
    chosen = sys.argv[1:] or list(BENCHES)
    rows: list[dict] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        for name in chosen:
            kept = Path(directory) / f"{name}.json"
            start = time.monotonic()
            subprocess.run([sys.executable, "-m", f"bench.{name}", "--json", str(kept)], cwd=ROOT, check=False)
            print(f"      {name} took {time.monotonic() - start:.0f} s", flush=True)
            if kept.exists():
                rows += json.loads(kept.read_text())
            else:
                broken.append(name)
    if chosen == list(BENCHES):
        (ROOT / "docs" / "benchmarks.md").write_text(page(rows, broken))
    return 1 if broken or not all(row["passed"] for row in rows) else 0


def page(rows: list[dict], broken: list[str]) -> str:
    """The table with versions and commit."""
    lines = [
        f"| {r['bench']} | {r['what']} | {r['ours']:.4g} {r['unit']} | {r['peer']:.4g} {r['unit']} | {r['ratio']:.2f} "
        f"| {r['bound'] or 'reported'} | {('PASS' if r['passed'] else 'FAIL') if r['bound'] else '—'} | {r['note']} |"
        for r in rows
    ]
    lines += [f"| {name} | did not finish | | | | | FAIL | |" for name in broken]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`; every figure is a median of alternated runs in one session, and what counts is",
            "the ratio. Each bench first proves that both sides end in the same state.",
            "",
            f"- {datetime.now(UTC):%Y-%m-%d}, commit {commit.strip()}, Python {platform.python_version()}, "
            f"{platform.machine()}, {_cores()} cores",
            f"- PostgreSQL 18 and Redis embedded; {packages}",
            "",
            "| bench | what | ours | floor or peer | ratio | bound | | note |",
            "|---|---|---|---|---|---|---|---|",
            *lines,
            "",
            'Bounds "≤" hold ours ÷ floor, bounds "≥" hold peer ÷ ours.',
            "",
        ]
    )


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    sys.exit(main())
