"""How many uploads there are at once: a few of each person, some in all, and two that are being opened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

EACH, ALL = 3, 24
"""Uploads of one person, and of everybody, that are being received, wait or are being opened."""
OPENING = 2
"""Files that are being opened at once; of one person it is one."""
RETRY_SECONDS = 5


class Busy(Exception):
    """No place is free now; `retry_after` in seconds."""

    retry_after = RETRY_SECONDS


@dataclass(slots=True, eq=False)
class Place:
    """One upload's, from before its body is read until it is answered."""

    person: int
    turn: asyncio.Lock


@dataclass(slots=True)
class _Person:
    places: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Places:
    def __init__(self, each: int = EACH, most: int = ALL, opening: int = OPENING) -> None:
        self._each, self._most = each, most
        self._rooms = asyncio.Semaphore(opening)
        self._people: dict[int, _Person] = {}

    @contextlib.contextmanager
    def taken(self, person: int) -> Iterator[Place]:
        """A place for as long as the block runs; raises `Busy`."""
        mine = self._people.get(person) or _Person()
        if mine.places >= self._each or sum(one.places for one in self._people.values()) >= self._most:
            raise Busy
        self._people[person] = mine
        mine.places += 1
        try:
            yield Place(person, mine.turn)
        finally:
            mine.places -= 1
            if not mine.places:
                del self._people[person]

    def of(self, person: int) -> int:
        """How many places a person has now."""
        return self._people[person].places if person in self._people else 0

    @contextlib.asynccontextmanager
    async def turn(self, place: Place) -> AsyncIterator[None]:
        """Waits until this person's file may be opened; those of others are not held up by a person's second one."""
        async with place.turn, self._rooms:
            yield
