"""Who carries out which command, and who is told of what happened.

The engine's rooms sign up when they are made. What is told is a value whose type says what it is; each kind has any
number of listeners, who are told in the order in which they signed up. A command has exactly one who carries it out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from callcenter.domain import events as ev
from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.refusals import Refusal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LegHappened:
    """An event of Asterisk was applied to a leg of a call."""

    call: Call
    leg_id: str
    event: ev.AmiEvent


@dataclass(frozen=True, slots=True)
class LineHappened:
    """Something concerns a line of waiting callers (`engine/inbound/desk.py`)."""

    event: ev.AmiEvent


@dataclass(frozen=True, slots=True)
class OpenLineHappened:
    """Something happened to an agent's open line (`engine/outbound/open_lines.py`); its channel belongs to no call."""

    channel: ev.Channel
    event: ev.AmiEvent


@dataclass(frozen=True, slots=True)
class OriginateFailed:
    """Asterisk could not dial what was asked for under this id, and no call has it."""

    id: str


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """An agent's state, groups or device are not what they were."""

    agent: Agent


@dataclass(frozen=True, slots=True)
class CallOver:
    """A call ended in this moment; it is not committed yet."""

    call: Call


@dataclass(frozen=True, slots=True)
class Committed:
    """These calls stand in the database as they are."""

    calls: Collection[Call]


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set by so much; what somebody keeps in mind of it moves along."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Asterisk refused somebody who registered; `company_id` is the account's, None: there is no such account."""

    company_id: int | None
    account: str
    address: str


class Bus:
    def __init__(self) -> None:
        self._carry_out: dict[type, Callable[[Any], Awaitable[Any]]] = {}
        self._told: dict[type, list[Callable[[Any], object]]] = {}

    def serve(self, kind: type[T], handler: Callable[[T], Awaitable[Any]]) -> None:
        """Signs up for a command or request of exactly that type; ValueError: somebody has already."""
        if kind in self._carry_out:
            raise ValueError(f"{kind.__name__} is carried out elsewhere")
        self._carry_out[kind] = handler

    async def execute(self, command: object) -> Any:
        """Has a command carried out; raises `Refusal`, also when nobody knows it."""
        handler = self._carry_out.get(type(command))
        if handler is None:
            raise Refusal("unknown_command")
        return await handler(command)

    def on(self, kind: type[T], listener: Callable[[T], object]) -> None:
        """Signs up to be told of everything of exactly that type."""
        self._told.setdefault(kind, []).append(listener)

    def tell(self, what: object) -> None:
        """Tells everybody who signed up, now; nobody: nothing happens."""
        for listener in self._told.get(type(what), ()):
            listener(what)
