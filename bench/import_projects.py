"""Import of a project workbook: ours, the floor (calamine, then COPY), and django-import-export both ways.

All sides read the same .xlsx and end in the same rows of the same tables, keys, indexes and triggers included; that is
proved on a slice before anything is timed. The slow peers run on a slice and are compared per row. A child process of
its own tells our peak memory.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from bench.harness import ROOT, Row, main, prove, row

ROWS, SLICE, PROOF = 100_000, 10_000, 600
MEMORY_LIMIT = 600  # MB
YEAR = 2023
DEPARTMENTS = 100
HEADINGS = [
    "预算年度",
    "项目代码",
    "项目名称",
    "主管部门代码",
    "预算单位代码",
    "项目类别",
    "新增/延续",
    "资金来源",
    "资金级次",
    "年初预算（元）",
    "上年结转（元）",
    "追加（元）",
    "调减（元）",
]
# Column of the sheet → (part of the source key, kind, sign).
AMOUNTS = {
    "年初预算（元）": ("initial", "initial", 1),
    "上年结转（元）": ("carried_over", "carried_over", 1),
    "追加（元）": ("supplements", "supplement", 1),
    "调减（元）": ("reductions", "reduction", -1),
}
TABLES = (
    "budgets_ledgerentry, budgets_yeartotals, budgets_projectfigures, budgets_importbatch_files, budgets_importbatch, "
    "budgets_project_units, budgets_projectyear, budgets_projectyearevent, budgets_project, budgets_projectevent"
)
# Everything but ids, times, batches: what both sides must agree on.
STATE = {
    "projects": "SELECT code, name, initials, start_year, term FROM budgets_project",
    "units": "SELECT p.code, o.code FROM budgets_project_units l JOIN budgets_project p ON p.id = l.project_id "
    "JOIN organisations_organisation o ON o.id = l.organisation_id",
    "years": "SELECT p.code, y.fiscal_year, y.name, y.unit_id, y.department_id, y.division_id, y.category, y.kind, "
    "y.fund_source, y.fund_level, y.is_key, y.is_sampled, y.marks FROM budgets_projectyear y "
    "JOIN budgets_project p ON p.id = y.project_id",
    "entries": "SELECT p.code, e.source_key, e.revision, e.kind, e.amount, e.date, e.allocation, e.vintage, "
    "e.fund_source, e.fund_level, e.is_reversal FROM budgets_ledgerentry e "
    "JOIN budgets_projectyear y ON y.id = e.project_year_id JOIN budgets_project p ON p.id = y.project_id",
    "totals": "SELECT p.code, t.allocation, t.adjusted, t.paid, t.fund_level, f.adjusted FROM budgets_yeartotals t "
    "JOIN budgets_projectfigures f ON f.project_year_id = t.project_year_id "
    "JOIN budgets_projectyear y ON y.id = t.project_year_id JOIN budgets_project p ON p.id = y.project_id",
}


def write_workbook(path: Path, rows: int) -> Path:
    """About 1.8 ledger entries a project."""
    from core.workbooks import CODE, INTEGER, MONEY, Column, write_table

    kinds = {"预算年度": INTEGER, **dict.fromkeys(AMOUNTS, MONEY)}
    columns = [Column(f"c{n}", heading, kinds.get(heading, CODE)) for n, heading in enumerate(HEADINGS)]

    def one(n: int) -> list[Any]:
        department = f"IM{n % DEPARTMENTS:03}"
        return [
            YEAR,
            f"33112123{n:013}",
            f"青田县第{n}号农村公路养护工程",
            department,
            f"{department}001",
            "3",
            "new",
            "一般公共预算",
            "own",
            Decimal(100_000 + n),
            Decimal(500) if n % 3 == 0 else None,
            Decimal("200.50") if n % 4 == 0 else None,
            Decimal(100) if n % 5 == 0 else None,
        ]

    write_table(columns, map(one, range(rows)), path, sheet="项目")
    return path


def prepare() -> None:
    """Tables, organisations and the source."""
    from django.core.management import call_command

    from budgets.enums import SourceKind
    from budgets.models import Source
    from organisations.enums import Kind
    from organisations.models import Organisation

    call_command("migrate", verbosity=0)
    Source.objects.get_or_create(name="项目及预算", defaults={"kind": SourceKind.PROJECTS})
    for number in range(DEPARTMENTS):
        department, _ = Organisation.objects.get_or_create(
            code=f"IM{number:03}", defaults={"kind": Kind.DEPARTMENT, "name": f"导入第{number}部门"}
        )
        Organisation.objects.get_or_create(
            code=f"IM{number:03}001",
            defaults={"kind": Kind.UNIT, "name": f"导入第{number}部门本级", "parent": department},
        )


def clear() -> None:
    """Empty tables, and nothing left over from the last side to write back."""
    import pgtrigger
    from django.db import connection

    with connection.cursor() as cursor:
        with pgtrigger.ignore():
            cursor.execute(
                f"TRUNCATE {TABLES}, budgets_heldentry, budgets_vanishedentry, budgets_commitment, "
                "budgets_finding, budgets_performancerecord CASCADE"
            )
        cursor.execute("CHECKPOINT")


def state() -> dict[str, tuple[int, str]]:
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for name, query in STATE.items():
            cursor.execute(
                "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\"), '')) "
                f"FROM ({query}) AS t"
            )
            found[name] = cursor.fetchone()
    return found


# ---------- the sides ----------


def ours(path: Path) -> None:
    from budgets.services.imports import import_projects

    result = import_projects(files=[path], fiscal_year=YEAR, by=None)
    assert result.ok, result.errors[:3]


class Floor:
    """calamine, then COPY of the same rows into the same tables. Ids and pinyin initials are known beforehand."""

    def __init__(self, rows: int) -> None:
        from budgets.models import Source
        from core.pinyin import initials
        from organisations.models import Organisation

        self.organisations = dict(Organisation.objects.values_list("code", "pk"))
        self.source = Source.objects.get(name="项目及预算").pk
        self.initials = [initials(f"青田县第{n}号农村公路养护工程") for n in range(rows)]

    def __call__(self, path: Path) -> None:
        from django.db import connection, transaction
        from python_calamine import CalamineWorkbook

        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[1:]
        with transaction.atomic(), connection.cursor() as cursor:
            for table, lines in self.lines(rows):
                cursor.cursor.copy_expert(f"COPY {table} FROM STDIN", Text(lines))
            # As Django would: what follows takes the next number.
            for table in ("budgets_project", "budgets_projectyear"):
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), %s)", [len(rows)])

    def lines(self, rows: list[list[Any]]) -> list[tuple[str, Any]]:
        codes, source = self.organisations, self.source
        now = "2023-09-30 00:00:00+08"
        return [
            (
                "budgets_project (id, code, name, initials)",
                (f"{n}\t{r[1]}\t{r[2]}\t{i}\n" for n, (r, i) in enumerate(zip(rows, self.initials, strict=False), 1)),
            ),
            (
                "budgets_projectyear (id, project_id, fiscal_year, name, unit_id, department_id, category, kind, "
                "fund_source, fund_level, is_key, is_sampled, marks)",
                (
                    f"{n}\t{n}\t{YEAR}\t{r[2]}\t{codes[r[4]]}\t{codes[r[3]]}\t{r[5]}\t{r[6]}\t{r[7]}\t{r[8]}\tf\tf\t[]\n"
                    for n, r in enumerate(rows, 1)
                ),
            ),
            (
                "budgets_project_units (project_id, organisation_id)",
                (f"{n}\t{codes[r[4]]}\n" for n, r in enumerate(rows, 1)),
            ),
            (
                "budgets_ledgerentry (project_year_id, source_id, source_key, revision, is_reversal, kind, amount, "
                "date, allocation, fund_source, fund_level, function_code, economic_code, summary, recorded_at)",
                (
                    f"{n}\t{source}\t{YEAR}:{r[1]}:{part}\t1\tf\t{kind}\t{sign * value:.2f}\t{YEAR}-01-01"
                    f"\t\t{r[7]}\t{r[8]}\t\t\t\t{now}\n"
                    for n, r in enumerate(rows, 1)
                    for value, (part, kind, sign) in zip(r[9:13], AMOUNTS.values(), strict=True)
                    if value
                ),
            ),
        ]


class Text:
    """Lines as the file that COPY reads."""

    def __init__(self, lines: Any) -> None:
        self.lines = lines

    def read(self, size: int) -> str:
        parts, length = [], 0
        for line in self.lines:
            parts.append(line)
            length += len(line)
            if length >= size // 4:
                break
        return "".join(parts)


def peer(bulk: bool) -> Callable[[Path], None]:
    """django-import-export: one resource a table. With its defaults, or in bulk as its manual advises: no diff, no
    report, no look-up of existing rows, cached foreign keys.
    """
    from import_export import fields, resources, widgets

    from budgets.models import LedgerEntry, Project, ProjectYear, Source
    from core.pinyin import initials
    from organisations.models import Organisation

    Key: Any = widgets.CachedForeignKeyWidget if bulk else widgets.ForeignKeyWidget
    speed: dict[str, Any] = (
        {"use_bulk": True, "skip_diff": True, "force_init_instance": True, "batch_size": 1000, "report_skipped": False}
        if bulk
        else {}
    )
    source = Source.objects.get(name="项目及预算")

    def meta(model: Any, names: tuple[str, ...], ids: tuple[str, ...]) -> type:
        return type("Meta", (), {"model": model, "fields": names, "import_id_fields": ids, **speed})

    def column(attribute: str, heading: str, widget: Any = None) -> Any:
        return fields.Field(attribute=attribute, column_name=heading, widget=widget or widgets.CharWidget())

    class Projects(resources.ModelResource):
        code = column("code", "项目代码")
        name = column("name", "项目名称")
        Meta = meta(Project, ("code", "name"), ("code",))

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.initials = initials(instance.name)

    class Units(resources.ModelResource):
        project = column("project", "项目代码", Key(Project, "code"))
        organisation = column("organisation", "预算单位代码", Key(Organisation, "code"))
        Meta = meta(Project.units.through, ("project", "organisation"), ("project", "organisation"))

    class Years(resources.ModelResource):
        project = column("project", "项目代码", Key(Project, "code"))
        fiscal_year = column("fiscal_year", "预算年度", widgets.IntegerWidget())
        name = column("name", "项目名称")
        unit = column("unit", "预算单位代码", Key(Organisation, "code"))
        department = column("department", "主管部门代码", Key(Organisation, "code"))
        category = column("category", "项目类别")
        kind = column("kind", "新增/延续")
        fund_source = column("fund_source", "资金来源")
        fund_level = column("fund_level", "资金级次")
        Meta = meta(
            ProjectYear,
            ("project", "fiscal_year", "name", "unit", "department", "category", "kind", "fund_source", "fund_level"),
            ("project", "fiscal_year"),
        )

    years: dict[str, int] = {}

    def entries(heading: str) -> Any:
        part, entry_kind, sign = AMOUNTS[heading]

        class Entries(resources.ModelResource):
            source_key = column("source_key", "项目代码")
            amount = column("amount", heading, widgets.DecimalWidget())
            fund_source = column("fund_source", "资金来源")
            fund_level = column("fund_level", "资金级次")
            Meta = meta(LedgerEntry, ("source_key", "amount", "fund_source", "fund_level"), ("source_key",))

            def before_import_row(self, row: Any, **kwargs: Any) -> None:
                row["_code"] = row["项目代码"]
                row["项目代码"] = f"{YEAR}:{row['项目代码']}:{part}"

            def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
                return not row[heading]

            def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
                instance.project_year_id = years[row["_code"]]
                instance.source_id = source.pk
                instance.kind, instance.amount, instance.date = entry_kind, sign * instance.amount, date(YEAR, 1, 1)

        return Entries

    def run(path: Path) -> None:
        import tablib

        data = tablib.Dataset().load(path.read_bytes(), format="xlsx")
        for resource_class in (Projects, Units, Years):
            resource_class().import_data(data, raise_errors=True, use_transactions=True)
        years.update(ProjectYear.objects.values_list("project__code", "pk"))
        for heading in AMOUNTS:
            entries(heading)().import_data(data, raise_errors=True, use_transactions=True)

    return run


# ---------- timing ----------


def timed(sides: dict[str, Callable[[], None]], times: int) -> dict[str, float]:
    """Medians of alternated runs, each on empty tables; emptying them is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(times):
        for name, side in sides.items():
            clear()
            gc.collect()
            start = time.perf_counter()
            side()
            taken[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in taken.items()}


