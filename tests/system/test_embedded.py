"""The keeper of the embedded servers: shared by its clients, gone with the last of them, whatever happens to any."""

import os
import signal
import stat
import sys
import tempfile
from pathlib import Path

import psycopg2
import pytest
import redis
from dj_database_url import parse

from qingtian_perf import embedded
from qingtian_perf.embedded import places
from tests.system.conftest import House, leave, ready, wait_for

pytestmark = pytest.mark.system

KEEPER = "qingtian_perf.embedded.keeper"


def ask(house: House, sql: str, database: str = "qingtian_demo") -> object:
    """One value from the house's PostgreSQL, over a connection of its own."""
    connection = psycopg2.connect(host=str(house.local / "sockets"), user="postgres", dbname=database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def test_two_clients_share_the_servers_and_the_last_one_stops_them(house: House) -> None:
    first, second = ready(house.client()), ready(house.client(database="bureau"))
    keeper = house.pid_of(KEEPER)
    leave(first)
    assert house.pid_of(KEEPER) == keeper
    assert ask(house, "SELECT current_setting('server_encoding') || current_setting('fsync')") == "UTF8on"
    assert ask(house, "SELECT datcollate FROM pg_database WHERE datname = 'qingtian_bureau'") == "C"
    with redis.Redis(unix_socket_path=str(house.local / "sockets" / "redis.sock")) as client:
        assert client.ping()
    leave(second)
    # No waiting here: the last client leaves only when the servers have stopped.
    assert house.processes() == {}


def test_a_killed_client_lets_go(house: House) -> None:
    client = ready(house.client())
    assert house.processes()
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert house.gone() == {}


def test_clients_that_arrive_while_the_servers_stop_are_served(house: House) -> None:
    code = (
        "import psycopg2\n"
        "from qingtian_perf import embedded\n"
        "for n in range(6):\n"
        "    with embedded.lease():\n"
        "        psycopg2.connect(embedded.database_url('qingtian_demo')).close()\n"
    )
    crowd = [house.start([sys.executable, "-c", code]) for _ in range(4)]
    for member in crowd:
        leave(member)
    assert house.processes() == {}


def test_data_outlives_a_killed_keeper_and_the_next_client_gets_a_new_one(house: House) -> None:
    first = ready(house.client())
    ask(house, "CREATE TABLE kept AS SELECT 42 AS value")
    old = house.pid_of(KEEPER)
    servers = [
        pid for pid, arguments in house.processes().items() if "redis-server" in arguments or " -D " in arguments
    ]
    assert len(servers) == 2
    os.kill(old, signal.SIGKILL)
    assert wait_for(lambda: not set(servers) & set(house.processes())), "the servers outlived their keeper"
    second = ready(house.client())
    assert house.pid_of(KEEPER) != old
    assert ask(house, "SELECT value FROM kept") == 42
    leave(first)
    leave(second)
    assert house.processes() == {}


def ended(pid: int) -> bool:
    """Dead to the last: a dying process loses its arguments before its locks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def answers(house: House) -> bool:
    try:
        return ask(house, "SELECT 1") == 1
    except psycopg2.OperationalError:
        return False


def test_a_long_lived_client_revives_a_killed_keeper(house: House) -> None:
    client = house.client(
        "import time\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        "for _ in range(20):\n    embedded.ensure_running()\n    time.sleep(0.1)"
    )
    ready(client)
    old = house.pid_of(KEEPER)
    os.kill(old, signal.SIGKILL)
    assert wait_for(lambda: ended(old))
    client.stdin.write("go\n")
    client.stdin.flush()
    ready(client)
    # The old server may still be going down; the new keeper starts another one after it.
    assert wait_for(lambda: answers(house))
    assert house.pid_of(KEEPER) != old
    leave(client)
    assert house.processes() == {}


def test_leftovers_that_do_not_listen_are_cleared_at_the_next_start(house: House) -> None:
    client = ready(house.client())
    stuck = house.pid_of("redis-server")
    os.kill(stuck, signal.SIGSTOP)
    os.kill(house.pid_of(KEEPER), signal.SIGKILL)
    client.kill()
    client.wait()
    assert wait_for(lambda: list(house.processes()) == [stuck]), house.processes()
    leave(ready(house.client()))
    assert house.processes() == {}


@pytest.mark.parametrize("server", [" -D ", "redis-server"])
def test_a_server_that_is_killed_comes_back(house: House, server: str) -> None:
    client = ready(house.client())
    old = house.pid_of(server)
    os.kill(old, signal.SIGKILL)
    assert wait_for(lambda: any(server in text and pid != old for pid, text in house.processes().items()))

    def answers() -> bool:
        try:
            with redis.Redis(unix_socket_path=str(house.local / "sockets" / "redis.sock")) as connection:
                return ask(house, "SELECT 1") == 1 and connection.ping()
        except (psycopg2.OperationalError, redis.ConnectionError):
            return False

    assert wait_for(answers)
    leave(client)
    assert house.processes() == {}


def test_the_lease_survives_fork(house: House) -> None:
    parent = ready(
        house.client(
            "if not os.fork():\n    sys.stdin.readline()\n    os._exit(0)\nprint('ready', flush=True)\nos._exit(0)"
        )
    )
    parent.wait()
    assert house.pid_of(KEEPER)
    assert ask(house, "SELECT 1") == 1
    parent.stdin.close()
    assert house.gone() == {}


def test_the_lease_is_not_inherited_by_a_program(house: House) -> None:
    client = house.client(
        "import subprocess\nsubprocess.Popen(['sleep', '300'], close_fds=False, stdin=subprocess.DEVNULL)"
    )
    ready(client)
    client.stdin.close()
    client.wait()
    assert wait_for(lambda: list(house.processes().values()) == ["sleep 300"]), house.processes()
    os.kill(house.pid_of("sleep 300"), signal.SIGKILL)


def test_a_path_too_long_for_a_socket_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="qingtian-house-") as directory:
        house = House(Path(directory) / ("很长的目录 Name/" * 8) / ".local")
        try:
            code = (
                "import os, psycopg2, redis\n"
                "from qingtian_perf import embedded\n"
                "with embedded.lease():\n"
                "    psycopg2.connect(embedded.database_url('qingtian_demo')).close()\n"
                "    print(redis.Redis.from_url(embedded.redis_url()).ping())"
            )
            assert leave(house.start([sys.executable, "-c", code])) == "True\n"
            assert house.processes() == {}
        finally:
            house.close()
            monkeypatch.setenv("QINGTIAN_LOCAL_DIR", str(house.local))
            places.socket_dir().rmdir()  # outside the house, and empty once the servers have stopped


def test_a_server_that_cannot_start_says_why(house: House) -> None:
    leave(ready(house.client()))
    (house.local / "postgres" / "18" / "PG_VERSION").write_text("9\n")
    failed = house.client()
    said, _ = failed.communicate(timeout=60)
    assert failed.returncode == 1
    assert "PostgreSQL 启动失败" in said
    assert house.gone() == {}


def test_the_secret_key_is_made_once_and_private(house: House) -> None:
    code = "from qingtian_perf import embedded; print(embedded.secret_key())"
    keys = {leave(member) for member in [house.start([sys.executable, "-c", code]) for _ in range(4)]}
    assert len(keys) == 1
    assert len(keys.pop().strip()) >= 50
    assert stat.S_IMODE((house.local / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in house.local.iterdir()] == ["secret-key"]


def test_given_servers_are_used_and_nothing_is_started(house: House) -> None:
    given = {"DATABASE_URL": "postgres://elsewhere/x", "REDIS_URL": "redis://elsewhere/0"}
    code = "from qingtian_perf import embedded\nwith embedded.lease(): print('inside')"
    assert leave(house.start([sys.executable, "-c", code], env=given)) == "inside\n"
    assert list(house.local.iterdir()) == []


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINGTIAN_LOCAL_DIR", "/srv/青田 Perf")
    assert parse(embedded.database_url("qingtian_demo"))["HOST"] == "/srv/青田 Perf/sockets"
    assert (
        redis.ConnectionPool.from_url(embedded.redis_url()).connection_kwargs["path"]
        == "/srv/青田 Perf/sockets/redis.sock"
    )
    assert embedded.broker_url("unix:///run/r.sock?db=3") == "redis+socket:///run/r.sock?virtual_host=3"
    assert embedded.broker_url("redis://host:6379/1") == "redis://host:6379/1"
    numbers = {embedded.redis_url(name).partition("db=")[2] for name in ("demo", "bureau", "test_qingtian")}
    assert len(numbers) == 3
    assert len(os.fsencode(places.socket_dir())) < 100


def test_commands_work_while_nothing_runs_and_two_at_once_share(house: House) -> None:
    house.manage("migrate", "-v", "0")
    assert house.processes() == {}
    code = "from django.db import connection as c; c.ensure_connection(); print('ready', flush=True); input()"
    arguments = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    first, second = house.start(arguments), house.start(arguments)
    ready(first)
    ready(second)
    keeper = house.pid_of(KEEPER)
    first.communicate("\n", timeout=60)
    assert house.pid_of(KEEPER) == keeper
    second.communicate("\n", timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert house.processes() == {}
