"""Background jobs of recovery."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from core.jobs import Run, job


@job("monitoring.compute_run")
def compute_run(run: Run) -> dict[str, Any]:
    from monitoring import services

    run.progress(0, message="正在按规则测算……")
    lines = services.compute(run_id=run.params["run"], guard=run.transaction())
    return {"run": run.params["run"], "lines": lines}


@shared_task(name="monitoring.match_imports", expires=300)
def match_imports() -> int:
    """What an import brought is matched with the waiting lines without anybody asking."""
    from monitoring import services

    return services.match_waiting()
