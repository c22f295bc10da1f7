"""An agent's browser that vanishes in the middle of a call: it comes back, or the call ends in a defined way.

A reloaded page has lost its half of the call; Asterisk still has the other. The new page asks for the call, is rung
anew and takes the old leg's place. The customer's leg is moved, never dropped, so the call keeps its id, its log row
and its paid end.

A browser that does not come back: its connection is gone and nothing more is heard of it. The customer gets music at
once, and after `lost_seconds` the agent's leg is taken out. What that means is what it means when the agent hangs up:
a consulted party and the customer talk with each other, of three the other two go on, and a customer who is alone is
let go (`agent_lost`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from callcenter.ami.errors import AmiError
from callcenter.domain import events as ev
from callcenter.domain.agents import employee_of, endpoint_of
from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.commands import PhoneSeen, Rejoin
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Device, EndReason, Gate, Role
from callcenter.engine.bus import LegHappened
from callcenter.engine.core import Core
from callcenter.engine.moves.transfers import Control
from callcenter.pbx import control as recipe

log = logging.getLogger(__name__)

GONE_SECONDS = 2.0
"""A connection that is back within this time was only a hiccup: sound does not travel through it."""
LISTEN_SECONDS = 1.5
"""Between two looks at the packets that came from the browser."""
RING_SECONDS = 15


@dataclass(slots=True)
class Pending:
    new_leg: str
    old_leg: str
    until: float


class BrowserCalls:
    """Knows which browsers are connected, and gives calls back to those that return."""

    def __init__(self, core: Core, control: Control, *, lost_seconds: float) -> None:
        self._core = core
        self._control = control
        self._lost_seconds = lost_seconds
        self._sockets: Counter[int] = Counter()
        self._pending: dict[str, Pending] = {}
        self._parked: set[str] = set()
        """Calls that were put on hold because nobody was there any more."""
        self._tasks: set[asyncio.Task[None]] = set()
        core.bus.on(LegHappened, self._watch)
        core.bus.serve(Rejoin, self.rejoin)
        core.bus.serve(PhoneSeen, self.seen)

    # -- coming back -------------------------------------------------------------------------------------------------

    async def rejoin(self, command: Rejoin) -> None:
        """Rings the agent's browser for the call in which its old leg still is; a second request is the first."""
        call = self._control.call_of(command)
        async with self._control.locked(call.id):
            agent = self._core.registry.agents.get(command.employee_id)
            old = _browser_leg(call, command.employee_id)
            if agent is None or old is None or not _partners(call, old):
                raise Refusal("move_not_possible", missing="leg")
            if not agent.has_phone(Device.BROWSER):
                raise Refusal(Gate.PHONE_NOT_REGISTERED.value)
            now = asyncio.get_running_loop().time()
            waiting = self._pending.get(call.id)
            if waiting is not None and now < waiting.until:
                return
            leg_id = f"{call.id[:40]}-r{secrets.token_hex(4)}"
            self._pending[call.id] = Pending(leg_id, old.id, now + RING_SECONDS)
            phone = f"PJSIP/{endpoint_of(agent.employee_id, Device.BROWSER)}"
            try:
                await self._control.send(
                    recipe.ring_again(call_id=call.id, channel_id=leg_id, phone=phone, ring_seconds=RING_SECONDS)
                )
            except Refusal:
                del self._pending[call.id]
                raise

    def _watch(self, happened: LegHappened) -> None:
        call, leg_id, event = happened.call, happened.leg_id, happened.event
        pending = self._pending.get(call.id)
        if pending is None or pending.new_leg != leg_id:
            return
        if isinstance(event, ev.ChannelEnded):
            del self._pending[call.id]
        elif isinstance(event, ev.LegPlaced) and event.place == "rejoined":
            del self._pending[call.id]
            self._later(self._take_over(call, pending))

    async def _take_over(self, call: Call, pending: Pending) -> None:
        """The new page has answered: its leg goes where the old one is, and the old one out."""
        async with self._control.locked(call.id):
            new, old = call.legs.get(pending.new_leg), call.legs.get(pending.old_leg)
            if new is None or old is None or call.over:
                return
            # Whoever hangs up later did so; the leg that is replaced has not.
            old.departed = True
            if old.over:
                # It ended while the page was loading; the call still has somebody to talk with.
                await self._control.send(recipe.together(new.channel, *(one.channel for one in _partners(call, new))))
                return
            parked = call.id in self._parked
            self._parked.discard(call.id)
            silent = old.place == "waiting" and not parked
            partner = None if old.place in ("talking", "waiting") else _partner(call, old)
            actions = recipe.replace(new.channel, old.channel, partner.channel if partner else None, silent=silent)
            customer = call.leg_of(Role.CUSTOMER)
            if parked and customer is not None and customer.state in TALKING:
                actions += recipe.together(customer.channel)
            await self._control.send(actions)

    # -- going away --------------------------------------------------------------------------------------------------

    async def seen(self, command: PhoneSeen) -> None:
        """The connection of a browser phone came or went."""
        who = command.employee_id
        self._sockets[who] += 1 if command.here else -1
        if self._sockets[who] <= 0:
            del self._sockets[who]
            for call in self._core.registry.calls.values():
                if not call.over and _browser_leg(call, who) is not None:
                    self._later(self._watch_over(call, who))

    async def _watch_over(self, call: Call, who: int) -> None:
        """Waits for the browser; when it is truly gone the customer gets music, and in the end is let go."""
        await asyncio.sleep(GONE_SECONDS)
        leg = _browser_leg(call, who)
        while leg is not None and await self._heard(leg):
            if self._sockets[who] or call.over:
                return  # only its connection broke; the conversation goes on
            leg = _browser_leg(call, who)
        if leg is None or call.over:
            return
        log.warning("call %s: the browser of its agent is gone", call.id)
        with contextlib.suppress(Refusal):
            await self._park(call, leg)
        deadline = asyncio.get_running_loop().time() + self._lost_seconds
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
            if leg.over or call.over:
                return
        with contextlib.suppress(Refusal):
            await self._let_go(call, leg)

    async def _heard(self, leg: Leg) -> bool:
        """Whether packets still come from the leg's phone."""
        before = await self._packets(leg)
        await asyncio.sleep(LISTEN_SECONDS)
        after = await self._packets(leg)
        return before is None or after is None or after > before

    async def _packets(self, leg: Leg) -> int | None:
        """Packets received so far; None when nobody can tell (the AMI link is away): then nothing is concluded."""
        pbx = self._core.pbx
        if pbx is None or leg.over:
            return 0
        action = {"Action": "Getvar", "Channel": leg.channel, "Variable": "CHANNEL(rtcp,rxcount)"}
        try:
            answer = await pbx.send(action)
        except AmiError as error:
            return 0 if error.code == "refused" else None
        value = str(answer.get("Value"))
        return int(value) if value.isdigit() else 0

    async def _park(self, call: Call, leg: Leg) -> None:
        """The customer hears music instead of nothing. Others who talk among themselves are left alone."""
        async with self._control.locked(call.id):
            partners = _partners(call, leg)
            alone = len(partners) == 1 and partners[0].role is Role.CUSTOMER
            if alone and leg.place in ("", "talking", "transfer", "return") and not leg.over:
                self._parked.add(call.id)
                await self._control.send(recipe.hold(partners[0].channel, leg.channel))

    async def _let_go(self, call: Call, leg: Leg) -> None:
        async with self._control.locked(call.id):
            self._parked.discard(call.id)
            partners = _partners(call, leg)
            await self._control.send(recipe.drop(leg.channel))
            if len(partners) < 2:
                call.ending = EndReason.AGENT_LOST
                for one in partners:
                    await self._control.send(recipe.drop(one.channel))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await work
            except Refusal as refusal:
                log.warning("a browser's call could not be given back: %s", refusal.code)
            except Exception:
                log.exception("a browser's call could not be given back")

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _browser_leg(call: Call, employee_id: int) -> Leg | None:
    """The talking leg of that agent's browser."""
    for leg in call.alive(Role.AGENT):
        device = employee_of(leg.channel)
        mine = leg.employee_id == employee_id and leg.state in TALKING and leg.place != "rejoined"
        if mine and device is not None and device[1] is Device.BROWSER:
            return leg
    return None


def _partners(call: Call, leg: Leg) -> list[Leg]:
    """Everybody else who is connected with the call, supervisors apart."""
    return [
        one
        for one in call.legs.values()
        if one is not leg and one.role is not Role.SUPERVISOR and one.state in TALKING and one.place != "rejoined"
    ]


def _partner(call: Call, leg: Leg) -> Leg | None:
    """Who talks with the leg in a bridge of two; by the bridge where it is known, else by what the leg does."""
    partners = _partners(call, leg)
    shared = [one for one in partners if leg.bridge and one.bridge == leg.bridge]
    if shared:
        return shared[0]
    role = Role.THIRD if leg.place == "consulting" else Role.CUSTOMER
    return next((one for one in partners if one.role is role), None)
