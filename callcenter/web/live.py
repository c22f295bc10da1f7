"""Live push: a snapshot, then numbered deltas; a client that was away resumes where it stopped.

Each company has one numbered stream. A client sees the part of it that its rights allow. Its queue is bounded: who
falls behind loses the queue and gets a new snapshot, and nobody else waits (design rule: a slow reader never slows a
call).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from callcenter.domain.entities import Data, Event, LiveEntities
from callcenter.domain.terms import Scope
from callcenter.domain.today import summed
from callcenter.store.base import utcnow
from callcenter.web.identity import Identity
from callcenter.web.kit import dump
from callcenter.web.live_messages import Delta, Passed, Resumed, Snapshot
from callcenter.web.seen_numbers import is_main_account, seen_by

HISTORY = 2000
"""Stream entries kept per company for resuming."""
QUEUE_LIMIT = 500
"""Messages a client may lag behind before it is sent a snapshot instead."""
FIGURES = "stats"
"""Told anew twice a second with a part for every employee; only the newest counts, so history keeps none of them."""

Pair = tuple[str, str]
"""Kind and key of an entity."""
Entities = Callable[[int], Mapping[str, Any]]
"""A company id -> its `LiveEntities`."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    seq: int
    changed: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    gone: tuple[Pair, ...] = ()
    before: Mapping[Pair, Mapping[str, Any] | None] = field(default_factory=dict)
    """What the entities were before; so it can be said what a client knew that stopped here."""
    event: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    employee_id: int | None = None
    watched: bool = False
    """The event is also for those who watch the employee."""

    def with_figures(self, figures: Mapping[Pair, Mapping[str, Any]]) -> StreamEntry:
        """The same entry with those figures instead of its own; without any where they are missing."""
        if all(kind != FIGURES for kind, _, _ in self.changed):
            return self
        changed = tuple((k, n, figures.get((k, n), {}) if k == FIGURES else value) for k, n, value in self.changed)
        before = {pair: {} if value and pair[0] == FIGURES else value for pair, value in self.before.items()}
        return replace(self, changed=changed, before=before)


@dataclass(slots=True)
class Stream:
    """One company's numbered history."""

    seq: int = 0
    history: deque[StreamEntry] = field(default_factory=lambda: deque(maxlen=HISTORY))
    clients: set[Client] = field(default_factory=set)
    told: dict[Pair, Mapping[str, Any]] = field(default_factory=dict)
    """The entities as clients know them."""


