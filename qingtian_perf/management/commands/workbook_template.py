"""`manage.py workbook_template KIND -o FILE`: the workbook to fill in, prefilled with what is there."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from core.services import Refused
from qingtian_perf.workbook_kinds import KINDS, Options


class Command(BaseCommand):
    help = "生成待填写的工作簿（已预填现有数据）。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(name for name, kind in KINDS.items() if kind.template))
        parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE")
        parser.add_argument("--year", type=int)
        parser.add_argument("--scope", default="", metavar="CODE", help="单位或部门代码")
        parser.add_argument("--json", action="store_true", help="结果以一个 JSON 对象输出")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = KINDS[options["kind"]]
        if kind.needs_year and options["year"] is None:
            raise CommandError("须用 --year 指明预算年度。", returncode=2)
        target: Path = options["output"]
        if not target.parent.is_dir():
            raise CommandError(f"目录 {target.parent} 不存在。", returncode=2)
        assert kind.template is not None
        try:
            rows = kind.template(target, Options(year=options["year"], scope=options["scope"]))
        except Refused as refused:
            self.stderr.write(refused.reason)
            if options["json"]:
                error = {"code": refused.code, "message": refused.reason, "where": None}
                self.stdout.write(json.dumps({"file": None, "rows": 0, "errors": [error]}, ensure_ascii=False))
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps({"file": str(target), "rows": rows}, ensure_ascii=False))
        else:
            self.stdout.write(f"已生成 {target}，预填 {rows} 行。")
