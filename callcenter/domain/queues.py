"""Who is rung next, who is called back next, and how long a caller may expect to wait; pure rules (P-11, P-12, P-13).

Asterisk hands a waiting call to the first free member of a queue. What this module decides is the order of the
members, and whether an agent who is free goes to the queue or to a caller who asked to be called back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from callcenter.domain.terms import CallbackState, EndReason, QueueStrategy

WAITS_COUNTED = 10
WAITS_AGE = timedelta(hours=1)
WAITS_NEEDED = 3
"""With fewer answered calls in the last hour nobody knows how long it takes, and nothing is said."""


@dataclass(frozen=True, slots=True)
class Member:
    """A free agent of a group as its queue sees one."""

    employee_id: int
    ready_since: datetime
    answered_today: int = 0
    """Calls of this group that the agent took since local midnight."""
    last_turn: datetime | None = None
    """When the group last rang this agent."""


def ring_order(strategy: QueueStrategy, members: Iterable[Member]) -> list[int]:
    """Employee ids in the order in which a waiting call tries them; for `ring_all` the order has no meaning."""

    def idle(one: Member) -> tuple[datetime, int]:
        return one.ready_since, one.employee_id

    match strategy:
        case QueueStrategy.ROUND_ROBIN:
            # Whoever had no turn yet comes first, then whose turn is longest ago.
            ordered = sorted(members, key=lambda one: (one.last_turn is not None, one.last_turn, *idle(one)))
        case QueueStrategy.FEWEST_CALLS:
            ordered = sorted(members, key=lambda one: (one.answered_today, *idle(one)))
        case _:
            ordered = sorted(members, key=idle)
    return [one.employee_id for one in ordered]


@dataclass(frozen=True, slots=True)
class Request:
    """A caller who left the line and is to be called back; `queued_at` is the place that is kept."""

    id: int
    group_id: int
    number: str
    queued_at: datetime
    next_try_at: datetime
    attempts: int = 0
    """How often the caller's phone was dialled in vain."""


def next_request(
    requests: Iterable[Request],
    group_ids: Iterable[int],
    waiting_since: Mapping[int, datetime],
    now: datetime,
    allowed: Callable[[Request], bool] = lambda one: True,
) -> Request | None:
    """The request that an agent of those groups, free right now, calls back; None when the agent belongs to the queue.

    `waiting_since` is when the first live caller of each group joined the line. Whoever joined first is served first,
    live or called back, so neither kind starves the other; of two who joined together the live one goes first.
    """
    mine = frozenset(group_ids)
    due = [one for one in requests if one.group_id in mine and one.next_try_at <= now and allowed(one)]
    if not due:
        return None
    first = min(due, key=lambda one: (one.queued_at, one.id))
    live = min((since for group_id, since in waiting_since.items() if group_id in mine), default=None)
    return None if live is not None and live <= first.queued_at else first


class Tried(Enum):
    """How an attempt to call somebody back went."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    """The caller's phone did not answer, was busy or rejected the call."""
    IMPOSSIBLE = "impossible"
    """The number cannot or may not be called."""
    AGENT_MISSED = "agent_missed"
    """It never came to ring at the caller's: the agent's side failed."""


_AGENTS_SIDE = frozenset(
    {
        EndReason.AGENT_NO_ANSWER,
        EndReason.AGENT_BUSY,
        EndReason.AGENT_UNREACHABLE,
        EndReason.AGENT_HUNG_UP,
        EndReason.MINUTES_USED_UP,
    }
)


def tried(answered: bool, reason: EndReason | None) -> Tried:
    """What the end of a call back says about the attempt."""
    if answered:
        return Tried.REACHED
    if reason is EndReason.NUMBER_INVALID:
        return Tried.IMPOSSIBLE
    return Tried.AGENT_MISSED if reason in _AGENTS_SIDE else Tried.NOT_REACHED


@dataclass(frozen=True, slots=True)
class FollowUp:
    state: CallbackState
    attempts: int
    next_try_at: datetime


def follow_up(
    request: Request, outcome: Tried, now: datetime, *, tries: int = 3, pause: timedelta = timedelta(minutes=10)
) -> FollowUp:
    """What becomes of a request after an attempt; a failure on the agent's side costs the caller nothing."""
    if outcome is Tried.REACHED:
        return FollowUp(CallbackState.DONE, request.attempts, now)
    if outcome is Tried.IMPOSSIBLE:
        return FollowUp(CallbackState.FAILED, request.attempts, now)
    if outcome is Tried.AGENT_MISSED:
        return FollowUp(CallbackState.WAITING, request.attempts, now)
    attempts = request.attempts + 1
    if attempts >= tries:
        return FollowUp(CallbackState.FAILED, attempts, now)
    return FollowUp(CallbackState.WAITING, attempts, now + pause)


def expected_wait(waits: Sequence[tuple[datetime, float]], now: datetime) -> int | None:
    """Seconds until somebody answers: the mean of the group's latest waits (moment, seconds); None when unknown."""
    recent = [seconds for at, seconds in waits if now - at <= WAITS_AGE][-WAITS_COUNTED:]
    if len(recent) < WAITS_NEEDED:
        return None
    return round(sum(recent) / len(recent))


def closes_a_loop(overflow_of: Mapping[int, int], group_id: int, target: int) -> bool:
    """Whether callers of `group_id` that overflow to `target` could come back to where they were."""
    seen = {group_id}
    step: int | None = target
    while step is not None:
        if step in seen:
            return True
        seen.add(step)
        step = overflow_of.get(step)
    return False


LEFT_FROM = {
    "closed": EndReason.CLOSED,
    "closed-voicemail": EndReason.CLOSED,
    "queue-timeout": EndReason.QUEUE_TIMEOUT,
    "queue-timeout-voicemail": EndReason.QUEUE_TIMEOUT,
    "queue-full": EndReason.QUEUE_FULL,
    "queue-full-voicemail": EndReason.QUEUE_FULL,
    "queue-keys": EndReason.CALLBACK_ASKED,
    "callback-asked": EndReason.CALLBACK_ASKED,
}
"""How a caller whom nobody answered left, by the dialplan context (dialplans/21 to 24) in which the channel ended."""


def left_reason(context: str) -> EndReason:
    """The end reason of an unanswered inbound call; a message that was left is found later, with its file."""
    return LEFT_FROM.get(context, EndReason.ABANDONED)
