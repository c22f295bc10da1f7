"""Lists as spreadsheets."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from aiohttp import web

EXPORT_LIMIT = 50_000
"""Rows of one file."""
MONEY = "¥#,##0.00;-¥#,##0.00"
"""How 1234.5 is shown: ¥1,234.50."""


async def answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> web.Response:
    """A file `<name>.xlsx` with one sheet; text that looks like a formula stays text."""
    content = await asyncio.to_thread(_workbook, columns, list(rows))
    return web.Response(
        body=content,
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{name}.xlsx"'},
    )


class Yuan(float):
    """Money as a spreadsheet calculates with it, and shows it with two decimals."""


def yuan(fen: int) -> Yuan:
    return Yuan(fen / 100)


def _workbook(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xlsx"
        book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
        sheet = book.add_worksheet()
        money = book.add_format({"num_format": MONEY})
        sheet.write_row(0, 0, columns)
        for line, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                sheet.write(line, column, value, money if isinstance(value, Yuan) else None)
        book.close()
        return path.read_bytes()
