"""What screens see live: the entities that the push link keeps up to date, and the events that pass by.

These dictionaries are what is encoded, and the OpenAPI document is generated from their types, so neither can say more
than the other. Moments are RFC 3339 in UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar

from callcenter.domain.events import LinkState
from callcenter.domain.terms import (
    AgentState,
    CallState,
    Device,
    Direction,
    Disposition,
    EndReason,
    LegOrder,
    LegState,
    LineState,
    Mode,
    Role,
)

Data = TypeVar("Data", bound=Mapping[str, Any])
"""What goes with an event."""


class Ref(TypedDict):
    """Something that has a name."""

    id: int
    name: str


# -- entities ----------------------------------------------------------------------------------------------------------


class LiveAgent(TypedDict):
    """`reason` belongs to `not_ready` and is empty otherwise; `set_by`: the supervisor who chose the state, if any."""

    id: int
    name: str
    department_id: int | None
    department: str
    state: AgentState
    reason: str
    since: str | None
    device: Device
    registered: bool
    call_id: str | None
    minutes_left: int
    wrap_up_ends_at: str | None
    set_by: Ref | None
    groups: list[int]
    line: LineState


class LiveLeg(TypedDict):
    """`place`: where the leg was moved to, empty as first dialled; `name` and `device` are an employee's.

    `phone_hold`: hold was pressed on the phone itself, and only there it ends.
    """

    id: str
    role: Role
    state: LegState
    place: str
    number: str
    employee_id: int | None
    name: str
    device: Device | None
    phone_hold: bool
    muted: bool


class Armed(TypedDict):
    """What a call-through waits for: which phone has to call which number, and until when."""

    access_number: str
    phone: str
    phone_display: str
    until: str


class LinePlace(TypedDict):
    """A caller's place in a line, from 1, and whose line it is; `expected_seconds` is null while nobody can know."""

    id: int
    name: str
    position: int | None
    waited_since: str | None
    expected_seconds: int | None
    member_ids: list[int]


class LiveCall(TypedDict):
    """`ringing`: employees with a leg in this call that is not over, ringing or answered.

    `supervision_shown`: whether who is listened to may know it; supervisors' legs are left out otherwise.
    """

    id: str
    direction: Direction
    mode: Mode
    leg_order: LegOrder
    company_number: str
    company_number_display: str
    caller_id_reason: str
    armed: Armed | None
    state: CallState
    employee: Ref | None
    department_id: int | None
    ringing: list[int]
    number: str
    number_display: str
    number_hidden: bool
    customer: Ref | None
    group: Ref | None
    queue: LinePlace | None
    started_at: str
    answered_at: str | None
    state_since: str | None
    paid_until: str | None
    legs: list[LiveLeg]
    supervision_shown: bool


class Staff(TypedDict):
    """How many of a group's agents could take a call now, are busy, and are there at all."""

    ready: int
    busy: int
    total: int


class LiveQueue(TypedDict):
    """The line of a group; `expected_seconds` is null while nobody can know."""

    id: int
    name: str
    waiting: int
    oldest_since: str | None
    expected_seconds: int | None
    callbacks: int
    missed: int
    voicemails: int
    agents: Staff
    member_ids: list[int]


class Figures(TypedDict):
    """The numbers of a day. The answer rate is of ended calls only, and null before the first one."""

    calls: int
    inbound: int
    answered: int
    missed: int
    valid: int
    talk_seconds: int
    minutes_charged: int
    outbound: int
    average_talk_seconds: int
    answer_rate: float | None


class LiveStats(Figures):
    """The figures of `date`, in the company's time zone, of those whom the viewer sees."""

    date: str


class CountedToday(TypedDict):
    """What is counted before it is known who looks: `all` together, and `parts` by employee id as text."""

    date: str
    all: Figures
    parts: dict[str, dict[str, int]]


class Phones(TypedDict):
    """Whether the telephone system can be reached."""

    phones: LinkState


