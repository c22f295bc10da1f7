"""Why a call ended: the one place that turns what its legs look like into a reason and a disposition."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from callcenter.domain.queues import left_reason
from callcenter.domain.terms import Direction, Disposition, EndReason, Role

if TYPE_CHECKING:
    from callcenter.domain.calls import Call, Leg


LIMIT_TOLERANCE = timedelta(milliseconds=700)
"""How far before the paid end a hang-up still counts as the cut; Asterisk cut 3 ms after the second it was set to."""


def reason_of(call: Call, now: datetime) -> EndReason:
    """Why a call is over, judged at the moment its last leg ends."""
    if call.ending is not None:
        return call.ending
    if call.answered_at is not None:
        if call.paid_until is not None and now >= call.paid_until - LIMIT_TOLERANCE:
            return EndReason.MINUTES_USED_UP
        return _who_hung_up(call)
    if call.direction is Direction.INBOUND:
        caller = call.leg_of(Role.CUSTOMER)
        return left_reason(caller.left_from if caller is not None else "")
    customer, agent = call.leg_of(Role.CUSTOMER), call.leg_of(Role.AGENT)
    if customer is not None and customer.answered_at is None:
        return _failure_of_customer(customer)
    if agent is None:
        return EndReason.AGENT_UNREACHABLE
    if customer is not None and agent.dial_status == "CANCEL":
        return EndReason.CUSTOMER_HUNG_UP  # tired of waiting for the agent's phone
    if agent.answered_at is not None:
        return EndReason.AGENT_HUNG_UP
    if agent.cause in (17, 21):
        return EndReason.AGENT_BUSY
    return EndReason.AGENT_NO_ANSWER


def _who_hung_up(call: Call) -> EndReason:
    customer = call.leg_of(Role.CUSTOMER)
    if customer is not None and customer.place in ("transfer", "return") and customer.cause == 19:
        return EndReason.AGENT_NO_ANSWER  # passed on, and nobody took the call
    if call.hung_up_by is Role.AGENT:
        return EndReason.AGENT_HUNG_UP
    return EndReason.THIRD_HUNG_UP if call.hung_up_by is Role.THIRD else EndReason.CUSTOMER_HUNG_UP


def _failure_of_customer(leg: Leg) -> EndReason:
    """Why a customer we dialled did not answer: the dial's status first, the Q.850 cause where that is vague."""
    if leg.dial_status == "CANCEL":
        return EndReason.AGENT_HUNG_UP
    if leg.cause == 21:
        return EndReason.CUSTOMER_REJECTED
    if leg.dial_status == "BUSY" or leg.cause == 17:
        return EndReason.CUSTOMER_BUSY
    if leg.cause in (1, 3, 22, 28):
        return EndReason.NUMBER_INVALID
    if leg.cause in (34, 38, 41, 42, 44, 47):
        return EndReason.NETWORK_FAILED
    if leg.dial_status == "NOANSWER" or leg.cause in (16, 18, 19):
        return EndReason.CUSTOMER_NO_ANSWER
    return EndReason.NETWORK_FAILED


def disposition_of(reason: EndReason, answered: bool) -> Disposition:
    """The CDR word for an end reason."""
    if answered:
        return Disposition.ANSWERED
    return {
        EndReason.CUSTOMER_BUSY: Disposition.BUSY,
        EndReason.AGENT_BUSY: Disposition.BUSY,
        EndReason.NUMBER_INVALID: Disposition.FAILED,
        EndReason.AGENT_UNREACHABLE: Disposition.FAILED,
        EndReason.LOST: Disposition.FAILED,
        EndReason.NETWORK_FAILED: Disposition.CONGESTION,
    }.get(reason, Disposition.NO_ANSWER)


CallsEnd = Literal["cut", "finish", "leave"]
"""What becomes of running calls when somebody's access ends."""
