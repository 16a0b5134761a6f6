"""Workbooks: sheets and columns declared once; from that the template, the parser, the marked copy and the export.

    from core.workbooks import Column, Form, Sheet, read, write_template, mark, write_table

    PROJECTS = Form(
        "QT-PROJECTS", 1, "项目表",
        [Sheet("项目", [
            Column("code", "项目代码", "code", required=True, locked=True, aliases=["项目编码"]),
            Column("name", "项目名称", required=True, max_length=180),
            Column("initial", "年初预算", "money", unit="万元"),
        ], key=["code"])],
        instructions=["金额填万元，最多六位小数。"],
    )

    write_template(PROJECTS, {"项目": rows}, "x.xlsx", fiscal_year=2023, scope="101001")
    reading = read(PROJECTS, ["a.xlsx", ("原名.csv", path)], fiscal_year=2023, mapping=None)
    for row in reading.rows["项目"]:                # named tuples: row.code, row.initial (yuan, Decimal), row.row_no
        if unknown(row.code):
            reading.fault("项目", row, "code", "PROJECT_UNKNOWN", "没有这个项目，请核对")
    if not reading.ok:
        reading.errors                               # CellError(sheet, cell, code, message, file), in order
        mark(reading, sources, "errors.xlsx")        # in the user's own file, or a list of the faulty rows

Money is always yuan in a row, whatever the sheet's unit; a blank is None; so is a faulty cell, whose error is in
`errors` (checks of an importer skip None). Rows marked as classified appear nowhere. `reading.classified` says that
the upload itself must not be kept. `neutralise` is the one policy against formula injection; all writers here use it.
`headings(file)` serves the page on which a foreign file's columns are mapped. Codes and their texts: `errors.TABLE`.
"""

from .cells import neutralise
from .declare import BOOLEAN, CHOICE, CODE, DATE, INTEGER, MONEY, RATE, TEXT, Column, Form, Kind, Sheet
from .errors import CellError, Code, cell_name, message
from .mapping import Found, headings
from .marked import annotate, mark, write_faulty
from .parse import read
from .reading import ControlTotal, Reading
from .sources import SIZE_LIMIT, Source, Stamp
from .template import write_template
from .write import write_table

__all__ = [
    "BOOLEAN",
    "CHOICE",
    "CODE",
    "DATE",
    "INTEGER",
    "MONEY",
    "RATE",
    "SIZE_LIMIT",
    "TEXT",
    "CellError",
    "Code",
    "Column",
    "ControlTotal",
    "Form",
    "Found",
    "Kind",
    "Reading",
    "Sheet",
    "Source",
    "Stamp",
    "annotate",
    "cell_name",
    "headings",
    "mark",
    "message",
    "neutralise",
    "read",
    "write_faulty",
    "write_table",
    "write_template",
]
