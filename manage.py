#!/usr/bin/env python
"""Command-line door. Without DATABASE_URL the embedded servers run for as long as the command does."""

import os
import sys
from contextlib import nullcontext


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")
    from django.core.management import execute_from_command_line

    from qingtian_perf import embedded

    # `serve` looks at its port before it starts anything, then takes the lease itself.
    with nullcontext() if sys.argv[1:2] == ["serve"] else embedded.lease():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
