"""The engine's clock: the wall clock, watched beside one that nobody can set.

A machine's wall clock is stepped by an administrator, by a time server that was away for long, or by a virtual machine
that wakes up. The engine tells time by it, because people do, but must neither cut, charge nor forget anything because
of it. So every look compares it with the time since the machine started; where the two have parted, the step is noted
in the database for settlement, and every moment that the engine keeps in mind is moved along with the clock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.clock import LEAST_SECONDS, Step
from callcenter.domain.events import AmiEvent, Channel
from callcenter.ledger.clock_steps import Seen

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SEEN_EVERY = 10.0
"""How often the look is kept in the database: a step while no engine runs is known to lie after it."""
CALM_SECONDS = 600.0
"""So long after a step nothing is done that only time allows and nothing takes back: it may be put right again."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START = datetime(1970, 1, 1, tzinfo=UTC)


def since_boot() -> float:
    """Seconds since the machine started, sleep included; no setting of the clock changes it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot_id() -> str:
    """Names this start of the machine; empty where the system has no name for it."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


class SteppingClock:
    """`clock()` is the time of day in UTC; a step since the last look is told to `on_step` before it answers."""

    def __init__(
        self,
        node: str,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = since_boot,
        boot: str | None = None,
    ) -> None:
        self.node = node
        self.boot_id = boot_id() if boot is None else boot
        self._wall, self._steady = wall, steady
        self._at, self._ahead = self._look()
        self._calm_from = -CALM_SECONDS
        self.on_step: Callable[[Step, Seen], None] = lambda step, seen: None

    def __call__(self) -> datetime:
        wall, ahead = self._look()
        if abs(ahead - self._ahead) > LEAST_SECONDS:
            self._stepped(Step(_moment(self._at), _moment(wall), ahead - self._ahead), wall, ahead)
        self._at = wall
        return _moment(wall)

    @property
    def calm(self) -> bool:
        """False for a while after a step: a clock that was set wrongly is soon put right."""
        self()
        return self._steady() - self._calm_from >= CALM_SECONDS

    def seen(self) -> Seen:
        """What is kept in the database about this look."""
        return Seen(self.node, self.boot_id, self._ahead, _moment(self._at))

    def recall(self, before: Seen | None) -> Step | None:
        """The step that happened since an earlier engine looked; None when none did, or the machine was started anew.

        To be called before the clock is used; it is told to nobody.
        """
        if before is None or not self.boot_id or before.boot_id != self.boot_id:
            return None
        seconds = self._ahead - before.ahead
        if abs(seconds) <= LEAST_SECONDS:
            self._ahead = before.ahead  # what is too small to be a step must not be forgotten: it may add up
            return None
        self._calm_from = self._steady()
        return Step(before.at, _moment(self._at), seconds)

    def _stepped(self, step: Step, wall: float, ahead: float) -> None:
        self._at, self._ahead, self._calm_from = wall, ahead, self._steady()
        log.warning("the wall clock was set by %+.3f s; moments in mind are moved along", step.seconds)
        self.on_step(step, self.seen())

    def _look(self) -> tuple[float, float]:
        """The wall clock and how far it is ahead of the steady one; once more when we were put to sleep in between."""
        while True:
            before, wall, after = self._steady(), self._wall(), self._steady()
            if after - before < 0.01:
                return wall, wall - (before + after) / 2


def _moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Stamps:
    """When what Asterisk tells of happened. An event may have waited for seconds where the machine is busy, and a talk
    that seems to begin late would be cut late: the moment is the one that Asterisk stamped.

    Both read the same wall clock. A stamp that lies ahead, or too far back, is of a clock that was set meanwhile, and
    for a while after a step there is no telling: then the moment is when we read of it.
    """

    LATE = timedelta(seconds=60)

    def __init__(self) -> None:
        self._from = START

    def stepped(self, now: datetime) -> None:
        """The wall clock was set and shows `now`."""
        self._from = now + self.LATE

    def moment(self, event: AmiEvent, now: datetime) -> datetime:
        """The moment of an event that is read at `now`."""
        channel: Channel | None = getattr(event, "channel", None) or getattr(event, "target", None)
        if channel is None or not channel.told_at or now < self._from:
            return now
        told = _moment(channel.told_at)
        return told if now - self.LATE <= told <= now else now


def move_call(call: Call, by: timedelta) -> None:
    """The moments of a running call, as the clock would have shown them had it been right all the time."""
    call.started_at += by
    call.queued_at = _moved(call.queued_at, by)
    call.answered_at = _moved(call.answered_at, by)
    call.state_since = _moved(call.state_since, by)
    call.paid_until = _moved(call.paid_until, by)
    # Asterisk keeps the end of a call-through by its own clock: after a step forward it is over there.
    call.armed_until = _moved(call.armed_until, min(by, timedelta(0)))
    for leg in call.legs.values():
        leg.started_at = _moved(leg.started_at, by)
        leg.answered_at = _moved(leg.answered_at, by)
        leg.ended_at = _moved(leg.ended_at, by)


def move_agent(agent: Agent, by: timedelta) -> None:
    """Since when the agent is in a state, and when the wrap-up ends."""
    agent.since = _moved(agent.since, by)
    agent.wrap_up_ends_at = _moved(agent.wrap_up_ends_at, by)


def _moved(moment: datetime | None, by: timedelta) -> datetime | None:
    return moment + by if moment is not None else None


def move_all(calls: Iterable[Call], agents: Iterable[Agent], by: timedelta) -> None:
    for call in calls:
        move_call(call, by)
    for agent in agents:
        move_agent(agent, by)
