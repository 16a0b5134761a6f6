"""A web process of the house, without its pages: takes one step after another, each in a forked process of its own.

Reads one line of JSON per step: {"step", "arguments", "moment"}; answers {"ended": "done" | "killed" | "failed",
"answer", "steps"}. With a moment the step's process dies there by SIGKILL, as a request's process would.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import django


def _take(step: str, arguments: list[Any], moment: int | None, answer: int) -> None:
    """In the forked process: never returns."""
    from django.db import connection

    from tests.system.faults import county
    from tests.system.faults.dump import dump
    from tests.system.faults.moments import die, steps

    code = 1
    try:
        steps.arm(moment, die)
        told = dump() if step == "dump" else getattr(county, step)(*arguments)
        if steps.moment is not None:
            die()
        with os.fdopen(answer, "w") as out:
            json.dump({"answer": told, "steps": steps.count}, out)
        connection.close()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            _take(asked["step"], asked["arguments"], asked["moment"], write)
        os.close(write)
        with os.fdopen(read) as told:
            text = told.read()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        ended = {0: "done", -signal.SIGKILL: "killed"}.get(code, "failed")
        print(json.dumps({"ended": ended, **json.loads(text or "{}")}), flush=True)


if __name__ == "__main__":
    django.setup()
    print("ready", flush=True)
    _serve()
