"""One AMI connection that heals itself: `AmiLink`.

    closed <- CONNECTING -> AUTHENTICATING -> SYNCING -> LIVE -> LOST -> CONNECTING ...

Every login reads a `Snapshot`; events that come meanwhile wait and follow it in order. Actions are accepted
while LIVE only and are sent at most once: whoever wants one repeated decides that with the next snapshot in
hand, because a dial that is sent twice rings a customer twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from callcenter.ami import actions, snapshot
from callcenter.ami.errors import ActionRefused, ActionTimeout, AmiError, AuthFailed, LinkDown, Silent
from callcenter.ami.wire import GuardedManager, GuardedProtocol, Pending, Stats
from callcenter.domain.events import AmiEvent, LinkChanged, LinkState

log = logging.getLogger(__name__)

Deliver = Callable[[AmiEvent], None]

MOST_PATIENCE = 8.0
"""How many times longer than usual Asterisk is waited for after it was too slow several times in a row."""
TRUSTED_SECONDS = 60.0
"""A link that was live for so long is waited for no longer than usual again."""


@dataclass(frozen=True, slots=True)
class AmiConfig:
    """Where Asterisk's manager listens and how patient we are; all times are seconds."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    ping_interval: float = 5.0
    ping_timeout: float = 5.0
    """A connection on which neither the ping's answer nor anything else comes for so long is dead."""
    action_timeout: float = 5.0
    connect_timeout: float = 5.0
    boot_timeout: float = 60.0
    """How long after the login Asterisk may still be booting."""
    backoff: tuple[float, float] = (0.2, 10.0)
    """First and longest wait before a new try; it doubles from one to the other."""


@dataclass(frozen=True, slots=True)
class AmiResponse:
    """What Asterisk answered to one action that it accepted."""

    message: str
    headers: Mapping[str, str | Sequence[str]]

    def get(self, name: str, default: str = "") -> str:
        """One header, its name verbatim; of a repeated one the first."""
        value = self.headers.get(name, default)
        return value if isinstance(value, str) else value[0]

    def all(self, name: str) -> list[str]:
        """A header that may be repeated (`Output`)."""
        value = self.headers.get(name, [])
        return [value] if isinstance(value, str) else list(value)


