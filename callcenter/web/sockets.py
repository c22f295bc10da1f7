"""The open WebSockets of one kind: whose they are, under which session, and that they end when that ends.

A socket is entered here before anything is awaited, so no end of a right can slip between "may come in" and "is in".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from callcenter.web.identity import Identity

REVOKED = 4401
"""Close code: the right to this socket ended. Whoever still has a session may come back with the new rights."""
REPLACED = 4409
"""Close code: the same person opened a newer one, and this was one too many. It must not come back by itself."""


@dataclass(slots=True, eq=False)
class Socket:
    """One connected socket; `ended` is set when it has to go, with the `code` to close it with."""

    employee_id: int
    session: str
    session_ends: datetime | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = REVOKED

    def end(self, code: int = REVOKED) -> None:
        if not self.ended.is_set():
            self.code = code
            self.ended.set()


class OpenSockets:
    """`most` per person: a further one closes the oldest, and the newest is never refused."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[int, list[Socket]] = {}

    @contextlib.contextmanager
    def opened(self, who: Identity) -> Iterator[Socket]:
        """For as long as a socket is connected."""
        made = Socket(who.employee_id, who.session, who.session_ends)
        own = self._open.setdefault(who.employee_id, [])
        own.append(made)
        alive = [one for one in own if not one.ended.is_set()]
        for oldest in alive[: -self._most]:
            oldest.end(REPLACED)
        try:
            yield made
        finally:
            own.remove(made)
            if not own:
                self._open.pop(who.employee_id, None)

    def count(self, employee_id: int) -> int:
        """How many of a person's are open and not about to be closed."""
        return sum(not one.ended.is_set() for one in self._open.get(employee_id, ()))

    def end(self, employee_id: int, *, only: str = "", but: str = "") -> None:
        """Ends a person's sockets: all, those of session `only`, or all but those of session `but`."""
        for one in self._open.get(employee_id, ()):
            if (not only or one.session == only) and (not but or one.session != but):
                one.end()

    def expired(self, now: datetime) -> list[Socket]:
        """Those whose session is over."""
        return [
            one
            for own in self._open.values()
            for one in own
            if one.session_ends is not None and one.session_ends <= now and not one.ended.is_set()
        ]