class Refused(TypedDict):
    """How often somebody was refused at the doors, for the operator of the platform.

    `waiting`: addresses that are kept out for a while.
    """

    sign_ins: int
    registrations: int
    connections: int
    waiting: list[str]


class LiveSystem(TypedDict, total=False):
    phones: Phones
    refused: Refused


class LiveEntities(TypedDict):
    """All entities of one viewer, by kind and key."""

    agent: dict[str, LiveAgent]
    call: dict[str, LiveCall]
    queue: dict[str, LiveQueue]
    stats: dict[str, LiveStats]
    system: LiveSystem


Changed = (
    tuple[Literal["agent"], str, LiveAgent]
    | tuple[Literal["call"], str, LiveCall]
    | tuple[Literal["queue"], str, LiveQueue]
    | tuple[Literal["stats"], Literal["today"], CountedToday]
    | tuple[Literal["system"], Literal["phones"], Phones]
    | tuple[Literal["system"], Literal["refused"], Refused]
)
"""The new state of one entity: kind, key, value."""


# -- events ------------------------------------------------------------------------------------------------------------


class Event(str, Generic[Data]):
    """The name of a passing event, which knows the type of the data that goes with it."""

    data: Any

    def __new__(cls, name: str, data: Any) -> Self:
        made = super().__new__(cls, name)
        made.data = data
        return made


class CallWarning(TypedDict):
    call_id: str
    kind: Literal["one_minute_left"]
    ends_at: str


class CallEnded(TypedDict):
    """What an agent is told whose part in a call is over; `needs_note`: it asks for a result."""

    call_id: str
    direction: Direction
    number: str
    number_display: str
    customer: Ref | None
    disposition: Disposition | None
    end_reason: EndReason | None
    talk_seconds: int
    needs_note: bool


class CallSettled(TypedDict):
    call_id: str
    talk_seconds: int
    minutes_charged: int


class OfCall(TypedDict):
    """Something of this call has changed: whoever shows it asks again."""

    call_id: str


class ConsultFailed(TypedDict):
    """`reason`: `busy`, `rejected`, `no_answer`, `number_invalid` or `unreachable`."""

    call_id: str
    reason: str


class StateForced(TypedDict):
    """A supervisor chose an agent's state; not `at_once`: it holds after the call."""

    state: AgentState
    reason: str
    by: Ref
    at_once: bool


class AgentUnanswered(TypedDict):
    """An agent let so many calls in a row ring in vain and was set to not ready."""

    employee: Ref
    calls: int


class MessageLeft(TypedDict):
    """A caller left a message; `duration` in seconds."""

    id: int
    call_id: str
    group_id: int | None
    number: str
    number_display: str
    customer_id: int | None
    duration: float


class OfNotice(TypedDict):
    id: int


POP: Event[Any] = Event("pop", None)
"""The screen pop; what is in it is the CRM's."""
WARNING: Event[CallWarning] = Event("warning", CallWarning)
CALL_ENDED: Event[CallEnded] = Event("call_ended", CallEnded)
CALL_SETTLED: Event[CallSettled] = Event("call_settled", CallSettled)
RECORDING_READY: Event[OfCall] = Event("recording_ready", OfCall)
NOTE_SAVED: Event[OfCall] = Event("note_saved", OfCall)
CONSULT_FAILED: Event[ConsultFailed] = Event("consult_failed", ConsultFailed)
STATE_FORCED: Event[StateForced] = Event("state_forced", StateForced)
AGENT_UNANSWERED: Event[AgentUnanswered] = Event("agent_unanswered", AgentUnanswered)
VOICEMAIL: Event[MessageLeft] = Event("voicemail", MessageLeft)
NOTICE: Event[OfNotice] = Event("notice", OfNotice)

EVENTS: tuple[Event[Any], ...] = (
    WARNING,
    CALL_ENDED,
    CALL_SETTLED,
    RECORDING_READY,
    NOTE_SAVED,
    CONSULT_FAILED,
    STATE_FORCED,
    AGENT_UNANSWERED,
    VOICEMAIL,
    NOTICE,
)
