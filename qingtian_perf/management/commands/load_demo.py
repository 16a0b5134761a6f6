"""`manage.py load_demo`: the demonstration year 2023; running it again changes nothing."""

from __future__ import annotations

import json
import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from core.services import Refused
from qingtian_perf.demo.loading import load


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
                self.stdout.write(json.dumps({"created": 0, "errors": [error]}, ensure_ascii=False))
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        elif not quiet:
            self.stdout.write("，".join(f"{key} {value}" for key, value in result.items()))
