"""Walks the structure of a PDF: header, end, and the table of objects that the end names. Runs in the child."""

from __future__ import annotations

import re
from pathlib import Path

from callcenter.intake.limits import Verdict

_HEADER = re.compile(rb"%PDF-[12]\.[0-9]")
_START = re.compile(rb"startxref\s+([0-9]{1,10})\s+%%EOF")
_TABLE = re.compile(rb"\s*(?:xref\s+[0-9]+\s+[0-9]+|[0-9]+\s+[0-9]+\s+obj\b.{0,4000}?/XRef\b)", re.DOTALL)
_TAIL = 4096
"""Bytes at the end among which a reader looks for the end mark."""


def judged(path: Path) -> Verdict:
    """Sound when the last `startxref` leads to a table of objects or to a stream that is one."""
    content = path.read_bytes()
    if not _HEADER.match(content):
        return Verdict("unreadable", "no header of a PDF")
    starts = list(_START.finditer(content, max(0, len(content) - _TAIL)))
    if not starts:
        return Verdict("unreadable", "the end of the PDF is missing")
    place = int(starts[-1][1])
    if not 0 < place < len(content) or not _TABLE.match(content, place):
        return Verdict("unreadable", "the PDF's table of objects is missing")
    return Verdict()
