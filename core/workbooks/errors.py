"""What can be wrong with a workbook: one stable code, one Chinese sentence and one way to mend it for each.

`python -m core.workbooks.errors` prints the table; the manual's chapter on imports is made from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Code(StrEnum):
    """Codes never change their meaning; scripts and the users' manual refer to them."""

    # Whole file
    NOT_WORKBOOK = "NOT_WORKBOOK"
    DAMAGED = "DAMAGED"
    WRONG_FORMAT = "WRONG_FORMAT"
    ENCRYPTED = "ENCRYPTED"
    TOO_LARGE = "TOO_LARGE"
    BOMB = "BOMB"
    TOO_WIDE = "TOO_WIDE"
    ENCODING = "ENCODING"
    CSV_QUOTES = "CSV_QUOTES"
    EMPTY_FILE = "EMPTY_FILE"
    NO_FILE = "NO_FILE"
    WRONG_FORM = "WRONG_FORM"
    OLD_VERSION = "OLD_VERSION"
    NEWER_VERSION = "NEWER_VERSION"
    NOT_TEMPLATE = "NOT_TEMPLATE"
    WRONG_YEAR = "WRONG_YEAR"
    WRONG_SCOPE = "WRONG_SCOPE"
    # Sheet and heading
    SHEET_MISSING = "SHEET_MISSING"
    SHEET_AMBIGUOUS = "SHEET_AMBIGUOUS"
    HEADER_MISSING = "HEADER_MISSING"
    HEADING_MISSING = "HEADING_MISSING"
    HEADING_TWICE = "HEADING_TWICE"
    HEADING_UNKNOWN = "HEADING_UNKNOWN"
    TITLE_NOT_ALLOWED = "TITLE_NOT_ALLOWED"
    UNIT_UNKNOWN = "UNIT_UNKNOWN"
    NO_ROWS = "NO_ROWS"
    CLASSIFIED_SHEET = "CLASSIFIED_SHEET"
    # Row
    CLASSIFIED = "CLASSIFIED"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    TOTAL_ROW = "TOTAL_ROW"
    TOTAL_MISMATCH = "TOTAL_MISMATCH"
    SUBTOTALS_SKIPPED = "SUBTOTALS_SKIPPED"
    NOTE_SKIPPED = "NOTE_SKIPPED"
    ROW_TOO_LONG = "ROW_TOO_LONG"
    # Cell
    REQUIRED = "REQUIRED"
    ERROR_CELL = "ERROR_CELL"
    FORMULA_EMPTY = "FORMULA_EMPTY"
    MERGED = "MERGED"
    TOO_LONG = "TOO_LONG"
    CODE_NUMERIC = "CODE_NUMERIC"
    CODE_SCIENTIFIC = "CODE_SCIENTIFIC"
    CODE_FORMAT = "CODE_FORMAT"
    NOT_TEXT = "NOT_TEXT"
    NOT_MONEY = "NOT_MONEY"
    MONEY_TOO_BIG = "MONEY_TOO_BIG"
    MONEY_ROUNDED = "MONEY_ROUNDED"
    NOT_INTEGER = "NOT_INTEGER"
    NOT_RATE = "NOT_RATE"
    NOT_DATE = "NOT_DATE"
    NOT_CHOICE = "NOT_CHOICE"
    NOT_BOOLEAN = "NOT_BOOLEAN"
    TOO_MANY_ERRORS = "TOO_MANY_ERRORS"


