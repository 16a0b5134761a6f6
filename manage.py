#!/usr/bin/env python
"""Command-line door. Without DATABASE_URL the embedded servers run for as long as the command does."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingtian_perf.settings.local")
    from django.core.management import execute_from_command_line

    from qingtian_perf import embedded

    with embedded.lease():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
