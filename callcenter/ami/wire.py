"""panoramisk, contained: its Manager, AMIProtocol and Action with every trap closed that loses or doubles
something. It reports to a `Sink` and decides nothing; states and reconnecting live in `link.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from callcenter.ami.errors import ActionRefused, AmiError, BadValue, LinkDown
from callcenter.ami.parse import PARSERS, Framer, event_name, headers
from callcenter.domain.events import AmiEvent

log = logging.getLogger(__name__)

MAX_LIST: Final = 200_000
"""Events one list action may answer with; more is a fault, not a list."""

BANNER: Final = "Asterisk Call Manager/"


class Stats:
    """Counters since the link was made; for metrics and tests."""

    __slots__ = (
        "action_timeouts",
        "actions",
        "bytes",
        "deliver_errors",
        "delivered",
        "discarded",
        "events",
        "ignored",
        "late_answers",
        "oversized",
        "reconnects",
        "unparsed",
    )

    def __init__(self) -> None:
        self.bytes = 0
        self.events = 0
        """AMI events received, answers to actions not counted."""
        self.ignored = 0
        """Events the product has no use for."""
        self.unparsed = 0
        """Events it wants but could not read, and blocks that are neither event nor answer."""
        self.delivered = 0
        self.deliver_errors = 0
        self.discarded = 0
        """Events held behind a snapshot that never came because the link broke."""
        self.oversized = 0
        self.actions = 0
        self.action_timeouts = 0
        self.late_answers = 0
        """Answers to actions that nobody awaits any more."""
        self.reconnects = 0
        """Times the link became LIVE again."""

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


class Sink(Protocol):
    """What the wire reports to."""

    def on_events(self, events: list[AmiEvent]) -> None:
        """Typed events in the order in which Asterisk sent them."""

    def on_booted(self) -> None:
        """`FullyBooted` was seen on this connection."""

    def on_lost(self, reason: str) -> None:
        """The connection is gone; called once per connection, after its actions have failed."""


class Pending(Action):  # type: ignore[misc]
    """An action on its way. Unlike panoramisk's it knows from the start whether a list follows, so an error
    ends a list, and an Originate without `Async` cannot break the connection."""

    def __init__(self, fields: Mapping[str, str | Sequence[str]], end_event: str = "") -> None:
        super().__init__(fields)
        self.end_event = end_event
        self.rows: list[dict[str, str]] = []

    def answer(self, block: str) -> bool:
        """Takes one block with this action's id; True if it was the last one."""
        if block.startswith("Event: "):
            if event_name(block) != self.end_event:
                self.rows.append(headers(block))
                if len(self.rows) <= MAX_LIST:
                    return False
                self.fail(ActionRefused(f"a list of more than {MAX_LIST} rows"))  # cut short it would be a lie
        else:
            message = Message.from_line(block)
            if message is None:
                return False
            self.responses.append(message)
            if message.success and self.end_event:
                return False
        if not self.future.done():
            self.future.set_result(self.responses[0] if self.responses else Message({"Response": "Success"}))
        return True

    @property
    def answered(self) -> bool:
        return self.future.done() and not self.future.cancelled() and self.future.exception() is None

    def fail(self, error: AmiError) -> None:
        """Ends the wait with `error`."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # its sender may be gone; that is no error of its own

    def wants(self, block: str) -> bool:
        """An event that carries our id is ours only if we asked for a list; others are news for all."""
        return bool(self.end_event) or not block.startswith("Event: ")


class _EveryAction:
    """panoramisk sends unanswered actions again after a reconnect unless they are named as forgettable."""

    def __contains__(self, name: object) -> bool:
        return True


class GuardedProtocol(AMIProtocol):  # type: ignore[misc]
    """One TCP connection: whole blocks in, typed events and answers out, failures at once."""

    def __init__(self, sink: Sink, stats: Stats) -> None:
        self.sink = sink
        self.stats = stats
        self.framer = Framer()
        self.booted = False
        self.last_received = 0.0
        """Loop time of the last bytes; what tells a busy peer from a dead one."""
        self.closed = False
        self.responses: dict[str, Pending] = {}
        self.version: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.last_received = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        self.last_received = asyncio.get_running_loop().time()
        stats = self.stats
        stats.bytes += len(data)
        events: list[AmiEvent] = []
        ignored = seen = 0
        for block in self.framer.feed(data):
            if block[:7] != "Event: ":
                if block:
                    self._answer_or_noise(block)
                continue
            if self.responses and "\r\nActionID: " in block and self._answer(block):
                continue
            seen += 1
            parser = PARSERS.get(block[7 : block.find("\r\n")])
            if parser is None:
                ignored += 1
                if not self.booted and event_name(block) == "FullyBooted":
                    self.booted = True
                    self.sink.on_booted()
                continue
            event = parser(block)
            if event is None:
                stats.unparsed += 1
            else:
                events.append(event)
        stats.events += seen
        stats.ignored += ignored
        if self.framer.oversized:
            log.warning("AMI sent a block that is too long; it was dropped")
            stats.oversized += self.framer.oversized
            self.framer.oversized = 0
        if events:
            self.sink.on_events(events)

    def _answer_or_noise(self, block: str) -> None:
        if self.version is None and block.startswith(BANNER):
            # The greeting ends with one line break only, so it sticks to the first block.
            banner, _, block = block.partition("\r\n")
            self.version = banner.removeprefix(BANNER)
            if not block:
                return
        if block.startswith("Response: "):
            if not self._answer(block):
                self.stats.late_answers += 1
        else:
            self.stats.unparsed += 1

    def _answer(self, block: str) -> bool:
        """Gives an answer to the action that awaits it; False if none does."""
        action_id = headers(block).get("ActionID", "")
        pending = self.responses.get(action_id)
        if pending is None or not pending.wants(block):
            return False
        if pending.answer(block):
            del self.responses[action_id]
        return True

    def send(self, data: Any, as_list: Any = False) -> Any:
        """Writes a `Pending`; raises `BadValue` if its id is in use, `LinkDown` if the connection is gone."""
        if self.closed:
            raise LinkDown("the connection is gone")
        if data.id in self.responses:
            raise BadValue(f"an action with the id {data.id} is still unanswered")
        self.stats.actions += 1
        return super().send(data, as_list=as_list)

    def forget(self, pending: Pending) -> None:
        """Stops waiting; an answer that still comes is counted and dropped."""
        if self.responses.get(pending.id) is pending:
            del self.responses[pending.id]

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop(str(exc) if exc else "Asterisk closed the connection")

    def close(self) -> None:
        self.drop("closed")

    def drop(self, reason: str) -> None:
        """Ends the connection and fails its actions now: `close` of the transport would first try to send
        what a dead peer will never take."""
        if self.closed:
            return
        self.closed = True
        pending, self.responses = list(self.responses.values()), {}
        for action in pending:
            action.fail(LinkDown(reason))
        self.transport.abort()
        self.sink.on_lost(reason)


class GuardedManager(Manager):  # type: ignore[misc]
    """panoramisk's Manager without its own login, pings, replays and reconnects: the link does those."""

    def __init__(self, host: str, port: int, sink: Sink, stats: Stats) -> None:
        super().__init__(
            host=host,
            port=port,
            protocol_factory=lambda: GuardedProtocol(sink, stats),
            forgetable_actions=_EveryAction(),
            log=log,
        )
        self.shut = False

    def connect(self, *_args: Any, **_kwargs: Any) -> asyncio.Task[Any]:
        """Opens one connection; the task raises OSError. Never after `close`, whatever timer calls it."""
        if self.shut:
            raise LinkDown("the link is closed")
        self.loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] = super().connect()
        return task

    def connection_made(self, f: asyncio.Task[Any]) -> None:
        if f.cancelled() or f.exception() is not None:
            return  # whoever awaits the task sees it
        if self.shut:
            f.result()[0].abort()
            return
        super().connection_made(f)
        self.pinger.cancel()

    def connection_lost(self, exc: object) -> None:
        """panoramisk would set a timer to reconnect here, which `close` does not stop."""

    def dispatch(self, event: Message) -> list[str]:
        """Nothing listens here: events reach their one consumer through the sink."""
        return []

    async def send_awaiting_actions(self, *_: object) -> None:
        """Nothing is ever sent a second time."""
        self.awaiting_actions.clear()

    def close(self) -> None:
        self.shut = True
        super().close()