# code: (what is wrong, how to mend it). Braces are filled by `message`.
TABLE: dict[Code, tuple[str, str]] = {
    Code.NOT_WORKBOOK: (
        "“{file}”不是可识别的工作簿（按文件内容判断，与扩展名无关）",
        "请上传 .xlsx、.xls 或 .csv 文件",
    ),
    Code.DAMAGED: ("“{file}”已损坏，无法打开", "请用 Excel 或 WPS 打开后另存为 .xlsx 格式再上传"),
    Code.WRONG_FORMAT: ("“{file}”是{kind}格式，本系统不能读取", "请另存为 .xlsx 格式后再上传"),
    Code.ENCRYPTED: ("“{file}”设有打开密码，无法读取", "请取消打开密码后再上传"),
    Code.TOO_LARGE: ("“{file}”大小为 {size} MB，超过上限 {limit} MB", "请删除无关工作表和图片，或拆分后分别上传"),
    Code.BOMB: ("“{file}”解压后异常庞大或含有危险内容，已拒绝读取", "请将数据复制到新建的工作簿后再上传"),
    Code.TOO_WIDE: (
        "“{file}”的有效区域过大（直到{where}仍有内容）",
        "请删除数据区以外的行和列后再上传",
    ),
    Code.ENCODING: ("“{file}”的文字编码无法识别", "请另存为 .xlsx 格式，或以 UTF-8、GB18030 编码保存"),
    Code.CSV_QUOTES: ("“{file}”第 {line} 行的引号不成对", "请改正该行，或另存为 .xlsx 格式后再上传"),
    Code.EMPTY_FILE: ("“{file}”是空文件", "请检查后重新上传"),
    Code.NO_FILE: ("没有收到文件", "请选择文件后再上传"),
    Code.WRONG_FORM: (
        "“{file}”是“{found}”，不是“{expected}”",
        "请到相应页面上传，或重新下载“{expected}”模板填写",
    ),
    Code.OLD_VERSION: (
        "“{file}”是旧版模板（第 {found} 版），现行为第 {expected} 版",
        "请重新下载模板，将内容复制过去后再上传",
    ),
    Code.NEWER_VERSION: (
        "“{file}”的模板版本（第 {found} 版）高于本系统的第 {expected} 版",
        "请在下载该模板的系统中上传，或重新下载模板",
    ),
    Code.NOT_TEMPLATE: ("“{file}”不是从本系统下载的“{expected}”模板", "请下载模板，将内容复制过去后再上传"),
    Code.WRONG_YEAR: ("“{file}”是 {found} 年度的表，本次应为 {expected} 年度", "请核对年度，上传相应年度的文件"),
    Code.WRONG_SCOPE: ("“{file}”是为“{found}”下载的，本次应为“{expected}”", "请上传本单位的文件"),
    Code.SHEET_MISSING: (
        "没有找到工作表“{sheet}”，文件中的工作表为：{present}",
        "请将工作表改回“{sheet}”，或重新下载模板填写",
    ),
    Code.SHEET_AMBIGUOUS: (
        "有多个工作表可能是“{sheet}”：{present}",
        "请只保留其中一个，或将要导入的工作表命名为“{sheet}”",
    ),
    Code.HEADER_MISSING: (
        "没有找到表头。应有的列：{expected}；文件前几行的内容：{present}",
        "请核对表头文字，或使用下载的模板",
    ),
    Code.HEADING_MISSING: ("缺少必需的列：{missing}；文件中的列为：{present}", "请补上缺少的列，或改正列名"),
    Code.HEADING_TWICE: ("有两列都是“{label}”（{first} 和本列）", "请删除或改名其中一列"),
    Code.HEADING_UNKNOWN: ("以下列不属于本表，没有读取：{names}", "如需导入，请将列名改为模板中的名称"),
    Code.TITLE_NOT_ALLOWED: ("表头上方不应有其他内容", "请删除表头上方的行"),
    Code.UNIT_UNKNOWN: ("“{label}”没有注明金额单位", "请在表头写明（元）或（万元）"),
    Code.NO_ROWS: ("工作表“{sheet}”没有数据行", "请填写后再上传"),
    Code.CLASSIFIED_SHEET: (
        "工作表标有密级，整表已拒绝，内容未读取、未保存",
        "本系统严禁录入、上传涉密信息，请删除涉密内容",
    ),
    Code.CLASSIFIED: (
        "该行标有密级，整行已拒绝，内容未读取、未保存",
        "本系统严禁录入、上传涉密信息，请删除该行",
    ),
    Code.DUPLICATE_KEY: ("{label}“{value}”与{first}重复", "请删除或改正其中一行"),
    Code.TOTAL_ROW: ("本表不填合计行", "请删除该行"),
    Code.TOTAL_MISMATCH: (
        "“{label}”合计为 {stated}，而各行之和为 {summed}，相差 {difference}",
        "请核对明细或改正合计",
    ),
    Code.SUBTOTALS_SKIPPED: ("共跳过 {count} 个小计行（第 {rows} 行）", "小计不导入，无须处理"),
    Code.NOTE_SKIPPED: ("该行是表下的说明文字，没有读取", "如应导入，请补全该行各列"),
    Code.ROW_TOO_LONG: (
        "该行比表头多出 {count} 列",
        "请检查金额中的千位逗号或文字中的分隔符是否加了引号，或另存为 .xlsx 格式",
    ),
    Code.REQUIRED: ("“{label}”必填", "请补填"),
    Code.ERROR_CELL: ("单元格是错误值 {value}", "请改正公式，或直接填写数值"),
    Code.FORMULA_EMPTY: ("公式没有计算结果", "请用 Excel 或 WPS 打开文件、保存后再上传，或直接填写数值"),
    Code.MERGED: ("“{label}”在 {range} 是合并单元格，无法对应到每一行", "请取消合并，逐行填写"),
    Code.TOO_LONG: ("“{label}”有 {length} 个字，超过上限 {limit} 个字", "请缩短"),
    Code.CODE_NUMERIC: (
        "单元格是数值格式，超过 15 位的代码已被 Excel 改写",
        "请将该列设为文本格式后重新录入",
    ),
    Code.CODE_SCIENTIFIC: (
        "“{value}”是科学计数法，代码的末几位已丢失",
        "请将该列设为文本格式后重新录入完整代码",
    ),
    Code.CODE_FORMAT: ("“{value}”不是有效的{label}", "请填写代码，不带小数和日期格式"),
    Code.NOT_TEXT: ("“{label}”应填文字，单元格是日期或逻辑值", "请将单元格设为文本格式后重新填写"),
    Code.NOT_MONEY: ("“{value}”不是金额", "请填写阿拉伯数字，如 1234.56"),
    Code.MONEY_TOO_BIG: ("金额 {value} 超出可填范围", "请核对金额单位是元还是万元"),
    Code.MONEY_ROUNDED: ("{value} 元已四舍五入为 {rounded} 元", "金额最小到分，请确认"),
    Code.NOT_INTEGER: ("“{value}”不是整数", "请填写不带小数的阿拉伯数字"),
    Code.NOT_RATE: ("“{value}”不是比率", "请填写百分数，如 85.5%"),
    Code.NOT_DATE: ("“{value}”不是日期", "请填写年月日，如 2023-09-30 或 2023年9月30日"),
    Code.NOT_CHOICE: ("“{value}”不在可选范围内", "请从下拉列表选择：{choices}"),
    Code.NOT_BOOLEAN: ("“{value}”不是“是”或“否”", "请填写“是”或“否”"),
    Code.TOO_MANY_ERRORS: ("错误超过 {limit} 处，后面的没有列出", "请先改正已列出的错误后再上传"),
}


