"""`manage.py import_workbook KIND FILE… --year Y`: all rows or none; every error at its cell."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from core.services import Refused
from qingtian_perf.workbook_kinds import KINDS, Options

COUNTS = ("rows", "accepted", "rejected", "held", "created", "updated", "unchanged", "reversed")
LABELS = ("读取", "接受", "拒绝", "待认领", "新增", "更新", "未变", "冲回")


class Command(BaseCommand):
    help = "导入工作簿：有任何一处错误则整批不导入，并列出全部错误。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(name for name, kind in KINDS.items() if kind.load))
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--year", type=int, help="预算年度")
        parser.add_argument("--source", default="", metavar="NAME", help="来源方案的名称")
        parser.add_argument("--dry-run", action="store_true", help="只检查，不写入")
        parser.add_argument("--hold-unknown", action="store_true", help="未知项目的行转入待认领")
        parser.add_argument("--json", action="store_true", help="结果以一个 JSON 对象输出")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = KINDS[options["kind"]]
        if kind.needs_year and options["year"] is None:
            raise CommandError("须用 --year 指明预算年度。", returncode=2)
        missing = [str(path) for path in options["files"] if not path.is_file()]
        if missing:
            raise CommandError(f"没有找到文件：{'、'.join(missing)}", returncode=2)
        assert kind.load is not None
        asked = Options(
            year=options["year"],
            source=options["source"],
            dry_run=options["dry_run"],
            hold_unknown=options["hold_unknown"],
        )
        try:
            result = kind.load(options["files"], asked)
        except Refused as refused:
            result = dict.fromkeys(COUNTS, 0) | {"errors": [_whole(refused)], "warnings": [], "annotated": None}
        notes = result.pop("notes", [])
        for problem in [*result["errors"], *result["warnings"]]:
            self.stderr.write(" ".join(filter(None, (problem["sheet"], problem["cell"], problem["message"]))))
        for note in notes:
            self.stderr.write(note)
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            counts = "，".join(f"{label} {result[key]}" for key, label in zip(COUNTS, LABELS, strict=True))
            self.stdout.write(f"{'检查' if asked.dry_run else '导入'}结果：{counts}。")
        if result["errors"]:
            sys.exit(1)


def _whole(refused: Refused) -> dict[str, str | None]:
    return {"sheet": None, "cell": None, "code": refused.code, "message": refused.reason}
