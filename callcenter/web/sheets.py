"""Lists as spreadsheets, however long: read from the database a few rows at a time, written by a process beside."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

from callcenter.domain.refusals import Refusal
from callcenter.intake import process
from callcenter.intake.places import Busy
from callcenter.web.kit import Context
from callcenter.web.services import Services

log = logging.getLogger(__name__)

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLICE = 100
"""Rows that are read, and made into lines, in one go: some ten milliseconds of the event loop."""
REST = 0.002
"""Seconds between two of them that belong to everybody else."""

Rows = Sequence[Sequence[Any]]


class Yuan(float):
    """Money as a spreadsheet calculates with it, and shows it with two decimals."""


def yuan(fen: int) -> Yuan:
    return Yuan(fen / 100)


class SheetResponse(web.FileResponse):
    """A workbook that is sent once and then gone; `rows` without its header."""

    def __init__(self, folder: tempfile.TemporaryDirectory[str], path: Path, name: str, rows: int) -> None:
        disposition = f'attachment; filename="{name}.xlsx"'
        super().__init__(path, headers={"Content-Type": TYPE, "Content-Disposition": disposition})
        self._folder = folder
        self.rows = rows

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            return await super().prepare(request)
        finally:
            self._folder.cleanup()


async def answer(
    services: Services, context: Context, name: str, columns: Sequence[str], parts: AsyncGenerator[Rows, None]
) -> SheetResponse:
    """A file `<name>.xlsx` with every row of `parts`; text that looks like a formula, a link or a number stays text.

    Nothing is read from `parts` before it is this person's turn. Raises `exports_busy`.
    """
    try:
        with services.exports.taken(context.me.employee_id) as place:
            async with services.exports.turn(place):
                return await _made(name, columns, parts)
    except Busy as error:
        raise Refusal("exports_busy", retry_after=error.retry_after) from None


async def nothing() -> AsyncGenerator[Rows, None]:
    """The rows of an empty file."""
    no_rows: tuple[Rows, ...] = ()
    for part in no_rows:
        yield part


class pages:  # used like the generator that it would be, could one be closed with its connection
    """A query's rows, a slice at a time; others have the event loop in between."""

    def __init__(self, connection: AsyncConnection, query: Select[Any]) -> None:
        self._connection = connection
        self._query = query
        self._result: AsyncResult[Any] | None = None

    def __aiter__(self) -> pages:
        return self

    async def __anext__(self) -> Sequence[Any]:
        if self._result is None:
            self._result = await self._connection.stream(self._query)
        else:
            await asyncio.sleep(REST)
        rows = await self._result.fetchmany(SLICE)
        if not rows:
            await self._result.close()
            raise StopAsyncIteration
        return rows


async def _made(name: str, columns: Sequence[str], parts: AsyncGenerator[Rows, None]) -> SheetResponse:
    folder = tempfile.TemporaryDirectory(prefix="callcenter-sheet-")
    try:
        path = Path(folder.name) / "list.xlsx"
        writer = await process.begin("callcenter.web.sheet_writer", str(path), Path(folder.name), feed=True)
        try:
            async with contextlib.aclosing(parts):
                rows = await _fed(writer, columns, parts)
            status = await writer.wait()
        finally:
            await process.end(writer)
        if status != 0:
            raise RuntimeError(f"the spreadsheet {name} could not be written: exit status {status}")
        return SheetResponse(folder, path, name, rows)
    except BaseException:
        folder.cleanup()
        raise


async def _fed(writer: asyncio.subprocess.Process, columns: Sequence[str], parts: AsyncGenerator[Rows, None]) -> int:
    """Gives the writer everything; how many rows there were."""
    assert writer.stdin is not None
    count = 0
    writer.stdin.write(_line(columns))
    async for part in parts:
        writer.stdin.write(b"".join(map(_line, part)))
        count += len(part)
        await writer.stdin.drain()
    writer.stdin.write(b"null\n")
    await writer.stdin.drain()
    writer.stdin.close()
    return count


def _line(cells: Iterable[Any]) -> bytes:
    return msgspec.json.encode([[float(cell)] if isinstance(cell, Yuan) else cell for cell in cells]) + b"\n"
