"""Background jobs of notices."""

from __future__ import annotations

from typing import Any

from core.jobs import Run, job


@job("notices.draw_notice")
def draw_notice(run: Run) -> dict[str, Any]:
    from notices import services

    return services.draw_parts(run)