def peak_memory(path: Path) -> float:
    """MB that a process of its own needs at most for our import."""
    clear()
    code = (
        "import django; django.setup()\n"
        "import resource, sys\nfrom pathlib import Path\nfrom bench.import_projects import ours\n"
        "ours(Path(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True)
    prove(answer.returncode == 0, f"the child process failed: {answer.stderr[-500:]}")
    return float(answer.stdout.split()[-1])


def rows() -> list[Row]:
    import logging

    logging.disable(logging.INFO)
    prepare()
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        proof = write_workbook(Path(directory) / "proof.xlsx", PROOF)
        part = write_workbook(Path(directory) / "slice.xlsx", SLICE)
        whole = write_workbook(Path(directory) / "whole.xlsx", ROWS)
        floor = Floor(ROWS)
        ends = {}
        # The peers' resources are made anew each time: their cached foreign keys would outlive the emptied tables.
        sides: dict[str, Callable[[Path], None]] = {
            "ours": ours,
            "floor": floor,
            "defaults": lambda path: peer(bulk=False)(path),
            "bulk": lambda path: peer(bulk=True)(path),
        }
        for name, side in sides.items():
            clear()
            side(proof)
            ends[name] = state()
        for name, end in ends.items():
            prove(end == ends["ours"], f"{name} ends in another state than ours: {end} / {ends['ours']}")
        slow = timed({name: (lambda side=sides[name]: side(part)) for name in ("defaults", "bulk")}, 2)
        clear()
        ours(whole)
        end = state()
        clear()
        floor(whole)
        prove(state() == end, "the floor ends in another state than ours on all rows")
        fast = timed({"ours": lambda: ours(whole), "floor": lambda: floor(whole)}, 2)
        peak = peak_memory(whole)
        clear()
    each = fast["ours"] / ROWS * 1000
    note = f"{ROWS:,} rows in {fast['ours']:.1f} s"
    found.append(
        row(
            "import",
            "against django-import-export, defaults",
            ours=each,
            peer=slow["defaults"] / SLICE * 1000,
            bound="≥ 15",
            unit="ms/row",
            note=f"{note}; peer on {SLICE:,} rows",
        )
    )
    found.append(
        row(
            "import",
            "against django-import-export, bulk",
            ours=each,
            peer=slow["bulk"] / SLICE * 1000,
            bound="≥ 8",
            unit="ms/row",
            note=f"{note}; peer on {SLICE:,} rows",
        )
    )
    found.append(
        row(
            "import",
            "against the floor (calamine, COPY)",
            ours=fast["ours"],
            peer=fast["floor"],
            bound="≤ 2",
            note=note,
        )
    )
    found.append(
        row("import", "peak memory", ours=peak, peer=MEMORY_LIMIT, bound="≤ 1", unit="MB", note=f"{ROWS:,} rows")
    )
    return found


if __name__ == "__main__":
    main(rows)
