"""What must be done once the database is there again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from callcenter.store.errors import DatabaseUnavailable

T = TypeVar("T")
log = logging.getLogger(__name__)
AGAIN_SECONDS = 0.5


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Does `work`, and again from its beginning as long as the database is away or has no room; for what may be done
    twice."""
    told = False
    while True:
        try:
            return await work()
        except (DatabaseUnavailable, OperationalError) as error:
            if isinstance(error, OperationalError) and "full" not in str(error.orig):
                raise
            log.log(logging.DEBUG if told else logging.WARNING, "%s; what is due waits for it", error)
            told = True
            await asyncio.sleep(AGAIN_SECONDS)
