"""The life of a direct number that the platform supplies (SPEC §B8.4-B8.8)."""

from __future__ import annotations

from enum import StrEnum


class NumberState(StrEnum):
    DISPATCHED = "dispatched"
    ASSIGNED = "assigned"
    """An employee is to take it into use."""
    ACTIVATED = "activated"
    BOUND = "bound"
    """A seat shows it."""
    LEAVING = "leaving"
    """Asked to be given back, or about to leave: it works until it is gone."""
    RETIRED = "retired"


class Step(StrEnum):
    ASSIGN = "assign"
    ACTIVATE = "activate"
    BIND = "bind"
    UNBIND = "unbind"
    LEAVE = "leave"
    KEEP = "keep"
    """The platform refuses to take it back."""
    RETIRE = "retire"


NUMBERS_PER_IDENTITY = 5
"""One identity card activates so many numbers (SPEC §B8.6)."""

STEPS: dict[Step, frozenset[NumberState]] = {
    Step.ASSIGN: frozenset({NumberState.DISPATCHED, NumberState.ASSIGNED}),
    Step.ACTIVATE: frozenset({NumberState.ASSIGNED}),
    Step.BIND: frozenset({NumberState.ACTIVATED}),
    Step.UNBIND: frozenset({NumberState.BOUND, NumberState.LEAVING}),
    Step.LEAVE: frozenset({NumberState.ASSIGNED, NumberState.ACTIVATED, NumberState.BOUND}),
    Step.KEEP: frozenset({NumberState.LEAVING}),
    Step.RETIRE: frozenset({NumberState.LEAVING}),
}
"""From which states each step leads on; every other is refused with `refusal`."""

_NOT_YET = {
    Step.ACTIVATE: "number_not_assigned",
    Step.BIND: "number_not_activated",
    Step.LEAVE: "number_not_assigned",
    Step.UNBIND: "number_not_bound",
    Step.KEEP: "number_not_leaving",
    Step.RETIRE: "number_not_leaving",
}
_PAST = {
    NumberState.ACTIVATED: "number_activated",
    NumberState.BOUND: "number_bound",
    NumberState.LEAVING: "number_leaving",
    NumberState.RETIRED: "number_retired",
}
_ORDER = list(NumberState)


def state_of(stored: str, *, bound: bool, leave: str) -> NumberState:
    """What a person calls the state: `stored` is what the engine reads, `leave` what became of a request to leave."""
    if stored == "retired":
        return NumberState.RETIRED
    if leave:
        return NumberState.LEAVING
    if stored in ("dispatched", "assigned"):
        return NumberState(stored)
    return NumberState.BOUND if bound else NumberState.ACTIVATED


def refusal(state: NumberState, step: Step) -> str:
    """Why a number in that state cannot take the step; empty when it can."""
    allowed = STEPS[step]
    if state in allowed:
        return ""
    too_early = _ORDER.index(state) < min(_ORDER.index(one) for one in allowed)
    return _NOT_YET[step] if too_early else _PAST[state]
