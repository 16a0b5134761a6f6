"""Makes the fonts of official documents, or checks that every name in the database can be drawn with them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.documents import DocumentError, missing_glyphs, prepare_fonts
from core.documents.names import database_names


class Command(BaseCommand):
    help = "预制公文字体（含数据库中全部名称所用的字）；--check 检查每个名称能否排印"
    requires_system_checks: list[str] = []  # set-up makes the fonts before there is a database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-database", action="store_true", help="不读取数据库，只预制常用字")
        parser.add_argument("--check", action="store_true", help="只检查数据库中的名称，列出缺少的字形及其位置")

    def handle(self, *args: Any, no_database: bool, check: bool, **options: Any) -> None:
        try:
            if check:
                self._check()
                return
            made = prepare_fonts(() if no_database else (text for _, text in database_names()))
        except DocumentError as error:
            raise CommandError(str(error)) from error
        state = "已预制" if made.made else "已是最新"
        self.stdout.write(f"公文字体{state}：{made.characters} 字，{made.size / 1_000_000:.1f} MB。")

    def _check(self) -> None:
        missing = missing_glyphs(database_names())
        for glyph in missing:
            self.stdout.write(str(glyph))
        if missing:
            raise CommandError(f"共 {len(missing)} 处字形缺失。", returncode=1)
        self.stdout.write("数据库中的全部名称都能排印。")
