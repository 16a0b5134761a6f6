"""Processes killed at any moment: what is stored afterwards equals an undisturbed run.

The county of `faults.county` is gone through once undisturbed; before each stage its database and files are kept, and
each stage's steps in the database are counted. Then every moment begins with what was kept, the process that does the
stage kills itself by SIGKILL at that step, another one starts, and in the end the same must be there as undisturbed.
Imports, computation and documents are jobs of a real worker, killed with its pool and its beat, and taken up by the
next one without anybody's help. Decision and execution are done within a request: that process is killed, and the
person presses the same buttons again.

Compared: every row of every business table, history and jobs included, and every stored file by its name, which is
the SHA-256 of its content. `faults.dump` says what is left out of a row. Of the files only what a killed process had
begun to receive (`.incoming-…`) is left out: nothing refers to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2 import errors
from redis import Redis

from qingtian_perf import embedded
from tests.system.conftest import ROOT, House, ready, wait_for

pytestmark = pytest.mark.system

DATABASE = "faults"
PATIENCE = 120
# A holder that is silent so long has lost its job. The worker's beat looks twice in that time.
SILENT_SECONDS = "2"

# The stages: what comes before it is kept, what the stage is, at how many moments it is killed.
STAGES: dict[str, tuple[tuple[str, ...], str, int]] = {
    "projects": (("people", "check_projects"), "import_checked", 2),
    "ledger": (("check_ledger",), "import_checked", 3),
    "computation": ((), "compute", 4),
    "decision": (("consult",), "decide", 3),
    "execution": (("before_execution",), "execute", 4),
    "documents": (("send_notice",), "draw", 4),
}
BY_PEOPLE = ("decision", "execution")
MOMENTS = [(stage, nth) for stage, (_, _, count) in STAGES.items() for nth in range(count)]


class Stand:
    """A house with one scratch database, its files, a worker, and a process in which people's steps run."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.files = house.local / "case-files"
        self.kept = house.local / "kept"
        self.sockets = house.local / "sockets"
        self.worker: subprocess.Popen[str] | None = None
        self.steps: dict[str, int] = {}
        self.answers: dict[str, Any] = {}
        self.after: dict[str, dict[str, Any]] = {}
        (house.local / "faults").mkdir(parents=True)
        house.env |= {
            "DATABASE_URL": f"postgres://postgres@{quote(str(self.sockets), safe='')}/{DATABASE}",
            "REDIS_URL": f"unix://{quote(str(self.sockets / 'redis.sock'))}?db=5",
            "DJANGO_SETTINGS_MODULE": "qingtian_perf.settings.local",
            "QINGTIAN_FILES": str(self.files),
            "FAULTS_DIR": str(house.local / "faults"),
            "JOB_SILENT_SECONDS": SILENT_SECONDS,
        }
        self.files.mkdir()
        self.kept.mkdir()

    # ----- the database and the files -----

    def sql(self, *statements: str) -> None:
        other = psycopg2.connect(host=str(self.sockets), user="postgres", dbname="postgres")
        other.autocommit = True
        try:
            with other.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            other.close()

    def keep(self, stage: str) -> None:
        """Keep what there is before `stage`. The worker's beat looks in for an instant now and then."""

        def copied() -> bool:
            try:
                self.sql(f"CREATE DATABASE before_{stage} TEMPLATE {DATABASE}")
            except errors.ObjectInUse:
                return False
            return True

        assert wait_for(copied, PATIENCE)
        shutil.copytree(self.files, self.kept / stage)

    def restore(self, stage: str) -> None:
        """Everything as it was before `stage`; Redis empty, which it may be at any time."""
        self.sql(f"DROP DATABASE {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE} TEMPLATE before_{stage}")
        shutil.rmtree(self.files)
        shutil.copytree(self.kept / stage, self.files)
        with Redis.from_url(self.house.env["REDIS_URL"]) as redis:
            redis.flushdb()
        for left in (self.house.local / "faults").iterdir():
            left.unlink()

    def state(self) -> dict[str, Any]:
        """Every row of every business table and every file."""
        stored = {}
        for path in self.files.rglob("*"):
            if path.is_file() and not path.name.startswith(".incoming-"):
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
                stored[path.name] = path.stat().st_size
        return {"rows": self.person("dump")["answer"], "files": stored}

    def row(self, sql: str) -> Any:
        """The one row of a question to the scratch database."""
        other = psycopg2.connect(host=str(self.sockets), user="postgres", dbname=DATABASE)
        try:
            with other.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()
        finally:
            other.close()

    # ----- the processes -----

    def start_person(self) -> None:
        command = [sys.executable, "-m", "tests.system.faults.person"]
        with (self.house.local / "person.log").open("a") as log:
            self._person = ready(self.house.start(command, stderr=log))

    def person(self, step: str, *arguments: Any, moment: int | None = None) -> dict[str, Any]:
        """One step of a person, in a process of its own; `moment` is where that process dies."""
        assert self._person.stdin and self._person.stdout
        self._person.stdin.write(json.dumps({"step": step, "arguments": arguments, "moment": moment}) + "\n")
        self._person.stdin.flush()
        told: dict[str, Any] = json.loads(self._person.stdout.readline())
        assert told["ended"] == ("done" if moment is None else "killed"), (step, told, self.log("person"))
        return told

    def start_worker(self) -> None:
        """The worker as it is run, with its beat; silent jobs are looked for every second."""
        command = [sys.executable, "-m", "celery", "-A", "qingtian_perf", "worker", "-B", "-c", "1"]
        command += ["--without-gossip", "--without-mingle", "-l", "warning", "-I", "tests.system.faults.moments"]
        command += ["-s", str(self.house.local / "beat")]
        with (self.house.local / "worker.log").open("a") as log:
            self.worker = self.house.start(command, stdout=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def living_worker(self) -> None:
        if self.worker is None or self.worker.poll() is not None:
            self.start_worker()

    def wait_for_death(self) -> None:
        """The worker dies at its moment, all of it."""
        assert self.worker is not None
        assert wait_for(lambda: self.worker.poll() is not None, PATIENCE), self.log("worker")
        assert self.worker.returncode == -signal.SIGKILL
        assert wait_for(lambda: not self._group(), 5), self.house.processes()

    def _group(self) -> bool:
        """Whether anybody of the worker's group is left."""
        assert self.worker is not None
        try:
            os.killpg(self.worker.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill_worker(self) -> None:
        if self.worker is not None and self._group():
            os.killpg(self.worker.pid, signal.SIGKILL)
            self.worker.wait()

    def until_ended(self, job: int) -> int:
        """Wait until the job is done; returns how often it was taken up."""

        def state() -> Any:
            return self.row(f"SELECT state, fence FROM core_job WHERE id = {int(job)}")

        wait_for(lambda: state()[0] not in ("queued", "running"), PATIENCE)
        ended, fence = state()
        assert ended == "done", (ended, self.log("worker"))
        return int(fence)

    def counted(self) -> int:
        """The steps of the job that has just ended."""
        counts = self.house.local / "faults" / "counts.json"
        assert wait_for(counts.exists, PATIENCE), self.log("worker")
        return int(wait_for(counts.read_text, PATIENCE))  # type: ignore[call-overload]

    def log(self, name: str) -> str:
        path = self.house.local / f"{name}.log"
        return path.read_text()[-4000:] if path.exists() else ""

    # ----- undisturbed -----

    def go_through(self) -> None:
        """The whole way once: keep what is before each stage, count its steps, note what is there after it."""
        for stage, (before, step, _) in STAGES.items():
            for name in before:
                self.answers[stage] = self.person(name)["answer"]
            self.keep(stage)
            if stage in BY_PEOPLE:
                self.steps[stage] = self.person(step, *self.asked(stage))["steps"]
            else:
                self.living_worker()
                self.until_ended(self.person(step, None, False)["answer"])
                self.steps[stage] = self.counted()
            self.after[stage] = self.state()

    def asked(self, stage: str) -> list[Any]:
        """What the page before a person's stage showed."""
        return [self.answers[stage]] if stage == "execution" else []

    def moment(self, stage: str, nth: int) -> int:
        """The nth moment of a stage: the first is its first step, the last its last one, the others between."""
        return 1 + round(nth * (self.steps[stage] - 1) / (STAGES[stage][2] - 1))


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    house = House(Path(tempfile.mkdtemp(prefix="qingtian-house-")))
    place = Stand(house)
    fonts = embedded.places.local_dir() / "fonts"
    if fonts.exists():
        shutil.copytree(fonts, house.local / "fonts")
    try:
        lease = dict(house.env)
        for name in ("DATABASE_URL", "REDIS_URL"):
            del lease[name]
        servers = subprocess.Popen(
            [sys.executable, "-c", _LEASE],
            env=lease,
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        house.started.append(servers)
        ready(servers)
        # Processes are killed here, not the machine: what the server has written, the kernel keeps.
        place.sql("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        place.sql(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
        house.manage("migrate", "-v0", seconds=300)
        place.start_person()
        place.go_through()
        yield place
    finally:
        place.kill_worker()
        house.close()


_LEASE = """
import sys
from qingtian_perf import embedded
with embedded.lease("demo"):
    print("ready", flush=True)
    sys.stdin.read()
"""


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Told table by table, so that a difference can be read."""
    assert found["rows"].keys() == wanted["rows"].keys()
    for table, rows in wanted["rows"].items():
        assert found["rows"][table] == rows, table
    assert found["files"] == wanted["files"]


def test_the_undisturbed_run_did_everything(stand: Stand) -> None:
    assert len(MOMENTS) == 20
    rows = {table: len(found) for table, found in stand.after["documents"]["rows"].items()}
    assert rows["budgets_project"] == 60
    assert rows["budgets_ledgerentry"] > 480
    assert rows["budgets_heldentry"] == 1
    assert rows["budgets_commitment"] > 3
    assert rows["monitoring_opinion"] > 10
    assert rows["monitoring_recoveryline"] > 20
    assert rows["notices_recipient"] == 4
    assert rows["core_jobfile"] == 3
    shape = stand.person("shape")["answer"]
    assert shape["executed"] > 10
    assert shape["pending"] > 2
    assert shape["dropped"] > 2
    # Each stage changed something, and has room for its moments.
    states = list(stand.after.values())
    assert all(earlier != later for earlier, later in pairwise(states))
    assert all(len({stand.moment(stage, n) for n in range(STAGES[stage][2])}) == STAGES[stage][2] for stage in STAGES)


@pytest.mark.parametrize(("stage", "nth"), [m for m in MOMENTS if m[0] not in BY_PEOPLE])
def test_a_worker_killed_in_a_job(stand: Stand, stage: str, nth: int) -> None:
    stand.restore(stage)
    stand.living_worker()
    job = stand.person(STAGES[stage][1], stand.moment(stage, nth), False)["answer"]
    stand.wait_for_death()
    stand.start_worker()
    taken_up = stand.until_ended(job)
    # Before its first step nobody held the job yet; ever after it was taken up a second time.
    assert taken_up >= (2 if nth else 1)
    same(stand.state(), stand.after[stage])


@pytest.mark.parametrize(("stage", "nth"), [m for m in MOMENTS if m[0] in BY_PEOPLE])
def test_a_request_killed_in_a_persons_step(stand: Stand, stage: str, nth: int) -> None:
    stand.restore(stage)
    step = STAGES[stage][1]
    stand.person(step, *stand.asked(stage), moment=stand.moment(stage, nth))
    stand.person(step, *stand.asked(stage))
    same(stand.state(), stand.after[stage])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["stopped fast", "crashed"])
@pytest.mark.parametrize("nth", [1, 2], ids=["in the middle", "at the end"])
def test_postgresql_restarted_during_an_import_loses_nothing(stand: Stand, number: int, nth: int) -> None:
    """The worker stands still in its import while the server is restarted, and goes on by itself."""
    stand.restore("ledger")
    stand.living_worker()
    job = stand.person("import_checked", stand.moment("ledger", nth) - 2, True)["answer"]
    reached = stand.house.local / "faults" / "reached"
    assert wait_for(reached.exists, PATIENCE), stand.log("worker")
    postmaster = int((stand.house.local / "postgres" / "18" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, number)
    assert wait_for(lambda: restarted(stand, postmaster), PATIENCE)
    reached.unlink()
    assert stand.until_ended(job) >= 2
    same(stand.state(), stand.after["ledger"])


def restarted(stand: Stand, before: int) -> bool:
    """Whether another server answers than the one that was ended."""
    try:
        stand.sql("SELECT 1")
        lines = (stand.house.local / "postgres" / "18" / "postmaster.pid").read_text().split()
    except (psycopg2.OperationalError, FileNotFoundError):
        return False
    return bool(lines) and int(lines[0]) != before
