"""`manage.py load_demo`: the demonstration year 2023; running it again changes nothing."""

from __future__ import annotations

import json
import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from core.services import Refused
from qingtian_perf.demo.loading import ANSWER, load


class Command(BaseCommand):
    help = "载入 2023 年演示数据；已载入的不会改变，中断后再次运行即可续完。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="结果以一个 JSON 对象输出")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["verbosity"] == 0
        # The computation runs in this process; that its task has ended is news for a worker's log only.
        logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
        try:
            result = load(say=lambda text: None if quiet else self.stderr.write(text))
        except Refused as refused:
            self.stderr.write(refused.reason)
            if options["json"]:
                error = {"code": refused.code, "message": refused.reason, "where": None}
                answer = dict.fromkeys(ANSWER) | {"created": 0, "errors": [error]}
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        elif not quiet:
            self.stdout.write(
                f"演示数据已就绪：主管部门 {result['departments']} 个，用户 {result['users']} 个，"
                f"年度项目 {result['projects']} 个，流水 {result['entries']} 笔；本次新建 {result['created']}。"
            )
