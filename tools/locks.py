#!/usr/bin/env python3
"""`make locks`: pin requirements/*.in with hashes. No registry address and no path of this machine is written."""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
OPTIONS = [
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
]


def main() -> int:
    for name in ("base", "dev"):
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, "--output-file", f"{name}.txt", f"{name}.in"]
        done = subprocess.run([*command, *sys.argv[1:]], cwd=REQUIREMENTS, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
