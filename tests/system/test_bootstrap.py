"""tools/bootstrap.py where something is missing: what it asks apt for, and what it says where it may not."""

import importlib.util
import os
import re
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.system.conftest import ROOT, House, free_port

pytestmark = pytest.mark.system


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(directory: Path, name: str, body: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which only a Debian's package tools are: nothing is installed but `fontconfig`."""
    program(
        tmp_path, "dpkg-query", f'[ -e {tmp_path}/done ] && cat {tmp_path}/done; echo "fontconfig installed"; exit 1'
    )
    program(tmp_path, "env", 'shift; exec "$@"')
    program(tmp_path, "cat", f'exec {"/bin/cat"} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_root_installs_what_is_missing(bare: Path, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    note = f'echo "$*" >> {bare}/asked; [ "$1" = install ] || exit 0; shift 4'
    program(bare, "apt-get", f'{note}; for p; do echo "$p installed" >> {bare}/done; done')
    bootstrap.install_packages(bootstrap.RUN_PACKAGES, required=True)
    update, install = (bare / "asked").read_text().splitlines()
    assert update == "update -q"
    assert install == "install -y -q --no-install-recommends fonts-noto-cjk libpango-1.0-0 libpangoft2-1.0-0"
    bootstrap.install_packages(bootstrap.RUN_PACKAGES, required=True)
    assert len((bare / "asked").read_text().splitlines()) == 2, "what is installed is not asked for again"


def test_a_sudo_that_asks_nothing_is_used(bare: Path, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(bare, "apt-get", "exit 0")
    program(bare, "sudo", f'echo "$*" >> {bare}/asked')
    program(bare, "true", "exit 0")
    bootstrap.install_packages(bootstrap.TEST_PACKAGES, required=False)
    asked = (bare / "asked").read_text()
    assert asked.startswith("-n true\n")
    assert "apt-get install -y -q --no-install-recommends chromium poppler-utils libreoffice-writer-nogui" in asked


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_without_rights_the_packages_are_named(
    bare: Path,
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    sudo: str | None,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(bare, "apt-get", f"touch {bare}/asked")
    if sudo:
        program(bare, "sudo", sudo)
    with pytest.raises(SystemExit) as stopped:
        bootstrap.install_packages(bootstrap.RUN_PACKAGES, required=True)
    assert stopped.value.code == 1
    said = capfd.readouterr().err
    assert "请由管理员安装" in said
    assert "apt-get install -y --no-install-recommends fonts-noto-cjk libpango-1.0-0 libpangoft2-1.0-0" in said
    assert not (bare / "asked").exists()
    bootstrap.install_packages(bootstrap.TEST_PACKAGES, required=False)
    assert "chromium（浏览器测试" in capfd.readouterr().err


def test_no_file_names_a_registry_or_a_machine() -> None:
    pattern = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host|file:///|/opt/|/root/")
    files = [*(ROOT / "requirements").iterdir(), ROOT / "Makefile", ROOT / "Dockerfile", ROOT / ".ci" / "run"]
    for path in files:
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        assert not pattern.search("\n".join(lines)), path


def test_another_python_is_refused(house: House) -> None:
    other = house.local / "python"
    version = 'import sys; sys.version_info = (3, 12); sys.argv = ["x", "run"]; '
    body = f"{version} import runpy; runpy.run_path({str(ROOT / 'tools' / 'bootstrap.py')!r}, run_name='__main__')"
    program(house.local, "python", f'exec {sys.executable} -c "{body}"'.replace('["x", "run"]', "['x', 'run']"))
    said = house.run(str(other), code=1, PORT=str(free_port()))
    assert "需要 Python 3.11" in said


def test_continuous_integration_is_what_the_reader_does() -> None:
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["set -e", 'cd "$(dirname "$0")/.."', "make lint", "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