class Client:
    """One connected browser: what it may see and what waits to be sent."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.queue: deque[bytes] = deque()
        self.ready = asyncio.Event()
        self.behind = False
        self.revoked = False
        self.known: set[Pair] = set()
        me = identity
        self.main_account = is_main_account(me)
        seen = None if me.visible is None else sorted(me.visible)
        rights = repr((me.company_id, me.employee_id, me.may("live.view"), self.main_account, seen))
        self.rights = hashlib.sha256(rights.encode()).hexdigest()[:12]
        """Changes with what the client may see: what it knew under other rights is not to be built upon."""
        self.scope = "" if seen is None else repr(seen)
        """Alike for all who see the same employees; they are told the same figures."""

    def sees(self, kind: str, key: str, value: Mapping[str, Any]) -> bool:
        me = self.identity
        if kind == "system":
            return key != "refused" or me.may("platform.manage")
        if kind == FIGURES:
            return me.may("live.view")
        if kind == "queue":
            members = value.get("member_ids") or ()
            own = me.employee_id in members
            return own or (me.may("live.view") and (me.visible is None or any(me.sees(one) for one in members)))
        if kind == "agent":
            own = key == str(me.employee_id)
            return own or (me.may("live.view") and me.sees(int(key)))
        employee = (value.get("employee") or {}).get("id")
        ringing = value.get("ringing") or ()
        if employee == me.employee_id or me.employee_id in ringing:
            return True
        if not me.may("live.view"):
            return False
        # A caller who waits has nobody yet: whoever watches the line's members sees the caller.
        members = (value.get("queue") or {}).get("member_ids") or ()
        return me.visible is None or any(me.sees(one) for one in (employee, *ringing, *members))

    def view(self, kind: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The entity as this client may know it: who is listened to is not told of it, unless the company says so, and
        a hidden number is not told before it rings."""
        if kind == FIGURES:
            return self._figures(value)
        if kind != "call":
            return value
        if value.get("number_hidden") and not self.main_account:
            number = seen_by(self.identity, value["number"], True)
            value = {**value, "number": number.number, "number_display": number.display}
        if value.get("supervision_shown", True):
            return value
        hidden = [leg for leg in value["legs"] if leg["role"] == "supervisor" and not self._may_know(value, leg)]
        if not hidden:
            return value
        unknown = {leg["employee_id"] for leg in hidden}
        return {
            **value,
            "legs": [leg for leg in value["legs"] if leg not in hidden],
            "ringing": [one for one in value["ringing"] if one not in unknown],
        }

    def _figures(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The day's figures of those whom the client sees; calls of nobody belong to who sees the whole company."""
        if self.identity.visible is None:
            return {"date": value["date"], **value["all"]}
        parts = value["parts"].items()
        return {"date": value["date"], **summed(part for key, part in parts if key and self.identity.sees(int(key)))}

    def _may_know(self, value: Mapping[str, Any], leg: Mapping[str, Any]) -> bool:
        me = self.identity
        if leg["employee_id"] == me.employee_id:
            return True
        party = (value.get("employee") or {}).get("id") == me.employee_id or any(
            one["employee_id"] == me.employee_id for one in value["legs"]
        )
        # One who took the call over talks: that cannot be hidden, and must not.
        return leg["place"] == "talking" or (me.may("live.view") and not party)

    def hears(self, employee_id: int | None, watched: bool = False) -> bool:
        """Whether an event for an employee is for this client, or a `watched` one for whoever watches the employee; one
        for nobody is for those who watch the company."""
        me = self.identity
        if employee_id == me.employee_id:
            return True
        return (watched or employee_id is None) and me.may("live.view") and me.sees(employee_id)

    def revoke(self) -> None:
        """The connection has to end, and nothing more may be sent through it."""
        self.revoked = True
        self.queue.clear()
        self.ready.set()

    def offer(self, message: bytes) -> None:
        if self.behind or self.revoked:
            return
        if len(self.queue) >= QUEUE_LIMIT:
            self.behind = True
            self.queue.clear()
        else:
            self.queue.append(message)
        self.ready.set()


class LiveHub:
    """All streams and clients of this process."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(6)
        """A new one after each start: numbers of an earlier process mean nothing now."""
        self._streams: dict[int, Stream] = {}
        self.drops = 0
        """Counts every end of rights, so that who is about to join can see that one came in between."""
        self.snapshot: Entities = lambda company_id: {}

    def stream(self, company_id: int) -> Stream:
        found = self._streams.get(company_id)
        if found is None:
            found = self._streams[company_id] = Stream()
        return found

    # -- the engine's side -----------------------------------------------------------------------------------------

    def publish(
        self,
        company_id: int,
        changed: Sequence[tuple[str, str, Mapping[str, Any]]] = (),
        gone: Sequence[Pair] = (),
    ) -> None:
        """Numbers a change of entities and offers it to every client that may see it."""
        stream = self.stream(company_id)
        before = {(kind, key): stream.told.get((kind, key)) for kind, key, _ in changed}
        before |= {pair: stream.told.get(pair) for pair in gone}
        stream.told |= {(kind, key): value for kind, key, value in changed}
        for pair in gone:
            stream.told.pop(pair, None)
        self._append(stream, StreamEntry(stream.seq + 1, tuple(changed), tuple(gone), before))

    def tell(
        self, company_id: int, event: Event[Data], data: Data, employee_id: int | None, *, watched: bool = False
    ) -> None:
        """`event` with data of the type that belongs to its name."""
        self.event(company_id, event, data, employee_id, watched=watched)

    def event(
        self, company_id: int, name: str, data: Mapping[str, Any], employee_id: int | None, *, watched: bool = False
    ) -> None:
        """A passing event for one employee's screens (None: for everybody who watches the company); `watched`: and for
        whoever watches this employee."""
        stream = self.stream(company_id)
        entry = StreamEntry(stream.seq + 1, event=str(name), data=data, employee_id=employee_id, watched=watched)
        self._append(stream, entry)

    def _append(self, stream: Stream, entry: StreamEntry) -> None:
        stream.seq = entry.seq
        stream.history.append(entry.with_figures({}))
        encoded: dict[tuple[Any, ...], bytes] = {}
        for client in stream.clients:
            message = self._message(client, entry, encoded)
            if message is not None:
                client.offer(message)

    # -- the clients' side -----------------------------------------------------------------------------------------

    def join(self, client: Client, resume: tuple[str, int] | None) -> None:
        """Adds a client; with a `resume` that history still covers it gets what it missed, else a snapshot."""
        stream = self.stream(client.identity.company_id)
        stream.clients.add(client)
        if resume is not None and self._covers(stream, client, resume):
            missed = [entry for entry in stream.history if entry.seq > resume[1]]
            client.known = self._known_then(stream, client, missed)
            epoch = self.epoch_of(client)
            client.queue.append(dump(Resumed(epoch, resume[1], utcnow())))
            for entry in missed:
                message = self._message(client, entry.with_figures(stream.told), {})
                if message is not None:
                    client.queue.append(message)
            client.ready.set()
        else:
            self.reset(client)

    def leave(self, client: Client) -> None:
        self.stream(client.identity.company_id).clients.discard(client)

    def drop(self, company_id: int, employee_id: int) -> None:
        """Ends the live sessions of somebody whose rights changed; the browser comes back with the new ones."""
        self.drops += 1
        for client in list(self.stream(company_id).clients):
            if client.identity.employee_id == employee_id:
                client.revoke()

    def drop_scoped(self, company_id: int) -> None:
        """Ends the live sessions whose data scope hangs on departments or superiors: somebody moved."""
        self.drops += 1
        for client in list(self.stream(company_id).clients):
            if client.identity.scope not in (Scope.SELF, Scope.COMPANY):
                client.revoke()

    def epoch_of(self, client: Client) -> str:
        """The epoch as a client is told it: with its rights, so that a resume under other rights is none."""
        return f"{self.epoch}-{client.rights}"

    def reset(self, client: Client) -> None:
        """Puts a fresh snapshot first in the client's queue."""
        if client.revoked:
            return
        stream = self.stream(client.identity.company_id)
        entities = self._visible(client)
        client.known = {(kind, key) for kind, items in entities.items() for key in items}
        client.queue.clear()
        client.behind = False
        client.queue.append(dump(Snapshot(self.epoch_of(client), stream.seq, utcnow(), cast(LiveEntities, entities))))
        client.ready.set()

    def _visible(self, client: Client) -> dict[str, dict[str, Any]]:
        stream = self.stream(client.identity.company_id)
        everything = dict(self.snapshot(client.identity.company_id))
        today = stream.told.get(("stats", "today"))
        if today is not None:
            everything["stats"] = {"today": today}
        refused = stream.told.get(("system", "refused"))
        if refused is not None:
            everything["system"] = {**everything.get("system", {}), "refused": refused}
        # What the engine has not pushed yet is told here for the first time.
        for kind, items in everything.items():
            for key, value in items.items():
                stream.told.setdefault((kind, key), value)
        kept: dict[str, dict[str, Any]] = {"agent": {}, "call": {}, "queue": {}, "stats": {}, "system": {}}
        for kind, items in everything.items():
            kept[kind] = {
                key: client.view(kind, value) for key, value in items.items() if client.sees(kind, key, value)
            }
        return kept

    def _known_then(self, stream: Stream, client: Client, missed: Sequence[StreamEntry]) -> set[Pair]:
        """What the client knew before it missed those entries: what is told now, and back entry by entry."""
        known = {pair for pair, value in stream.told.items() if client.sees(*pair, value)}
        for entry in reversed(missed):
            for pair, value in entry.before.items():
                if value is not None and client.sees(*pair, value):
                    known.add(pair)
                else:
                    known.discard(pair)
        return known

    def _covers(self, stream: Stream, client: Client, resume: tuple[str, int]) -> bool:
        epoch, seq = resume
        if epoch != self.epoch_of(client) or seq > stream.seq:
            return False
        return seq == stream.seq or (bool(stream.history) and stream.history[0].seq <= seq + 1)

    def _message(self, client: Client, entry: StreamEntry, encoded: dict[tuple[Any, ...], bytes]) -> bytes | None:
        """What one client is told of an entry; clients that see the same share one encoded message."""
        if entry.event:
            if not client.hears(entry.employee_id, entry.watched):
                return None
            key: tuple[Any, ...] = ("event",)
            if key not in encoded:
                encoded[key] = dump(Passed(entry.seq, utcnow(), entry.event, entry.data))
            return encoded[key]
        shown = tuple(index for index, item in enumerate(entry.changed) if client.sees(*item))
        gone = [pair for pair in entry.gone if pair in client.known]
        # Something that moved out of the client's sight is gone for that client.
        for index, (kind, name, _) in enumerate(entry.changed):
            if index not in shown and (kind, name) in client.known:
                gone.append((kind, name))
        if not shown and not gone:
            return None
        client.known |= {entry.changed[index][:2] for index in shown}
        client.known -= set(gone)
        told: list[Any] = [
            (kind, name, client.view(kind, value)) for kind, name, value in (entry.changed[one] for one in shown)
        ]
        own = {one[0] for index, one in zip(shown, told, strict=True) if one[2] is not entry.changed[index][2]}
        # What is hidden depends on who looks, so such a message is nobody else's; figures are those of a data scope.
        whose = (client.scope if FIGURES in own else None, client.identity.employee_id if own - {FIGURES} else None)
        key = ("delta", shown, tuple(gone), whose)
        if key not in encoded:
            encoded[key] = dump(Delta(entry.seq, utcnow(), told, gone))
        return encoded[key]
