#!/usr/bin/env python3
"""What `make` calls: set the machine up where something is missing, then do the task. Standard library only.

    python3.11 tools/bootstrap.py run | test [pytest arguments] | lint | backup | restore FILE | manage … | setup

Set-up makes `.venv` from the pinned, hashed requirements and asks apt for the missing Debian packages. What is in place
is not touched: a second run needs no network and changes no installed file.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "qingtian-requirements"
LOCKS = [ROOT / "requirements" / "base.txt", ROOT / "requirements" / "dev.txt"]

# Debian package → what it is for. PDF files need the first four, the tests also the rest.
RUN_PACKAGES = {
    "fonts-noto-cjk": "中文字体 / Chinese fonts",
    "fontconfig": "字体查找 / font lookup",
    "libpango-1.0-0": "PDF 排版 / PDF layout",
    "libpangoft2-1.0-0": "PDF 排版 / PDF layout",
}
TEST_PACKAGES = {
    "chromium": "浏览器测试 / browser tests",
    "poppler-utils": "PDF 测试 / PDF tests",
    "libreoffice-writer-nogui": "文档测试 / document tests",
}
LINT_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "qingtian_perf.settings.production",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "ALLOWED_HOSTS": "perf.example.gov.cn",
    "DATABASE_URL": "postgres://nobody@localhost/nothing",
    "REDIS_URL": "redis://localhost/0",
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> None:
    say(text)
    sys.exit(1)


def go_with_make() -> None:
    """A killed `make` takes us along (SIGTERM, so in good order); the wish outlives `exec`."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def requirements_digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for lock in LOCKS:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


def venv_is_current() -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == requirements_digest()


def check_python() -> None:
    if sys.version_info[:2] != (3, 11):
        fail(
            f"需要 Python 3.11，当前为 {sys.version.split()[0]}：make PYTHON=/路径/python3.11 …\n"
            f"Python 3.11 is required: make PYTHON=/path/to/python3.11 …"
        )


def check_port() -> None:
    """Before a first installation, which takes minutes; `serve` itself holds the port and names its user."""
    port = int(os.environ.get("PORT") or 8000)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            fail(
                f"端口 {port} 已被占用。请先停止占用它的程序，或换一个端口：make run PORT={port + 1}\n"
                f"Port {port} is in use; stop its program or choose another: make run PORT={port + 1}"
            )


def missing_packages(wanted: dict[str, str]) -> list[str]:
    """Those of the Debian packages that are not installed; nothing where this is not a Debian."""
    if not shutil.which("dpkg-query"):
        return []
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *wanted]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def install_packages(wanted: dict[str, str], *, required: bool) -> None:
    """Install what is missing through apt where we may; otherwise name it, and stop where it is required."""
    missing = missing_packages(wanted)
    if not missing:
        return
    prefix = apt_prefix()
    if prefix is not None:
        say(f"安装系统软件包 / installing system packages: {' '.join(missing)}")
        environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
        subprocess.run([*prefix, *environment, "apt-get", "update", "-q"], check=False, stdout=sys.stderr)
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        subprocess.run([*prefix, *environment, *install], check=False, stdout=sys.stderr)
        missing = missing_packages(wanted)
        if not missing:
            return
    purposes = "\n".join(f"  {name}（{wanted[name]}）" for name in missing)
    command = f"sudo apt-get install -y --no-install-recommends {' '.join(missing)}"
    say(
        "缺少系统软件包，请由管理员安装 / missing system packages, to be installed by an administrator:\n"
        f"{purposes}\n  {command}"
    )
    if required:
        sys.exit(1)


def apt_prefix() -> list[str] | None:
    """How to call apt-get: directly as root, through a sudo that asks nothing, or not at all (None)."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def install_requirements() -> None:
    """Make `.venv` what the lock files say. Two at once wait for each other."""
    if venv_is_current():
        return
    with (ROOT / "requirements" / "base.txt").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if venv_is_current():
            return
        if not PYTHON.exists():
            if importlib.util.find_spec("ensurepip") is None:
                install_packages({"python3-venv": "Python 虚拟环境 / Python virtual environments"}, required=True)
            say("建立虚拟环境 / creating .venv")
            run_or_fail([sys.executable, "-m", "venv", str(VENV)])
        say("安装 Python 依赖（首次需要几分钟）/ installing the pinned requirements")
        files = [argument for path in LOCKS for argument in ("-r", str(path))]
        run_or_fail([str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", *files])
        STAMP.write_text(requirements_digest())


def run_or_fail(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=sys.stderr)
    if done.returncode:
        fail(f"失败 / failed ({done.returncode}): {' '.join(command)}")


def become(*arguments: str) -> None:
    """Replace this process by the project's Python; there is nobody between `make` and the task."""
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), *arguments])  # noqa: S606


def lint() -> int:
    """Every check, even after one has failed; the names of those that failed come last."""
    module = [str(PYTHON), "-m"]
    packages = sorted(
        path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in {"tests", "bench"}
    )
    checks = {
        "ruff check": [*module, "ruff", "check", "."],
        "ruff format": [*module, "ruff", "format", "--check", "."],
        "djlint": [*module, "djlint", "--lint", "--quiet", "templates"],
        "mypy": [*module, "mypy", *packages, "tools"],
        "import-linter": [
            str(VENV / "bin" / "python"),
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
        ],
        "makemigrations --check": [str(PYTHON), "manage.py", "makemigrations", "--check", "--dry-run"],
        "check --deploy": [str(PYTHON), "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    }
    failed = []
    for name, command in checks.items():
        say(f"── {name}")
        environment = os.environ | (LINT_ENVIRONMENT if "--deploy" in command else {})
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            failed.append(name)
    if failed:
        say(f"未通过 / failed: {', '.join(failed)}")
    return 1 if failed else 0


def main(task: str, *arguments: str) -> int:
    go_with_make()
    check_python()
    if task == "run" and not venv_is_current():
        check_port()
    install_packages(RUN_PACKAGES, required=task == "run")
    if task == "test":
        install_packages(TEST_PACKAGES, required=False)
    install_requirements()
    if task == "lint":
        return lint()
    if task == "restore" and not arguments:
        fail("用法 / usage: make restore FILE=备份文件.tar")
    commands = {
        "run": ["manage.py", "serve"],
        # Two at a time; a file stays with one worker, so that what its module builds is built once.
        "test": ["-m", "pytest", "-n", "2", "--dist", "loadfile", *arguments],
        "manage": ["manage.py", *arguments],
        "python": [*arguments],
        "backup": ["manage.py", "backup", *arguments],
        "restore": ["manage.py", "restore", *arguments],
    }
    if task in commands:
        become(*commands[task])
    elif task != "setup":
        fail(__doc__ or "")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["setup"])))
