"""A call and its legs, and the whole life of a leg. `call_rules` moves them, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from callcenter.domain.terms import (
    CallState,
    Direction,
    Disposition,
    EndReason,
    LegOrder,
    LegState,
    Mode,
    Role,
    Source,
)


class Move(Enum):
    """What can happen to a leg."""

    QUEUE = "queue"
    RING = "ring"
    ANSWER = "answer"
    HOLD = "hold"
    RESUME = "resume"
    END = "end"
    FAIL = "fail"


S = LegState
TRANSITIONS: dict[tuple[LegState, Move], LegState] = {
    (S.INITIATED, Move.QUEUE): S.QUEUED,
    (S.INITIATED, Move.RING): S.ALERTING,
    (S.INITIATED, Move.ANSWER): S.CONNECTED,
    (S.INITIATED, Move.FAIL): S.FAILED,
    (S.QUEUED, Move.QUEUE): S.QUEUED,
    (S.QUEUED, Move.RING): S.QUEUED,
    (S.QUEUED, Move.ANSWER): S.CONNECTED,
    (S.QUEUED, Move.FAIL): S.FAILED,
    (S.ALERTING, Move.QUEUE): S.QUEUED,
    (S.ALERTING, Move.RING): S.ALERTING,
    (S.ALERTING, Move.ANSWER): S.CONNECTED,
    (S.ALERTING, Move.FAIL): S.FAILED,
    (S.CONNECTED, Move.QUEUE): S.CONNECTED,
    (S.CONNECTED, Move.ANSWER): S.CONNECTED,
    (S.CONNECTED, Move.HOLD): S.HELD,
    (S.CONNECTED, Move.RESUME): S.CONNECTED,
    (S.CONNECTED, Move.END): S.NULL,
    (S.HELD, Move.ANSWER): S.HELD,
    (S.HELD, Move.HOLD): S.HELD,
    (S.HELD, Move.RESUME): S.CONNECTED,
    (S.HELD, Move.END): S.NULL,
}
"""The whole life of a leg. A pair that is missing here does not fit and changes nothing."""

OVER = frozenset({S.NULL, S.FAILED})
TALKING = frozenset({S.CONNECTED, S.HELD})


@dataclass(slots=True)
class Leg:
    """One channel's part in a call; `id` is Asterisk's uniqueid."""

    id: str
    role: Role
    number: str = ""
    channel: str = ""
    employee_id: int | None = None
    state: LegState = S.INITIATED
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    dial_status: str = ""
    left_from: str = ""
    """The dialplan context in which the leg ended."""
    place: str = ""
    """Where the dialplan says the leg is: empty as first dialled, else `talking`, `held`, `waiting`, `consulting`."""
    phone_hold: bool = False
    """Hold was pressed on the leg's own phone; only that phone can end it."""
    muted: bool = False
    """Asterisk passes on nothing of what this leg says."""
    bridge: str = ""
    """The bridge it is in now; memory only."""
    departed: bool = False
    """It left its last bridge and was moved nowhere; memory only."""

    @property
    def over(self) -> bool:
        return self.state in OVER


@dataclass(slots=True)
class Call:
    """One conversation from first ring to last hang-up; mutated by `apply` and nobody else."""

    id: str
    company_id: int
    direction: Direction
    number: str
    """The customer's side, E.164 where it can be known."""
    started_at: datetime
    mode: Mode = Mode.DIRECT
    leg_order: LegOrder = LegOrder.AGENT_FIRST
    source: Source = Source.MANUAL
    employee_id: int | None = None
    customer_id: int | None = None
    customer_name: str = ""
    group_id: int | None = None
    company_number: str = ""
    """The number of ours that the customer sees or called; E.164."""
    caller_id_reason: str = ""
    """Why that number is shown (domain/caller_id.py); empty for inbound calls."""
    armed_until: datetime | None = None
    """Call-through: until when the agent has to call the access number."""
    state: CallState = CallState.DIALING_AGENT
    state_since: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    disposition: Disposition | None = None
    hung_up_by: Role | None = None
    left: set[int] = field(default_factory=set)
    """Employees for whom the call is over although others go on with it."""
    ending: EndReason | None = None
    """Why the product itself is ending the call; outranks what the legs look like."""
    paid_until: datetime | None = None
    warned: bool = False
    recorded: bool = False
    package_id: int | None = None
    task_number_id: int | None = None
    """The number of a dial task that was dialled, if it was one."""
    number_hidden: bool = False
    """Whether that number was hidden when it was dialled."""
    queued_at: datetime | None = None
    """When the caller joined a line for the first time."""
    queue_position: int | None = None
    """Place in the line, from 1, while the caller waits."""
    expected_wait: int | None = None
    """Seconds until somebody answers, by the group's recent waits; None when nobody knows."""
    legs: dict[str, Leg] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state is CallState.ENDED

    @property
    def asks_note(self) -> bool:
        """Whether its agent has something to add afterwards: of a call that nobody answered all is known."""
        return self.answered_at is not None

    @property
    def hides_number(self) -> bool:
        """The number is hidden from all but the main account as long as the customer's side was not rung (SPEC §B9)."""
        return self.number_hidden and self.leg_of(Role.CUSTOMER) is None

    @property
    def waits_for_agent(self) -> bool:
        """A call-through whose agent has not called yet: there is nothing of it in Asterisk."""
        return self.mode is Mode.CALL_THROUGH and not self.legs and not self.over

    def alive(self, role: Role) -> list[Leg]:
        """Legs of that role that are not over."""
        return [leg for leg in self.legs.values() if leg.role is role and not leg.over]

    def leg_of(self, role: Role) -> Leg | None:
        """The latest leg of that role, preferring one that is still alive."""
        found: Leg | None = None
        for leg in self.legs.values():
            if leg.role is role and (found is None or found.over or not leg.over):
                found = leg
        return found
