"""`manage.py restore FILE`: bring back database and stored files from one backup."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from qingtian_perf.backups import BackupError, restore


class Command(BaseCommand):
    help = "从备份恢复数据库与全部文件。非空的数据库不会被覆盖，除非加 --force（make restore … FORCE=1）。"
    # The database may be empty: nothing to check yet.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="备份文件")
        parser.add_argument("--force", action="store_true", help="替换现有的全部数据")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        try:
            contents = restore(file, force=force, say=self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error
        made, version = contents.manifest["created"], contents.manifest["version"]
        self.stdout.write(f"已恢复 {made} 的备份（版本 {version}）。下次启动时自动升级数据库结构。")
