"""What happened to a call, in the past tense and frozen: what `calls.py` answers, and what the journal keeps."""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.domain.terms import Disposition, EndReason, LegState, Role


@dataclass(frozen=True, slots=True)
class Fact:
    call_id: str


@dataclass(frozen=True, slots=True)
class LegAdded(Fact):
    leg_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class LegMoved(Fact):
    leg_id: str
    role: Role
    before: LegState
    after: LegState


@dataclass(frozen=True, slots=True)
class LegWent(Fact):
    """A leg was moved to another place of the call."""

    leg_id: str
    place: str


@dataclass(frozen=True, slots=True)
class LegMuted(Fact):
    leg_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class ConsultationFailed(Fact):
    """The third party could not be had; agent and customer are connected again. `reason` as in `third_failure`."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgentAlerted(Fact):
    """An agent's phone started to ring for a call of somebody else's making: the moment of the screen pop."""

    employee_id: int


@dataclass(frozen=True, slots=True)
class AgentMissed(Fact):
    """A call that was brought to an agent was not taken: the phone rang in vain, or the call was rejected."""

    employee_id: int


@dataclass(frozen=True, slots=True)
class CallAnswered(Fact):
    """Customer and agent talk from now on."""

    employee_id: int | None


@dataclass(frozen=True, slots=True)
class CallEnded(Fact):
    reason: EndReason
    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Unexpected(Fact):
    """An event that does not fit the transition table; counted, and followed by a resync."""

    leg_id: str
    what: str
