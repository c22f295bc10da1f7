"""What time alone makes due: features declare it, and the running product does it once a minute."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from callcenter.declared import declared
from callcenter.store.database import Database


@dataclass(frozen=True, slots=True)
class Due:
    """`run` does everything that is due at a moment, nothing twice, and says whether the engine has to look again."""

    name: str
    run: Callable[[Database, datetime], Awaitable[bool]]


async def run_due(database: Database, now: datetime) -> bool:
    """Does everything that is due; whether the engine has to read the directory again."""
    moved = [await one.run(database, now) for one in declared(Due)]
    return any(moved)