class AmiLink:
    """Keeps one AMI connection and hands every event to `deliver`.

    `deliver` is called in the event loop, one event at a time in order, never while it is still running, and
    never after `close`. What it raises is logged and counted and stops nothing.
    """

    def __init__(self, config: AmiConfig, deliver: Deliver) -> None:
        self.config = config
        self.stats = Stats()
        self._deliver = deliver
        self._manager = GuardedManager(config.host, config.port, self, self.stats)
        self._state = LinkState.CLOSED
        self._detail = "not started"
        self._task: asyncio.Task[None] | None = None
        self._inbox: deque[AmiEvent] = deque()
        self._delivering = False
        self._held: list[AmiEvent] = []
        self._changed: asyncio.Future[None] | None = None
        self._news = asyncio.Event()
        """Set when the connection breaks or Asterisk has booted: wakes the task that minds the connection."""
        self._refusal = ""
        """Asterisk's words for the last refused login; empty since a login succeeded."""
        self._was_live = False
        self._patience = 1.0
        """By how much all waits are longer than configured. Where the machine is too busy to answer in time, giving up
        as early with every new connection would mean never to have one."""

    # ------------------------------------------------------------------ state

    @property
    def state(self) -> LinkState:
        return self._state

    @property
    def detail(self) -> str:
        """Why the link is in this state, in words for people; begins with `auth_failed` where that is so."""
        return self._detail

    def start(self) -> None:
        """Begins to connect, in the background and for ever. Raises RuntimeError if already used."""
        if self._task is not None or self._manager.shut:
            raise RuntimeError("a link is started once")
        self._task = asyncio.get_running_loop().create_task(self._run(), name="ami-link")

    async def close(self) -> None:
        """Ends the link for good, also in the middle of a reconnect; may be called twice."""
        self._manager.close()
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])
        self._set(LinkState.CLOSED, "closed")

    async def wait_live(self, timeout: float) -> None:
        """Returns once the link is LIVE. Raises `AuthFailed` as soon as the login is refused, `LinkDown`
        after `timeout` seconds or when the link is closed."""
        try:
            async with asyncio.timeout(timeout):
                while self._state is not LinkState.LIVE:
                    if self._manager.shut:
                        raise LinkDown("the link is closed")
                    if self._refusal:
                        raise AuthFailed(self._refusal)
                    if self._changed is None:
                        self._changed = asyncio.get_running_loop().create_future()
                    await asyncio.shield(self._changed)
        except TimeoutError:
            raise LinkDown(f"not live after {timeout:g} s: {self._state.value}, {self._detail}") from None

    def _set(self, state: LinkState, detail: str = "") -> None:
        if (state, detail) == (self._state, self._detail):
            return
        self._state, self._detail = state, detail
        log.log(logging.WARNING if state is LinkState.LOST else logging.INFO, "AMI %s %s", state.value, detail)
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None
        self._emit((LinkChanged(state, detail),))

    # ------------------------------------------------------------------ actions

    async def send(self, action: Mapping[str, str | Sequence[str]], timeout: float | None = None) -> AmiResponse:
        """Sends one action and returns Asterisk's answer; at most once, never after a reconnect.

        Raises `LinkDown` (at once while not LIVE, or when the link breaks before the answer),
        `ActionTimeout` after `timeout` seconds (default `action_timeout`), `ActionRefused`, `BadValue`.
        """
        self._require_live()
        return (await self._exchange(action, timeout))[0]

    async def collect(
        self, action: Mapping[str, str | Sequence[str]], end_event: str, timeout: float | None = None
    ) -> list[dict[str, str]]:
        """Sends a list action and returns the headers of the events before `end_event`; raises as `send`."""
        self._require_live()
        return (await self._exchange(action, timeout, end_event))[1]

    def _require_live(self) -> None:
        if self._state is not LinkState.LIVE:
            raise LinkDown(f"{self._state.value}: {self._detail}" if self._detail else self._state.value)

    async def _exchange(
        self,
        action: Mapping[str, str | Sequence[str]],
        timeout: float | None = None,
        end_event: str = "",
    ) -> tuple[AmiResponse, list[dict[str, str]]]:
        fields = actions.check(action)
        if actions.name(fields).lower() == "originate":
            # Without it Asterisk answers when the phone does, and holds back all other answers until then.
            fields = {key: value for key, value in fields.items() if key.lower() != "async"}
            fields["Async"] = "true"
        pending = Pending(fields, end_event)
        protocol: GuardedProtocol = self._manager.protocol
        try:
            async with asyncio.timeout(self.config.action_timeout if timeout is None else timeout):
                message = await self._manager.send_action(pending)
        except TimeoutError:
            if not pending.answered:
                self.stats.action_timeouts += 1
                raise ActionTimeout(f"{pending.action} was not answered in time") from None
            # We were the ones who stood still: the answer and the alarm were both there when we went on.
            message = pending.future.result()
        finally:
            protocol.forget(pending)
        if not message.success:
            raise ActionRefused(message.message or "refused without a reason")
        found = {key: value for key, value in message.items() if key != "content"}
        return AmiResponse(message.message, found), pending.rows

    # ------------------------------------------------------------------ events

    def on_events(self, events: list[AmiEvent]) -> None:
        if self._state is LinkState.LIVE:
            self._emit(events)
        else:
            self._held.extend(events)

    def on_booted(self) -> None:
        self._news.set()

    def on_lost(self, reason: str) -> None:
        self.stats.discarded += len(self._held)
        self._held.clear()
        self._news.set()
        if not self._manager.shut:
            self._set(LinkState.LOST, reason)

    def _emit(self, events: Iterable[AmiEvent]) -> None:
        """Delivers in order; what is emitted while `deliver` runs waits for its turn."""
        inbox = self._inbox
        inbox.extend(events)
        if self._delivering:
            return
        self._delivering = True
        deliver, stats = self._deliver, self.stats
        try:
            while inbox:
                event = inbox.popleft()
                stats.delivered += 1
                try:
                    deliver(event)
                except Exception:
                    stats.deliver_errors += 1
                    log.exception("the consumer of AMI events failed on %s", type(event).__name__)
        finally:
            self._delivering = False

    # ------------------------------------------------------------------ life

    async def _run(self) -> None:
        """Connects, serves until the link breaks, waits, for ever; only cancelling ends it."""
        loop = asyncio.get_running_loop()
        first, longest = self.config.backoff
        delay = first
        reason = ""
        while True:
            self._set(LinkState.CONNECTING, reason)
            began = loop.time()
            try:
                await self._serve()
            except AuthFailed as refused:
                # Trying on quickly would only fill Asterisk's security log or get us banned.
                delay, reason = longest, f"{refused.code}: {refused}"
            except (AmiError, OSError) as error:
                reason = str(error) or type(error).__name__
                if isinstance(error, Silent | ActionTimeout):
                    self._grow_patient(loop.time() - began)
            except Exception as error:
                log.exception("the AMI link failed")
                reason = repr(error)
            self._drop(reason)
            if loop.time() - began > longest:
                delay = first  # it has worked: this is a new trouble, not the old one
            self._set(LinkState.CONNECTING, reason)
            await asyncio.sleep(delay)
            delay = min(delay * 2, longest)

    def _grow_patient(self, lasted: float) -> None:
        """After a connection that ended because nothing came; `lasted` seconds since it was begun."""
        usual = lasted > TRUSTED_SECONDS * self._patience
        self._patience = 1.0 if usual else min(self._patience * 2, MOST_PATIENCE)

    def resync(self, reason: str) -> None:
        """Logs in anew, which delivers a fresh snapshot in order: what is believed here no longer fits Asterisk."""
        self._drop(f"resync: {reason}")

    def _drop(self, reason: str) -> None:
        protocol: GuardedProtocol | None = self._manager.protocol
        if protocol is not None:
            protocol.drop(reason)

    async def _serve(self) -> None:
        """One connection from connect to loss; always ends by raising."""
        self._news.clear()
        try:
            async with asyncio.timeout(self.config.connect_timeout * self._patience):
                await self._manager.connect()
        except TimeoutError:
            raise Silent(f"no connection within {self.config.connect_timeout * self._patience:g} s") from None
        protocol: GuardedProtocol = self._manager.protocol
        self._require_open(protocol)
        self._set(LinkState.AUTHENTICATING)
        await self._login()
        self._require_open(protocol)
        self._set(LinkState.SYNCING)
        await self._wait_booted(protocol)

        async def collect(action: Mapping[str, str | Sequence[str]], end_event: str) -> list[dict[str, str]]:
            return (await self._exchange(action, self._answer_timeout, end_event))[1]

        found = await snapshot.take(collect)
        self._require_open(protocol)
        held, self._held = self._held, []
        self._emit((found, *held))
        self.stats.reconnects += self._was_live
        self._was_live = True
        self._set(LinkState.LIVE)
        await self._watch(protocol)

    def _require_open(self, protocol: GuardedProtocol) -> None:
        """After every wait: the answer may be here and the connection gone all the same, and LOST must stay
        the last word about it."""
        if protocol.closed:
            raise LinkDown(self._detail)

    async def _login(self) -> None:
        config = self.config
        login = {"Action": "Login", "Username": config.username, "Secret": config.secret, "Events": "on"}
        try:
            await self._exchange(login, self._answer_timeout)
        except ActionRefused as refused:
            self._refusal = str(refused)
            raise AuthFailed(self._refusal) from None
        self._refusal = ""

    @property
    def _answer_timeout(self) -> float:
        """Seconds for one answer until the link is live."""
        return self.config.action_timeout * self._patience

    async def _wait_booted(self, protocol: GuardedProtocol) -> None:
        """A booting Asterisk answers lists with half the truth; it says `FullyBooted` when it is done, and
        to a login after that at once."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.config.boot_timeout
        while not protocol.booted:
            if loop.time() >= deadline:
                raise LinkDown("FullyBooted never came: the AMI user needs the read class `system`")
            await self._pause_then_ping(protocol)

    async def _watch(self, protocol: GuardedProtocol) -> None:
        """Pings until one fails; raises `LinkDown`."""
        while True:
            await self._pause_then_ping(protocol)

    async def _pause_then_ping(self, protocol: GuardedProtocol) -> None:
        """Returns early on news; raises `LinkDown` if the connection is gone."""
        try:
            async with asyncio.timeout(self.config.ping_interval):
                await self._news.wait()
        except TimeoutError:
            await self._ping(protocol)
        self._require_open(protocol)
        self._news.clear()

    async def _ping(self, protocol: GuardedProtocol) -> None:
        """Raises `LinkDown` if the peer is silent for `ping_timeout` after a ping. A peer that sends other
        bytes is alive: under load the answer may be far behind in the stream."""
        timeout = self.config.ping_timeout * self._patience
        while True:
            asked = asyncio.get_running_loop().time()
            try:
                await self._exchange(actions.ping(), timeout)
            except ActionTimeout:
                if protocol.last_received <= asked:
                    raise Silent(f"ping unanswered for {timeout:g} s") from None
            else:
                return
