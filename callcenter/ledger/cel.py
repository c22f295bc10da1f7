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
COLUMNS = "eventtype, eventtime, cidnum, context, exten, channame, accountcode, uniqueid, linkedid, eventextra"


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
        """Rows past `last_id` in order; empty while Asterisk has not made its table yet."""
        return await asyncio.to_thread(self._after, last_id, limit)

    async def between(self, start: datetime, end: datetime) -> list[CelRow]:
        """Rows of a stretch of time in order, straight from Asterisk's file."""
        return await asyncio.to_thread(self._between, start.timestamp(), end.timestamp())

    def _between(self, start: float, end: float) -> list[CelRow]:
        if not self.path.exists():
            return []
        query = (
            f"SELECT AcctId, {COLUMNS} FROM cel "  # noqa: S608
            "WHERE CAST(eventtime AS REAL) >= ? AND CAST(eventtime AS REAL) < ? ORDER BY AcctId"
        )
        with self._connect() as connection:
            return [_row(*row) for row in connection.execute(query, (start, end))]

    def _connect(self) -> contextlib.closing[sqlite3.Connection]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=2, isolation_level=None)
        return contextlib.closing(connection)

    def _after(self, last_id: int, limit: int) -> list[CelRow]:
        if not self.path.exists():
            return []
        query = f"SELECT AcctId, {COLUMNS} FROM cel WHERE AcctId > ? ORDER BY AcctId LIMIT ?"  # noqa: S608
        try:
            with self._connect() as connection:
                rows = connection.execute(query, (last_id, limit)).fetchall()
        except sqlite3.OperationalError:
            return []  # no table yet, or busy for a moment: the next round reads it
        return [_row(*row) for row in rows]


class _Extra(msgspec.Struct):
    hangupcause: int | str | None = None


_decode_extra = msgspec.json.Decoder(_Extra).decode


def _row(
    id_: int,
    event: str,
    at: str,
    caller: str,
    context: str,
    exten: str,
    channel: str,
    account: str,
    uniqueid: str,
    linkedid: str,
    extra: str | None,
) -> CelRow:
    return CelRow(
        id=id_,
        event=event,
        at=datetime.fromtimestamp(float(at), UTC),
        # What a caller names himself may be of any length; a row that does not fit would stop all that come after it.
        caller_number=(caller or "")[:40],
        context=(context or "")[:80],
        exten=(exten or "")[:80],
        channel=(channel or "")[:80],
        account=account or "",
        uniqueid=uniqueid,
        linkedid=linkedid,
        cause=_cause(extra) if event == "HANGUP" else None,
    )


def _cause(extra: str | None) -> int | None:
    try:
        cause = _decode_extra(extra or "{}").hangupcause
    except msgspec.DecodeError:
        return None
    if isinstance(cause, str):
        return int(cause) if cause.isdigit() else None
    return cause
