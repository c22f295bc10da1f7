"""Writes one workbook from rows that come in, in a process of its own: it takes a core for seconds.

Standard input: a JSON line with the columns, then one with a list for each row, then `null`. Money is a list of one
number. Nothing that a cell says is a formula, a link or a number unless it came as a number.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import xlsxwriter

SHEET_ROWS = 1_048_576
"""Rows that a sheet may have; what is more goes on in the next one, under the same header."""
LONGEST = 32_767
"""UTF-16 units that a cell takes."""
MONEY = "¥#,##0.00;-¥#,##0.00"
"""How 1234.5 is shown: ¥1,234.50."""
EXACT = 2**53
"""From here on a spreadsheet rounds whole numbers."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def main(target: str) -> None:
    """Writes `target`, whole or not at all; the exit status is 1 when the rows end before their end mark."""
    os.nice(10)
    path = Path(target)
    complete = written(sys.stdin.buffer, path)
    if not complete:
        path.unlink(missing_ok=True)
        sys.exit(1)


def written(lines: IO[bytes], path: Path, sheet_rows: int = SHEET_ROWS) -> bool:
    """Whether the end mark came."""
    decode = msgspec.json.Decoder().decode
    columns = decode(lines.readline() or b"[]")
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    money = book.add_format({"num_format": MONEY})
    complete = _sheets(book, columns, map(decode, lines), money, sheet_rows)
    book.close()
    return complete


def _sheets(book: Any, columns: Sequence[str], rows: Iterable[Any], money: Any, sheet_rows: int) -> bool:
    sheet, line = book.add_worksheet(), 0
    _row(sheet, line, columns, money)
    for row in rows:
        if row is None:
            return True
        line += 1
        if line == sheet_rows:
            sheet, line = book.add_worksheet(), 1
            _row(sheet, 0, columns, money)
        _row(sheet, line, row, money)
    return False


def _row(sheet: Any, line: int, cells: Sequence[Any], money: Any) -> None:
    for place, value in enumerate(cells):
        if value is None or value == "":
            continue
        if isinstance(value, list):
            sheet.write_number(line, place, value[0], money)
        elif isinstance(value, str) or abs(value) >= EXACT:
            sheet.write_string(line, place, text_of(str(value)))
        else:
            sheet.write_number(line, place, value)


def text_of(value: str) -> str:
    """A text as a cell can hold it: what no file of this kind holds is a sign, and a cut is said."""
    text = _NO_XML.sub("\ufffd", value)
    if len(text) * 2 <= LONGEST:
        return text
    units = text.encode("utf-16-le")
    if len(units) // 2 <= LONGEST:
        return text
    said = f"…（单元格放不下，全文共 {len(text)} 字）"
    return units[: 2 * (LONGEST - len(said))].decode("utf-16-le", "ignore") + said
