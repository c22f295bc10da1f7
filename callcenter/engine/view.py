"""The live entities clients see, made from the registry, with nothing secret in them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import overload

from callcenter.domain import numbers
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.calls import Call, Leg
from callcenter.domain.dial_tasks import seen
from callcenter.domain.entities import Armed, CallEnded, LinePlace, LiveAgent, LiveCall, LiveLeg, Ref
from callcenter.domain.terms import Disposition
from callcenter.engine.directory import Directory, Group

display = lru_cache(maxsize=4096)(numbers.display)
"""A call is shown many times while it lasts, and the numbering plans take their time."""


@overload
def iso(moment: datetime) -> str: ...


@overload
def iso(moment: None) -> None: ...


@overload
def iso(moment: datetime | None) -> str | None: ...


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, as everywhere in the API."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def agent_entity(agent: Agent, directory: Directory, minutes_left: int) -> LiveAgent:
    person = directory.people.get(agent.employee_id)
    return {
        "id": agent.employee_id,
        "name": agent.name,
        "department_id": agent.department_id,
        "department": person.department if person else "",
        "state": agent.state,
        "reason": agent.reason,
        "since": iso(agent.since),
        "device": agent.device,
        "registered": agent.phone_ready,
        "call_id": agent.call_id,
        "minutes_left": minutes_left,
        "wrap_up_ends_at": iso(agent.wrap_up_ends_at),
        "set_by": _named(directory, agent.set_by),
        "groups": list(agent.group_ids),
        "line": agent.line,
    }


def _named(directory: Directory, employee_id: int | None) -> Ref | None:
    person = directory.people.get(employee_id) if employee_id is not None else None
    return {"id": person.id, "name": person.name} if person else None


def _leg_entity(leg: Leg, directory: Directory) -> LiveLeg:
    person = directory.people.get(leg.employee_id) if leg.employee_id is not None else None
    device = employee_of(leg.channel) if leg.employee_id is not None else None
    return {
        "id": leg.id,
        "role": leg.role,
        "state": leg.state,
        "place": leg.place,
        "number": leg.number,
        "employee_id": leg.employee_id,
        "name": person.name if person else "",
        "device": device[1] if device else None,
        "phone_hold": leg.phone_hold,
        "muted": leg.muted,
    }


def call_entity(call: Call, directory: Directory) -> LiveCall:
    person = directory.people.get(call.employee_id) if call.employee_id is not None else None
    group = directory.groups.get(call.group_id) if call.group_id is not None else None
    rules = directory.companies.get(call.company_id)
    return {
        "id": call.id,
        "direction": call.direction,
        "mode": call.mode,
        "leg_order": call.leg_order,
        "company_number": call.company_number,
        "company_number_display": display(call.company_number),
        "caller_id_reason": call.caller_id_reason,
        "armed": _armed(call, directory),
        "state": call.state,
        "employee": {"id": person.id, "name": person.name} if person else None,
        "department_id": person.department_id if person else None,
        "ringing": [leg.employee_id for leg in call.legs.values() if leg.employee_id is not None and not leg.over],
        "number": call.number,
        "number_display": display(call.number),
        "number_hidden": call.hides_number,
        "customer": _customer(call),
        "group": {"id": group.id, "name": group.name} if group else None,
        "queue": _queue(call, group, directory) if group and call.queue_position is not None else None,
        "started_at": iso(call.started_at),
        "answered_at": iso(call.answered_at),
        "state_since": iso(call.state_since),
        "paid_until": iso(call.paid_until),
        "legs": [_leg_entity(leg, directory) for leg in call.legs.values()],
        "supervision_shown": bool(rules and rules.supervision_shown),
    }


def _armed(call: Call, directory: Directory) -> Armed | None:
    """What a call-through waits for: which phone has to call which number, and until when."""
    rules, seat = directory.companies.get(call.company_id), directory.seats.get(call.employee_id or 0)
    if not call.waits_for_agent or call.armed_until is None or rules is None or seat is None:
        return None
    return {
        "access_number": rules.access_number,
        "phone": seat.bound_phone,
        "phone_display": display(seat.bound_phone),
        "until": iso(call.armed_until),
    }


def _queue(call: Call, group: Group, directory: Directory) -> LinePlace:
    """The caller's place in the line and whose line it is; `expected_seconds` is null when nobody knows."""
    return {
        "id": group.id,
        "name": group.name,
        "position": call.queue_position,
        "waited_since": iso(call.queued_at),
        "expected_seconds": call.expected_wait,
        "member_ids": [person.id for person in directory.people.values() if group.id in person.group_ids],
    }


def _customer(call: Call) -> Ref | None:
    return {"id": call.customer_id, "name": call.customer_name} if call.customer_id else None


def ended_event(call: Call, now: datetime) -> CallEnded:
    """What an agent is told whose part in a call is over; others may still talk (`end_reason` is empty then)."""
    number = seen(call.number, hidden=call.hides_number, main_account=False)  # who had it dials, so is none
    talk = ((call.ended_at or now) - call.answered_at).total_seconds() if call.answered_at else 0
    return {
        "call_id": call.id,
        "direction": call.direction,
        "number": number.number,
        "number_display": number.display,
        "customer": _customer(call),
        "disposition": (call.disposition or Disposition.ANSWERED) if call.answered_at or call.over else None,
        "end_reason": call.end_reason,
        "talk_seconds": int(talk),
        "needs_note": call.asks_note,
    }
