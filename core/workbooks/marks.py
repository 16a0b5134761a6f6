"""Rows that are no data: totals, notes under the table, and rows marked as state secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .cells import compact, is_blank

_GRADE = r"(?:绝密|机密|秘密)"
_SECRET = re.compile(
    rf"\A{_GRADE}级?(?:事项|文件|件)?(?:\Z|[★☆*:;,、。/\-—(\[【])"  # 机密, 机密★10年, 秘密：…
    rf"|{_GRADE}级?[★☆]"  # … 机密★10年
    rf"|[【\[(〔<《「]{_GRADE}级?[】\])〕>》」]"  # 【秘密】
    rf"|(?:密级|涉密等级|保密等级)(?:为|是|:)?{_GRADE}"  # 密级：机密
)
_SECRET_ANSWER = re.compile(rf"{_GRADE}|\A(?:是|涉密|Y|YES|TRUE|√)\Z", re.IGNORECASE)

_SUBTOTAL = re.compile(r"(?:本页|本月|本季|本期|部门|单位|科室|其中)?(?:小计|累计)[:]?\Z")
_TOTAL = re.compile(r"(?:本页|本月|本季|本期|本表|全县|全部|总)?(?:合计|总计|共计)[:]?\Z")
_PARTIAL = re.compile(r"(?:本页|本月|本季|本期)")
_NAMED_SUBTOTAL = re.compile(r".+(?:小计|合计)[:]?\Z")
_NOTE = re.compile(
    r"\A(?:注|备注|说明|附注|填表说明|填报说明|制表|填表|填报|编制|审核|复核|经办|负责人|单位负责人|财务负责人|联系人"
    r"|联系电话|打印|导出|日期|盖章|单位盖章)(?:人|单位|日期|时间|\(签字\)|\(盖章\))?[:\d]|\A第\d+页|\A\*+\Z"
)


def is_secret(cell: Any, *, secrecy_column: bool = False) -> bool:
    """Whether a cell marks its row as classified. 保守国家秘密宣传经费 is a project, 机密★10年 is a mark."""
    if isinstance(cell, bool):
        return secrecy_column and cell
    if not isinstance(cell, str) or ("密" not in cell and not secrecy_column):
        return False
    text = compact(cell)
    return bool(_SECRET.search(text) or (secrecy_column and _SECRET_ANSWER.search(text)))


def total_kind(row: Sequence[Any], key_cells: Sequence[int]) -> str | None:
    """`total`, `subtotal`, or None for a row of data.

    The word must fill a cell, and the row must have no key of its own: a project may
    be called 小计. `key_cells` are the columns that make a row a row of data.
    """
    for index, cell in enumerate(row):
        if not isinstance(cell, str) or "计" not in cell:
            continue
        if any(not is_blank(row[other]) for other in key_cells if other != index and other < len(row)):
            continue
        text = compact(cell)
        if _SUBTOTAL.match(text) or (_TOTAL.match(text) and _PARTIAL.match(text)):
            return "subtotal"
        if _TOTAL.match(text):
            return "total"
        if _NAMED_SUBTOTAL.match(text) and len({index, *key_cells}) > 1:
            return "subtotal"
    return None


def is_note(row: Sequence[Any]) -> bool:
    """注：…, 制表人：… — lines under a table."""
    filled = [cell for cell in row if not is_blank(cell)]
    return bool(filled) and len(filled) <= 6 and isinstance(filled[0], str) and bool(_NOTE.match(compact(filled[0])))
