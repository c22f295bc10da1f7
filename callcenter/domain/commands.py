"""Requests, imperative and frozen: everything the web may ask of the engine."""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.domain.terms import AgentState, CallMove, Device, LegOrder, Mode, Source, SupervisorMode


@dataclass(frozen=True, slots=True)
class Command:
    """Base of all commands. `company_id` and `employee_id` are those of the person who asks."""

    company_id: int
    employee_id: int


@dataclass(frozen=True, slots=True)
class Dial(Command):
    """Click-to-dial. `key` is the client's idempotency key: the same key never dials twice."""

    number: str
    key: str
    may_dial: bool = True
    customer_id: int | None = None
    source: Source = Source.MANUAL
    mode: Mode | None = None
    """None: over the agent's line while it is open, else as the seat says."""
    leg_order: LegOrder | None = None
    task_number_id: int | None = None
    """The number of a dial task that this is; the engine only writes it down."""
    number_hidden: bool = False
    """Nobody but the main account sees the number until the customer's side rings (SPEC §B9)."""


@dataclass(frozen=True, slots=True)
class OpenLine(Command):
    """Ring my phone once and keep it connected between calls."""


@dataclass(frozen=True, slots=True)
class CloseLine(Command):
    """Hang up my open line."""


@dataclass(frozen=True, slots=True)
class HangUp(Command):
    call_id: str


@dataclass(frozen=True, slots=True)
class SendDtmf(Command):
    """Digits (0-9 * # A-D) to the customer's side of a talking call."""

    call_id: str
    digits: str


@dataclass(frozen=True, slots=True)
class Steer(Command):
    """A move of a talking call by its agent: hold, resume, cancel, complete, swap, conference."""

    call_id: str
    move: CallMove


@dataclass(frozen=True, slots=True)
class Consult(Command):
    """Ask a third party while the customer waits: a number or a colleague (exactly one of the two).

    A number is an outside number or the seat code of a colleague.
    """

    call_id: str
    number: str = ""
    colleague_id: int | None = None


@dataclass(frozen=True, slots=True)
class Transfer(Command):
    """Pass the customer on at once; unanswered, the call comes back."""

    call_id: str
    number: str = ""
    colleague_id: int | None = None
    group_id: int | None = None


@dataclass(frozen=True, slots=True)
class DropLeg(Command):
    """End one leg of the call; the others go on."""

    call_id: str
    leg_id: str


@dataclass(frozen=True, slots=True)
class Supervise(Command):
    """A supervisor listens, whispers, barges in or takes over."""

    call_id: str
    mode: SupervisorMode


@dataclass(frozen=True, slots=True)
class EndCall(Command):
    """A supervisor ends the whole call, whoever is in it."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Mute(Command):
    """Asterisk passes on nothing of what the agent's leg says, or everything again."""

    call_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class Rejoin(Command):
    """Give me my running call back on the browser that asks: its page was loaded anew."""

    call_id: str


@dataclass(frozen=True, slots=True)
class PhoneSeen(Command):
    """The connection of somebody's browser phone came (`here`) or went."""

    here: bool


@dataclass(frozen=True, slots=True)
class ForceState(Command):
    """A supervisor puts an agent into a state."""

    agent_id: int
    state: AgentState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExtendWrapUp(Command):
    """More time for after-call work."""

    seconds: int


@dataclass(frozen=True, slots=True)
class ChooseState(Command):
    """The agent's own choice: READY, NOT_READY with a reason, or LOGGED_OUT."""

    state: AgentState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChooseDevice(Command):
    device: Device


@dataclass(frozen=True, slots=True)
class FinishWrapUp(Command):
    """The after-call note is saved: wrap-up is over."""

    call_id: str


@dataclass(frozen=True, slots=True)
class CancelCallback(Command):
    """A caller who asked to be called back need not be called any more."""

    request_id: int
