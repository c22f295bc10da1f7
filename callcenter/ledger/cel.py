"""Reads Asterisk's own event records (CEL): one row per channel event, written durably by Asterisk itself.

Reads are short, in ids, and never hold a transaction open: a long reader would make Asterisk drop rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import msgspec

BATCH = 2000
EVENTS = ("CHAN_START", "ANSWER", "BRIDGE_ENTER", "HANGUP", "LINKEDID_END")
"""What a leg is put together from; Asterisk writes more."""
# What a caller names himself may be of any length; a row that does not fit would stop all that come after it.
_SELECT = (
    "SELECT AcctId, eventtype, CAST(eventtime AS REAL), coalesce(substr(cidnum, 1, 40), ''),"  # noqa: S608
    " coalesce(substr(context, 1, 80), ''), coalesce(substr(exten, 1, 80), ''), coalesce(substr(channame, 1, 80), ''),"
    " coalesce(accountcode, ''), uniqueid, linkedid, CASE eventtype WHEN 'HANGUP' THEN eventextra END"
    f" FROM cel WHERE eventtype IN {EVENTS}"
)


class CelRow(msgspec.Struct, frozen=True):
    """One CEL row; `id` grows by one per row of this Asterisk, `at` has microseconds."""

    id: int
    event: str
    at: datetime
    caller_number: str
    context: str
    exten: str
    channel: str
    account: str
    uniqueid: str
    linkedid: str
    cause: int | None


class CelFile:
    """The `master.db` of one Asterisk."""

    def __init__(self, path: Path, node: str) -> None:
        self.path = path
        self.node = node

    async def after(self, last_id: int, limit: int = BATCH) -> list[CelRow]:
        """Rows past `last_id` in order; empty while Asterisk has not made its table yet. Raises OSError when this
        process cannot open the file.
        """
        return await asyncio.to_thread(self._after, last_id, limit)

    async def between(self, start: datetime, end: datetime) -> list[CelRow]:
        """Rows of a stretch of time in order, straight from Asterisk's file."""
        return await asyncio.to_thread(self._between, start.timestamp(), end.timestamp())

    def _between(self, start: float, end: float) -> list[CelRow]:
        if not self.path.exists():
            return []
        query = f"{_SELECT} AND CAST(eventtime AS REAL) >= ? AND CAST(eventtime AS REAL) < ? ORDER BY AcctId"
        with self._connect() as connection:
            return [_row(*row) for row in connection.execute(query, (start, end))]

    def _connect(self) -> contextlib.closing[sqlite3.Connection]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=2, isolation_level=None)
        return contextlib.closing(connection)

    def _after(self, last_id: int, limit: int) -> list[CelRow]:
        if not self.path.exists():
            return []
        query = f"{_SELECT} AND AcctId > ? ORDER BY AcctId LIMIT ?"
        try:
            with self._connect() as connection:
                rows = connection.execute(query, (last_id, limit)).fetchall()
        except sqlite3.OperationalError:
            # Raises where it is we who can open nothing (no descriptors): that is no file without rows.
            self.path.open("rb").close()
            return []  # no table yet, or busy for a moment: the next round reads it
        return [_row(*row) for row in rows]


class _Extra(msgspec.Struct):
    hangupcause: int | str | None = None


_decode_extra = msgspec.json.Decoder(_Extra).decode


def _row(
    id_: int,
    event: str,
    at: float,
    caller: str,
    context: str,
    exten: str,
    channel: str,
    account: str,
    uniqueid: str,
    linkedid: str,
    extra: str | None,
) -> CelRow:
    moment = datetime.fromtimestamp(at, UTC)
    cause = None if extra is None else _cause(extra)
    return CelRow(id_, event, moment, caller, context, exten, channel, account, uniqueid, linkedid, cause)


def _cause(extra: str) -> int | None:
    try:
        cause = _decode_extra(extra or "{}").hangupcause
    except msgspec.DecodeError:
        return None
    if isinstance(cause, str):
        return int(cause) if cause.isdigit() else None
    return cause
