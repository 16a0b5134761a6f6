"""`manage.py backup`: database and stored files as one file."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from qingtian_perf.backups import BackupError, back_up
from qingtian_perf.embedded import places


class Command(BaseCommand):
    help = "备份数据库与全部文件，生成一个文件；系统运行中也可备份。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-o", "--output", type=Path, help="备份文件；省略时写入 .local/backups/")

    def handle(self, *args: Any, output: Path | None, **options: Any) -> None:
        stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
        name = os.environ.get("DATABASE") or "demo"
        target = output or places.local_dir() / "backups" / f"qingtian-{name}-{stamp}.tar"
        try:
            contents = back_up(target.absolute())
        except BackupError as error:
            raise CommandError(str(error)) from error
        size = target.stat().st_size / 1024 / 1024
        self.stdout.write(f"已备份到 {target}（{len(contents.files)} 个文件，共 {size:.1f} MB）。")
