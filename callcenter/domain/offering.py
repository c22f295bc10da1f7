"""Whether a call is brought to an agent, and whether that agent let it ring in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callcenter.domain.agents import employee_of
from callcenter.domain.terms import Direction, EndReason, LegState, Role, Source

if TYPE_CHECKING:
    from callcenter.domain.calls import Call, Leg

_TALKING = frozenset({LegState.CONNECTED, LegState.HELD})
_NOT_MISSED = frozenset({"ANSWER", "CANCEL"})
"""Dial statuses that say nothing against the agent: a caller who gave up, or was answered elsewhere, is a CANCEL."""
_AGENT_MISSED = frozenset({EndReason.AGENT_NO_ANSWER, EndReason.AGENT_BUSY})


def is_offered(call: Call, leg: Leg) -> bool:
    """Whether the call is brought to this agent: from a queue, or by a colleague who consults or transfers."""
    if leg.role is Role.THIRD:
        return True
    first = call.direction is Direction.OUTBOUND and call.answered_at is None
    if first or leg.role is not Role.AGENT:
        return False
    # A browser that comes back after a reload rings for a call that its agent is in already.
    return not any(
        one.employee_id == leg.employee_id and one.state in _TALKING for one in call.legs.values() if one is not leg
    )


def missed_by(call: Call, leg: Leg, status: str) -> int | None:
    """The employee at whose own phone the call rang in vain, by how that dial ended (`DialEnd`); None for nobody.

    A queue tells the end of a dial twice, the true one first.
    """
    rang = leg.state is LegState.ALERTING and not leg.dial_status and employee_of(leg.channel) is not None
    return leg.employee_id if rang and status not in _NOT_MISSED and is_offered(call, leg) else None


def missed_at_end(call: Call) -> int | None:
    """The employee who did not take a caller that waited to be called back; None for every other call.

    Such a caller is brought to an agent like any other, but by an Originate, of whose failure no dial tells.
    """
    return call.employee_id if call.source is Source.QUEUE_CALLBACK and call.end_reason in _AGENT_MISSED else None
