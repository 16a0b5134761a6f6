"""Jobs for the tests of `core.jobs`, imported by a real worker process."""

import time

from core.jobs import Run, job
from core.models import Draft


@job("tests.count_slowly")
def count_slowly(run: Run) -> dict[str, int]:
    """Writes one draft per piece; a piece that is already there is not written again."""
    pieces = run.params["pieces"]
    run.progress(0, total=pieces)
    for piece in range(pieces):
        with run.transaction():
            Draft.objects.get_or_create(user_id=run.params["user"], form=f"piece:{piece}")
        run.progress(piece + 1, message=f"第 {piece + 1} 件")
        time.sleep(run.params.get("pause", 0))
    return {"pieces": pieces}


@job("tests.fail")
def fail(run: Run) -> None:
    raise ValueError("secret detail")
