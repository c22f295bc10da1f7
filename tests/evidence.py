"""What an installation can say about a test that failed: its log, Asterisk's own records, what its agents were told."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.live.installation import Installation

RECENT_SECONDS = 60
LINES = 25


def evidence(site: Installation) -> list[tuple[str, str]]:
    """Titled texts, short enough to be read in a test's report."""
    return [
        ("the product's log", site.log_tail(12)),
        ("Asterisk's records", "\n".join(_records(site))),
        ("what the agents were told", "\n".join(_told(site))),
    ]


def _records(site: Installation) -> list[str]:
    path = f"file:{site.stack.pbx.cel_database}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, uri=True)) as db:
        rows = db.execute(
            "SELECT eventtime, eventtype, channame, accountcode, context, exten FROM cel WHERE eventtime > ?"
            " ORDER BY AcctId DESC LIMIT ?",
            (time.time() - RECENT_SECONDS, LINES),
        ).fetchall()
        return [" ".join(str(one) for one in row) for row in reversed(rows)]
    return []


def _told(site: Installation) -> list[str]:
    since = time.monotonic() - RECENT_SECONDS
    lines = []
    for login, agent in site.agents.items():
        recent = [one for one in agent.live.seen if one.at >= since]
        lines += [f"{login} {one.at - since:6.2f} {_short(one.message)}" for one in recent[-8:]]
    return lines[-LINES:]


def _short(message: dict[str, object]) -> str:
    kept = {key: value for key, value in message.items() if key not in ("entities", "epoch", "now")}
    return json.dumps(kept, ensure_ascii=False)[:300]
