"""An agent's state (CSTA) and what moves it; pure, times are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.domain.terms import AgentState, Device, LineState

NOT_READY_REASONS = ("break", "meal", "meeting", "training", "other")
"""Reasons an agent may choose; `signed_in` is the product's own for an agent who has just signed in."""

NO_ANSWER = "no_answer"
"""The product's own reason for an agent who let several calls in a row ring in vain."""


@dataclass(slots=True)
class Agent:
    """One employee who takes or makes calls."""

    employee_id: int
    company_id: int
    name: str
    department_id: int | None = None
    group_ids: tuple[int, ...] = ()
    device: Device = Device.BROWSER
    state: AgentState = AgentState.LOGGED_OUT
    reason: str = ""
    since: datetime | None = None
    call_id: str | None = None
    wrap_up_ends_at: datetime | None = None
    wrap_up_of: str | None = None
    """The call whose after-call work is running."""
    after_call: AgentState = AgentState.READY
    """The state to return to when the call and its wrap-up are over."""
    after_reason: str = ""
    contacts: frozenset[tuple[Device, str]] = frozenset()
    """Where the agent's phones can be reached now: device and SIP address of each registration."""
    line: LineState = LineState.CLOSED
    line_channel: str = ""
    """Full name of the channel that is the open line."""
    set_by: int | None = None
    """Employee who put the agent into this state; None: the agent, or the course of calls."""
    unanswered: int = 0
    """Calls in a row that rang at the READY agent in vain."""

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.employee_id, self.device)

    def has_phone(self, device: Device) -> bool:
        """Whether a phone of this kind is registered."""
        return any(kind is device for kind, _ in self.contacts)

    @property
    def phone_ready(self) -> bool:
        return self.has_phone(self.device)


def endpoint_of(employee_id: int, device: Device) -> str:
    """The PJSIP endpoint of an employee's phone."""
    return f"agent-{employee_id}-web" if device is Device.BROWSER else f"agent-{employee_id}"


OUTSIDE_CHANNELS = "PJSIP/trunk-"
"""How the names of channels to the phone network begin."""


def employee_of(name: str) -> tuple[int, Device] | None:
    """Employee and device of an endpoint, channel or interface name such as `PJSIP/agent-12-web-0000001f`."""
    tail = name.rpartition("/")[2]
    if not tail.startswith("agent-"):
        return None
    parts = tail.split("-")
    if len(parts) < 2 or not parts[1].isdigit():
        return None
    return int(parts[1]), Device.BROWSER if len(parts) > 2 and parts[2] == "web" else Device.SIP


def choose(agent: Agent, state: AgentState, reason: str, now: datetime) -> bool:
    """The agent chose a state. During a call it is remembered for afterwards; true when it changed now."""
    agent.after_call, agent.after_reason = state, reason
    agent.unanswered = 0  # whoever chooses is there
    if agent.call_id is not None and state is not AgentState.LOGGED_OUT:
        return False
    return _enter(agent, state, reason, now)


WRAP_UP_LIMIT = timedelta(minutes=10)
"""How long wrap-up may last in all, counted from the end of the call."""


def force(agent: Agent, state: AgentState, reason: str, now: datetime, by: int) -> bool:
    """A supervisor chose for the agent; during a call it holds afterwards, except logging out. True: changed now."""
    changed = choose(agent, state, reason, now)
    if changed or agent.call_id is None:
        agent.set_by = by
    return changed


def missed(agent: Agent, limit: int, now: datetime) -> bool:
    """A call that was brought to the agent was not answered; true when it was one too many.

    After `limit` of them in a row (0: however many) the agent is not READY any more, so that no caller rings at an
    empty chair. Only what rings at a READY agent counts: nobody else is taken for being there.
    """
    if agent.state is not AgentState.READY:
        return False
    agent.unanswered += 1
    return 0 < limit <= agent.unanswered and _enter(agent, AgentState.NOT_READY, NO_ANSWER, now)


def answered(agent: Agent) -> None:
    """The agent took a call, and so is there."""
    agent.unanswered = 0


def extend_wrap_up(agent: Agent, now: datetime, more: timedelta) -> bool:
    """More time for after-call work, up to `WRAP_UP_LIMIT`; false when there is none to extend."""
    if agent.state is not AgentState.WORKING_AFTER_CALL or agent.wrap_up_ends_at is None or agent.since is None:
        return False
    agent.wrap_up_ends_at = min(max(agent.wrap_up_ends_at, now) + more, agent.since + WRAP_UP_LIMIT)
    return True


def begin_call(agent: Agent, call_id: str, now: datetime) -> bool:
    """A call has the agent (ringing out or talking)."""
    if agent.call_id == call_id and agent.state is AgentState.BUSY:
        return False
    if agent.call_id is None and agent.state in (AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT):
        agent.after_call, agent.after_reason = agent.state, agent.reason
    agent.call_id = call_id
    return _enter(agent, AgentState.BUSY, "", now)


def end_call(agent: Agent, call_id: str, now: datetime, wrap_up: timedelta) -> bool:
    """The agent's call is over; `wrap_up` of zero skips the after-call work."""
    if agent.call_id != call_id:
        return False
    agent.call_id = None
    if agent.state is AgentState.LOGGED_OUT:
        return False
    if wrap_up > timedelta(0):
        changed = _enter(agent, AgentState.WORKING_AFTER_CALL, "", now)
        agent.wrap_up_ends_at = now + wrap_up
        agent.wrap_up_of = call_id
        return changed
    return _enter(agent, agent.after_call, agent.after_reason, now)


def finish_wrap_up(agent: Agent, now: datetime, call_id: str | None = None) -> bool:
    """Wrap-up is over: by its timer, or because the note of that very call was saved."""
    if agent.state is not AgentState.WORKING_AFTER_CALL:
        return False
    if call_id is not None and agent.wrap_up_of not in (None, call_id):
        return False
    return _enter(agent, agent.after_call, agent.after_reason, now)


def wrap_up_due(agent: Agent, now: datetime) -> bool:
    return (
        agent.state is AgentState.WORKING_AFTER_CALL
        and agent.wrap_up_ends_at is not None
        and now >= agent.wrap_up_ends_at
    )


def _enter(agent: Agent, state: AgentState, reason: str, now: datetime) -> bool:
    if agent.state is state and agent.reason == reason:
        return False
    agent.state, agent.reason, agent.since = state, reason, now
    agent.wrap_up_ends_at = agent.wrap_up_of = agent.set_by = None
    return True