def message(code: Code, **values: object) -> str:
    """The Chinese sentence for `code`: what is wrong, then how to mend it."""
    wrong, mend = TABLE[code]
    return f"{wrong.format(**values)}，{mend.format(**values)}"


_CELL = re.compile(r"([A-Z]+)([0-9]+)$")


def column_letter(index: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_name(row: int, column: int) -> str:
    """Zero-based row and column → the name that Excel shows."""
    return f"{column_letter(column)}{row + 1}"


def cell_position(cell: str | None) -> tuple[int, int]:
    """`B5` → (4, 1); whole-file and whole-sheet errors come first."""
    found = _CELL.match(cell or "")
    if not found:
        return (-1, -1)
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


@dataclass(frozen=True, slots=True)
class CellError:
    """One thing to mend (or, among the warnings, to know). `sheet` and `cell` are None for the whole file.

    `sheet` is the name in the user's own file; `file` the file's name, for imports of several files.
    """

    sheet: str | None
    cell: str | None
    code: str
    message: str
    file: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """The shape of the commands' `errors` and `warnings`."""
        return {"sheet": self.sheet, "cell": self.cell, "code": str(self.code), "message": self.message}

    def named(self, file: str) -> CellError:
        return replace(self, file=file)


class Refused(Exception):
    """The file as a whole cannot be read; carries the one error that says why."""

    def __init__(self, code: Code, **values: object) -> None:
        self.code = code
        self.text = message(code, **values)
        super().__init__(self.text)


if __name__ == "__main__":
    for code, (wrong, mend) in TABLE.items():
        print(f"| {code} | {wrong} | {mend} |")
