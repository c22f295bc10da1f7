"""Opens a workbook or a text with columns and writes its rows, one JSON object in a line. Runs in the child."""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum, load_workbook

from callcenter.domain import delimited, tables
from callcenter.domain.tables import LOOK, Layout, Row, Skipped
from callcenter.intake.limits import MADE, MOST_ROWS, Note, Verdict

MOST_COLUMNS = 200
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How xlsx and ods begin, and xls."""
_NO_RESULT = re.compile(rb"<c (?![^>]*t=\"str\")[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
"""A formula of a cell that is no text: an empty text is a result."""
_SEARCHED = 64 * 1024 * 1024
"""Bytes of an unpacked sheet that are looked through for such cells."""


class _TooMany(Exception):
    """More rows or columns than are taken."""


def judged(path: Path) -> Verdict:
    """Writes the rows beside the file; what is no row of numbers is told in the verdict's notes."""
    content = path.read_bytes()
    writer = _Writer()
    try:
        if content.startswith((_ZIP, _OLE)):
            with load_workbook(io.BytesIO(content)) as book:
                _workbook(book, writer)
            if count := _formulas_without_result(content):
                writer.notes.append(Note("formulas_empty", count))
        else:
            _text(content, writer)
    except _TooMany:
        return Verdict("too_many")
    except delimited.LineTooLong as error:
        return Verdict("line_too_long", line=error.args[0])
    except (CalamineError, delimited.NoText, OSError, ValueError) as error:
        return Verdict("unreadable", str(error)[:300])
    return Verdict(rows=writer.rows, notes=tuple(writer.notes))


class _Writer:
    """Keeps the rows of one table after the other, and notes what was left out."""

    def __init__(self) -> None:
        self.rows = 0
        self.seen = 0
        self.notes: list[Note] = []
        self._encoder = msgspec.json.Encoder()
        Path(MADE).touch()

    def table(self, rows: Iterable[Row], sheet: str = "", layout: Layout | None = None) -> None:
        skipped: dict[str, list[int]] = {}
        found = layout
        with Path(MADE).open("ab") as file:
            head, all_rows = _headed(rows)
            found = layout or tables.layout_of(head)
            for one in tables.read(self._counted(all_rows), sheet, found):
                if isinstance(one, Skipped):
                    skipped.setdefault(one.why, []).append(one.line)
                    continue
                file.write(self._encoder.encode(one) + b"\n")
                self.rows += 1
        self.notes += [Note(why, len(at), sheet, (at[0], at[-1])) for why, at in skipped.items()]
        if self.rows and found.kept:
            self.notes.append(Note("kept_in_remark", len(found.kept), sheet, columns=tuple(found.kept[:20])))

    def left_out(self, rows: Iterable[Row], sheet: str, why: str) -> None:
        lines = [row.line for row in self._counted(rows)]
        if lines:
            self.notes.append(Note(why, len(lines), sheet, (lines[0], lines[-1])))

    def _counted(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Rows that hold anything; raises `_TooMany`."""
        for row in rows:
            if any(cell.strip() for cell in row.cells):
                self.seen += 1
                # One more for the header.
                if self.seen > MOST_ROWS + 1 or len(row.cells) > MOST_COLUMNS:
                    raise _TooMany
                yield row


def _headed(rows: Iterable[Row]) -> tuple[Sequence[Row], Iterable[Row]]:
    """The first rows that hold anything, and all of them."""
    waiting, head = iter(rows), list[Row]()
    for row in waiting:
        if any(cell.strip() for cell in row.cells):
            head.append(row)
        if len(head) >= LOOK:
            break
    return head, _chained(head, waiting)


def _chained(head: Sequence[Row], rest: Iterable[Row]) -> Iterator[Row]:
    yield from head
    yield from rest


# -- text --------------------------------------------------------------------------------------------------------------


def _text(content: bytes, writer: _Writer) -> None:
    text = delimited.decoded(content)
    if text.lstrip()[:1] == "<":
        raise delimited.NoText("a page of HTML or XML, not a table")
    writer.table(Row(line, _trimmed(cells)) for line, cells in delimited.rows_of(text))


# -- workbooks ---------------------------------------------------------------------------------------------------------


def _workbook(book: CalamineWorkbook, writer: _Writer) -> None:
    """Every sheet with numbers is read; those without are named, and so are hidden ones."""
    shown = []
    for place, sheet in enumerate(book.sheets_metadata):
        if sheet.typ is not SheetTypeEnum.WorkSheet:
            continue
        if sheet.visible is SheetVisibleEnum.Visible:
            shown.append(place)
        else:
            writer.left_out(_sheet(book, place), sheet.name, "sheet_hidden")
    names = book.sheet_names
    if len(shown) == 1:
        writer.table(_sheet(book, shown[0]))
        return
    layouts = {place: tables.layout_of(_headed(_sheet(book, place))[0]) for place in shown}
    listed = [place for place in shown if layouts[place].certain] or shown
    for place in shown:
        if place in listed:
            called = names[place] if len(listed) > 1 else ""
            writer.table(_sheet(book, place), called, layouts[place])
        else:
            writer.left_out(_sheet(book, place), names[place], "sheet_without_numbers")


def _formulas_without_result(content: bytes) -> int:
    """Cells whose program wrote the formula and never calculated it: they read as empty, which has to be told."""
    count = 0
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as parts:
        for part in parts.infolist():
            if part.filename.startswith("xl/worksheets/") and part.file_size <= _SEARCHED:
                count += len(_NO_RESULT.findall(parts.read(part)))
    return count


def _sheet(book: CalamineWorkbook, place: int) -> Iterator[Row]:
    for line, cells in enumerate(book.get_sheet_by_index(place).iter_rows(), start=1):
        yield Row(line, _trimmed([_cell(one) for one in cells]))


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _cell(value: Any) -> str:
    """A cell as somebody reads it: a spreadsheet keeps a number like 13800000001 as a fraction."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return str(value.date() if (value.hour, value.minute, value.second) == (0, 0, 0) else value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
