"""Where a process dies: at the n-th of its steps in the database, by SIGKILL of its own.

A step is a statement about to be sent, and each COMMIT twice: about to be sent, and answered. Between them lies
everything else that a job does (files, documents), so steps spread over a job are moments spread over it. A worker
process is given this module with `-I`; which job it dies in, and where, stands in a plan file.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, task_prerun
from django.db import connection

# A message that came twice finds its job held or done and stops after one look at it.
_ONE_LOOK = 4


def plan_file() -> Path:
    return Path(os.environ["FAULTS_DIR"]) / "plan.json"


def counts_file() -> Path:
    return Path(os.environ["FAULTS_DIR"]) / "counts.json"


def reached_file() -> Path:
    """Stands while a process waits at its moment instead of dying there."""
    return Path(os.environ["FAULTS_DIR"]) / "reached"


class Steps:
    """Counts this process's steps and calls `at_moment` at the one that was asked for (None: only counts)."""

    def __init__(self) -> None:
        self.count = 0
        self.moment: int | None = None
        self.at_moment: Callable[[], None] = lambda: None
        self._installed = False

    def arm(self, moment: int | None, at_moment: Callable[[], None]) -> None:
        if not self._installed:
            self._install()
        self.count, self.moment, self.at_moment = 0, moment, at_moment

    def disarm(self) -> None:
        self.moment = None

    def step(self) -> None:
        self.count += 1
        if self.count == self.moment:
            self.moment = None
            self.at_moment()

    def _install(self) -> None:
        def statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            self.step()
            return execute(sql, params, many, context)

        commit = connection._commit

        def counted_commit() -> None:
            self.step()
            commit()
            self.step()

        connection.execute_wrappers.append(statement)
        connection._commit = counted_commit  # type: ignore[method-assign]
        self._installed = True


steps = Steps()


def die() -> None:
    """SIGKILL for this process alone."""
    os.kill(os.getpid(), signal.SIGKILL)


def _die_with_everybody() -> None:
    """SIGKILL for the worker: its main process, its pool and its beat, all in the same instant."""
    plan_file().unlink()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _wait() -> None:
    plan_file().unlink()
    reached_file().touch()
    while reached_file().exists():
        time.sleep(0.02)


def plan(job: int, moment: int | None, *, wait: bool = False) -> None:
    """Have the worker that takes up `job` die (or wait) at `moment`; None: have its steps counted."""
    counts_file().unlink(missing_ok=True)
    draft = plan_file().with_suffix(".new")
    draft.write_text(json.dumps({"job": job, "moment": moment, "wait": wait}))
    draft.replace(plan_file())


@task_prerun.connect
def _begin(args: Any = (), **_: Any) -> None:
    steps.disarm()
    try:
        planned = json.loads(plan_file().read_text())
    except FileNotFoundError:
        return
    if list(args) == [planned["job"]]:
        steps.arm(planned["moment"], _wait if planned["wait"] else _die_with_everybody)


@task_postrun.connect
def _end(args: Any = (), **_: Any) -> None:
    """After the job has ended and before its message is acknowledged: the last moment there is."""
    if not plan_file().exists() or list(args) != [json.loads(plan_file().read_text())["job"]]:
        return
    if steps.count <= _ONE_LOOK:
        return
    if steps.moment is not None:
        _die_with_everybody()
    counts_file().write_text(json.dumps(steps.count))
    plan_file().unlink()
