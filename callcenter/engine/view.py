"""The live entities clients see: plain dictionaries made from the registry, with nothing secret in them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from callcenter.domain import numbers
from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.engine.directory import Directory

display = lru_cache(maxsize=4096)(numbers.display)
"""A call is shown many times while it lasts, and the numbering plans take their time."""


def iso(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, as everywhere in the API."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def agent_entity(agent: Agent, directory: Directory, minutes_left: int) -> dict[str, Any]:
    person = directory.people.get(agent.employee_id)
    return {
        "id": agent.employee_id,
        "name": agent.name,
        "department_id": agent.department_id,
        "department": person.department if person else "",
        "state": agent.state.value,
        "reason": agent.reason,
        "since": iso(agent.since),
        "device": agent.device.value,
        "registered": agent.phone_ready,
        "call_id": agent.call_id,
        "minutes_left": minutes_left,
        "wrap_up_ends_at": iso(agent.wrap_up_ends_at),
        "groups": list(agent.group_ids),
    }


def call_entity(call: Call, directory: Directory) -> dict[str, Any]:
    person = directory.people.get(call.employee_id) if call.employee_id is not None else None
    group = directory.groups.get(call.group_id) if call.group_id is not None else None
    return {
        "id": call.id,
        "direction": call.direction.value,
        "mode": call.mode.value,
        "state": call.state.value,
        "employee": {"id": person.id, "name": person.name} if person else None,
        "department_id": person.department_id if person else None,
        "ringing": [leg.employee_id for leg in call.legs.values() if leg.employee_id is not None and not leg.over],
        "number": call.number,
        "number_display": display(call.number),
        "customer": {"id": call.customer_id, "name": call.customer_name} if call.customer_id else None,
        "group": {"id": group.id, "name": group.name} if group else None,
        "started_at": iso(call.started_at),
        "answered_at": iso(call.answered_at),
        "state_since": iso(call.state_since),
        "paid_until": iso(call.paid_until),
        "legs": [
            {
                "id": leg.id,
                "role": leg.role.value,
                "state": leg.state.value,
                "place": leg.place,
                "number": leg.number,
                "employee_id": leg.employee_id,
            }
            for leg in call.legs.values()
        ],
    }


def ended_event(call: Call) -> dict[str, Any]:
    talk = (call.ended_at - call.answered_at).total_seconds() if call.ended_at and call.answered_at else 0
    return {
        "call_id": call.id,
        "direction": call.direction.value,
        "number": call.number,
        "number_display": display(call.number),
        "customer": {"id": call.customer_id, "name": call.customer_name} if call.customer_id else None,
        "disposition": call.disposition.value if call.disposition else None,
        "end_reason": call.end_reason.value if call.end_reason else None,
        "talk_seconds": int(talk),
        "needs_note": True,
    }
