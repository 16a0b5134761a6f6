"""What every bench shares: sides timed alternately, a ratio held against a bound, rows for docs/benchmarks.md.

A bench is a module with `rows() -> list[Row]`; `python -m bench.<name>` runs it alone. It first proves that both
sides end in the same state and exits with a message where they do not.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """One line of the table. `ours` and `peer` are medians in `unit`; `bound` reads like "≤ 2" or "≥ 15", or "".

    `ratio` is what the bound speaks of: ours ÷ peer for a floor ("≤"), peer ÷ ours for a slower peer ("≥").
    """

    bench: str
    what: str
    ours: float
    peer: float
    unit: str
    ratio: float
    bound: str
    passed: bool
    note: str = ""


def row(bench: str, what: str, *, ours: float, peer: float, bound: str = "", unit: str = "s", note: str = "") -> Row:
    """Hold medians against `bound`: "≤ N" limits ours ÷ peer, "≥ N" demands peer ÷ ours; "" only reports the latter."""
    ratio = ours / peer if bound.startswith("≤") else peer / ours
    limit = float(bound[1:]) if bound else None
    passed = limit is None or (ratio <= limit if bound.startswith("≤") else ratio >= limit)
    return Row(bench, what, ours, peer, unit, ratio, bound, passed, note)


def alternate(sides: dict[str, Callable[[], object]], *, times: int) -> dict[str, float]:
    """Run the sides in turn, `times` times each; returns each side's median in seconds."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(times):
        for name, side in sides.items():
            gc.collect()
            start = time.perf_counter()
            side()
            taken[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in taken.items()}


def prove(equal: bool, message: str) -> None:
    """Both sides must end in the same state before anything is timed."""
    if not equal:
        sys.exit(f"FAIL: {message}")


def show(rows: list[Row]) -> None:
    for r in rows:
        verdict = "PASS" if r.passed else "FAIL"
        print(
            f"{verdict if r.bound else 'info'}  {r.bench}: {r.what}: ours {r.ours:.4g} {r.unit}, peer {r.peer:.4g} "
            f"{r.unit}, ratio {r.ratio:.2f} {f'(bound {r.bound})' if r.bound else ''} {r.note}",
            flush=True,
        )


def main(rows: Callable[[], list[Row]]) -> None:
    """The command line of one bench: prints its rows, `--json FILE` keeps them, exit 1 where a bound is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")
    # A database of its own for each bench: neither the demonstration nor the bureau's is touched.
    os.environ["DATABASE"] = f"bench_{Path(sys.argv[0]).stem}"
    sys.path.insert(0, str(ROOT))
    import django

    from qingtian_perf import embedded

    with ExitStack() as stack:
        stack.enter_context(embedded.lease())
        django.setup()
        found = rows()
    show(found)
    if given.json:
        given.json.write_text(json.dumps([asdict(r) for r in found], ensure_ascii=False, indent=1))
    sys.exit(0 if all(r.passed for r in found) else 1)
