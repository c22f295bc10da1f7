"""The calls and agents alive right now, and which leg belongs to which call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from callcenter.domain import events as ev
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.call_rules import add_leg
from callcenter.domain.calls import Call, Leg
from callcenter.domain.facts import Fact
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.terms import CallState, Direction, Role, Source
from callcenter.engine.directory import Directory

INBOUND_CONTEXTS = frozenset({"from-trunk", "inbound"})
REMEMBERED = 5000
_ROLES = {role.value: role for role in Role}
_normalised = lru_cache(maxsize=4096)(normalise_or_raw)
"""For the numbers that callers dial: a few, over and over."""


@dataclass(slots=True)
class Registry:
    """In-memory state of one engine; touched only by the engine's own loop."""

    region: str = "CN"
    calls: dict[str, Call] = field(default_factory=dict)
    agents: dict[int, Agent] = field(default_factory=dict)
    call_of_leg: dict[str, str] = field(default_factory=dict)
    ended: dict[str, None] = field(default_factory=dict)
    """Ids of calls that ended a short while ago: a late event must not bring one back to life."""

    def find(self, channel: ev.Channel) -> tuple[Call, Leg] | None:
        """The call and leg of a channel that is known already."""
        call = self.calls.get(self.call_of_leg.get(channel.uniqueid, ""))
        if call is None:
            return None
        leg = call.legs.get(channel.uniqueid)
        return (call, leg) if leg is not None else None

    def adopt(self, channel: ev.Channel, directory: Directory, now: datetime) -> tuple[Call, Leg, list[Fact]] | None:
        """Finds or makes the call and leg of a channel by its account code; None when it is none of ours."""
        known = self.find(channel)
        if known is not None:
            return (*known, [])
        if channel.name.endswith(";2"):
            return None  # the far half of a Local channel; the near half is the leg
        call_id, _, role_name = channel.account.rpartition(".")
        role = _ROLES.get(role_name)
        if not call_id or role is None:
            return None
        call = self.calls.get(call_id)
        if call is None:
            if role is not Role.CUSTOMER or call_id != channel.uniqueid or call_id in self.ended:
                return None
            call = self._inbound(channel, directory, now)
            if call is None:
                return None
        leg = self._leg(channel, role, call, directory)
        self.call_of_leg[channel.uniqueid] = call.id
        facts = add_leg(call, leg, now)
        return call, call.legs[leg.id], facts

    def _inbound(self, channel: ev.Channel, directory: Directory, now: datetime) -> Call | None:
        number = _normalised(channel.exten, self.region)
        group = directory.group_of_number(number)
        if group is None:
            return None
        call = Call(
            id=channel.uniqueid,
            company_id=group.company_id,
            direction=Direction.INBOUND,
            number=normalise_or_raw(channel.caller_number, self.region),
            started_at=now,
            source=Source.INBOUND,
            group_id=group.id,
            company_number=number,
            state=CallState.QUEUED,
            state_since=now,
            recorded=directory.companies[group.company_id].recording,
        )
        self.calls[call.id] = call
        return call

    def _leg(self, channel: ev.Channel, role: Role, call: Call, directory: Directory) -> Leg:
        employee = employee_of(channel.name) if role is not Role.CUSTOMER else None
        employee_id = employee[0] if employee else None
        if employee_id is None and role is Role.AGENT and call.direction is Direction.OUTBOUND:
            # An outside phone, or a call on an open line: the channel's name does not say whose.
            employee_id = call.employee_id
        elif employee_id is None and role is Role.AGENT:
            # The line overflowed to an employee's own phone.
            group = directory.groups.get(call.group_id or 0)
            employee_id = group.overflow_employee_id if group is not None else None
        return Leg(
            id=channel.uniqueid,
            role=role,
            channel=channel.name,
            number=call.number if role is Role.CUSTOMER else "",
            employee_id=employee_id,
        )

    def forget(self, call: Call) -> None:
        """Drops an ended call; its rows stay in the database."""
        self.calls.pop(call.id, None)
        self.ended[call.id] = None
        while len(self.ended) > REMEMBERED:
            del self.ended[next(iter(self.ended))]
        for leg_id in call.legs:
            self.call_of_leg.pop(leg_id, None)

    def calls_of(self, employee_id: int) -> Iterator[Call]:
        """Calls that ring at or talk with an agent."""
        for call in self.calls.values():
            if call.over:
                continue
            being_dialled = call.direction is Direction.OUTBOUND and call.answered_at is None
            if being_dialled and call.employee_id == employee_id:
                yield call
                continue
            if any(leg.employee_id == employee_id and not leg.over for leg in call.legs.values()):
                yield call
