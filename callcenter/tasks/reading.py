"""Files of numbers: xlsx, csv and pasted text, as rows of text. Slow work: call `opened` in a thread."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from python_calamine import CalamineError, load_workbook

from callcenter.domain.dial_tasks import Typed, is_header

MOST_ROWS = 200_000
"""Of one file, the header not counted."""
LARGEST = 20 * 1024 * 1024
"""Bytes of a file."""
LARGEST_UNPACKED = 600 * 1024 * 1024
"""Bytes that a workbook may take when it is unpacked: small files can hold enormous ones."""
WIDTHS = (100, 100, 200, 500)
"""Characters kept of number, name, company and remark."""
DELIMITERS = "\t;"
"""Besides the comma."""


class Unreadable(ValueError):
    """Neither a workbook nor a text."""


class TooLarge(ValueError):
    """More rows than `MOST_ROWS`."""


def opened(content: bytes) -> Iterator[Typed]:
    """The rows of a file; what kind it is, its first bytes say. Raises `Unreadable` or `TooLarge` at once."""
    table = _workbook(content) if content.startswith(b"PK\x03\x04") else _text(content)
    return _rows(table)


def _workbook(content: bytes) -> Iterator[Sequence[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if sum(part.file_size for part in parts.infolist()) > LARGEST_UNPACKED:
                raise TooLarge
        sheet = load_workbook(io.BytesIO(content)).get_sheet_by_index(0)
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, IndexError) as error:
        if isinstance(error, TooLarge):
            raise
        raise Unreadable(str(error)) from None
    if sheet.height > MOST_ROWS + 1:
        raise TooLarge
    return sheet.iter_rows()


def _text(content: bytes) -> Iterator[Sequence[Any]]:
    text = _decoded(content)
    if "\x00" in text:
        raise Unreadable("the text holds NUL")
    if text.count("\n") > MOST_ROWS + 1:
        raise TooLarge
    first, _, _ = text.partition("\n")
    delimiter = next((one for one in DELIMITERS if one in first), ",")
    # A list typed in Chinese has the wide comma.
    return csv.reader(io.StringIO(text.replace("，", ",")), delimiter=delimiter)


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("neither UTF-8 nor GB18030")


def _rows(table: Iterable[Sequence[Any]]) -> Iterator[Typed]:
    """Rows with anything in them; a header is left out."""
    try:
        for line, cells in enumerate(table, start=1):
            texts = [_cell(one)[:width] for one, width in zip(cells, WIDTHS, strict=False)]
            if not any(texts) or (line == 1 and is_header(texts[0])):
                continue
            yield Typed(line, *texts)
    except csv.Error as error:
        raise Unreadable(str(error)) from None


def _cell(value: Any) -> str:
    """A cell as somebody reads it: a spreadsheet keeps a number like 13800000001 as a fraction."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime):
        value = value.isoformat(" ")
    return str(value).replace("\x00", "").strip()
