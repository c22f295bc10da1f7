"""What a child may use, and what it leaves for the product: the words that both sides of the room share."""

from __future__ import annotations

import msgspec

MEBIBYTE = 1024 * 1024
MOST_ROWS = 200_000
"""Rows of one table that hold anything."""

GIVEN, MADE, VERDICT = "given", "made", "verdict"
"""Files of the child's folder: what was uploaded, what the child made of it, and in a word how it went."""


class Limits(msgspec.Struct, frozen=True):
    """Of one child: bytes of memory and of what it writes, seconds of work (CPU) and in all."""

    memory: int
    output: int
    work_seconds: int
    seconds: float


class Order(msgspec.Struct, frozen=True):
    """What a child is to do in its folder; `kind`: `table`, `pdf`, or `ffmpeg` with its `command`."""

    kind: str
    limits: Limits
    command: tuple[str, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """A word to the user on rows that are no numbers; `why` is a code, `lines` the first and the last of them."""

    why: str
    count: int
    sheet: str = ""
    lines: tuple[int, int] = (0, 0)
    columns: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """How a table was opened: `fault` is empty, `unreadable`, `too_many` or `line_too_long`."""

    fault: str = ""
    reason: str = ""
    line: int = 0
    rows: int = 0
    notes: tuple[Note, ...] = ()
