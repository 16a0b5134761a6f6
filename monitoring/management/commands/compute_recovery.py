"""`manage.py compute_recovery --year Y --as-of DATE [--rules FILE] [--what-if] [--json]`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from core.services import Refused
from monitoring.rules import RuleError, RulesInvalid
from monitoring.services.computing import compute_recovery


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"日期应如 2023-09-30，而不是“{text}”。") from error


class Command(BaseCommand):
    help = "按规则测算可收回资金；--what-if 只推演，不写入。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--year", type=int, required=True, help="预算年度")
        parser.add_argument("--as-of", type=_day, required=True, metavar="DATE", help="截至日，如 2023-09-30")
        parser.add_argument("--rules", type=Path, metavar="FILE.json", help="规则文件；缺省用该年度已发布的规则")
        parser.add_argument("--what-if", action="store_true", help="只推演，不写入任何数据")
        parser.add_argument("--json", action="store_true", help="结果以一个 JSON 对象输出")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rules = self._rules(options["rules"])
            result = compute_recovery(
                fiscal_year=options["year"],
                as_of=options["as_of"],
                rules=rules,
                what_if=options["what_if"],
                by=None,
            )
        except (Refused, RulesInvalid) as refused:
            self._refuse(refused, as_json=options["json"])
            return
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        for line in result["lines"]:
            self.stdout.write(f"{line['project_code']} {line['allocation'] or '未分解到指标'}：{line['explanation']}")
        hits = sum(line["status"] == "recoverable" for line in result["lines"])
        self.stdout.write(
            f"共检查 {result['projects_examined']} 个年度项目，命中 {len(result['lines'])} 行，"
            f"其中可收回 {hits} 行，合计 {Decimal(result['recoverable']):,.2f} 元。"
        )

    def _rules(self, path: Path | None) -> Any:
        if path is None:
            return None
        if not path.is_file():
            raise CommandError(f"没有找到规则文件：{path}", returncode=2)
        try:
            # Numbers as they are written: a binary float would not be what the file says.
            return json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RulesInvalid([RuleError("RULES_NOT_JSON", f"规则文件不是有效的 JSON：{error}")]) from error

    def _refuse(self, refused: Refused | RulesInvalid, *, as_json: bool) -> None:
        if isinstance(refused, RulesInvalid):
            errors = [{"code": e.code, "message": e.message, "where": e.where} for e in refused.errors]
        else:
            errors = [{"code": refused.code, "message": refused.reason, "where": None}]
        for error in errors:
            self.stderr.write(str(error["message"]))
        if as_json:
            empty: dict[str, Any] = {"run": None, "projects_examined": 0, "recoverable": "0.00", "lines": []}
            self.stdout.write(json.dumps(empty | {"errors": errors}, ensure_ascii=False))
        sys.exit(1)
