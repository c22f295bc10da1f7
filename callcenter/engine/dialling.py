"""Sets up outbound calls: gates first, then the number to show, then minutes, then Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import bindparam, delete, insert, select, update

from callcenter.ami.errors import AmiError
from callcenter.ami.parse import ORIGINATE_ID
from callcenter.domain import agents as agent_rules
from callcenter.domain import calls as call_rules
from callcenter.domain.agents import Agent
from callcenter.domain.caller_id import CallerId, choose_caller_id
from callcenter.domain.calls import Call
from callcenter.domain.commands import CommandRefused, Dial
from callcenter.domain.destinations import WayOut
from callcenter.domain.dial_tasks import masked
from callcenter.domain.events import LinkState
from callcenter.domain.gates import OUTSIDE_PHONE_MODES, DialFacts, first_closed_gate
from callcenter.domain.numbers import BadNumber, Number, dialable, read, region_of
from callcenter.domain.terms import (
    AgentState,
    CallerIdPolicy,
    CallState,
    Direction,
    EndReason,
    Gate,
    LegOrder,
    LineState,
    Mode,
)
from callcenter.domain.trunks import Trunk
from callcenter.engine.call_through import CallThrough
from callcenter.engine.core import Core
from callcenter.engine.directory import Seat
from callcenter.engine.ports import Caller
from callcenter.engine.ways_out import WAY_OF_SOURCE, WaysOut
from callcenter.ledger.holds import Refused
from callcenter.pbx import actions
from callcenter.store.errors import DatabaseUnavailable
from callcenter.store.rang import read_or_rang
from callcenter.store.tables import audit, command_key, outside_number
from callcenter.store.tables import call as call_table

log = logging.getLogger(__name__)

STALE_SECONDS, STALE_LOOKS = 5.0, 20
"""How long a request that came first, perhaps to another engine, may take from its key to its call's row."""
ONE_LEG_RINGS = frozenset({Mode.POINT, Mode.CALL_THROUGH})
"""Modes whose agent side is there, or comes, by itself: there is no order of legs to choose."""


# Built once: a click waits for them.
_EARLIER = (
    select(command_key, call_table.c.id.label("written"))
    .outerjoin(call_table, call_table.c.id == command_key.c.call_id)
    .where(command_key.c.company_id == bindparam("company"), command_key.c.key == bindparam("the_key"))
)
_FORGET = delete(command_key).where(
    command_key.c.company_id == bindparam("company"), command_key.c.key == bindparam("the_key")
)
_REMEMBER = insert(command_key)
_SHOWN = (
    update(outside_number)
    .where(outside_number.c.company_id == bindparam("company"), outside_number.c.id == bindparam("the_number"))
    .values(last_shown_at=bindparam("now"))
)


class Dialling:
    def __init__(
        self,
        core: Core,
        through: CallThrough,
        ways_out: WaysOut,
        *,
        trunk: Trunk,
        reserve_minutes: int,
        ring_seconds: int,
        agent_ring_seconds: int,
    ) -> None:
        self._core = core
        self._through = through
        self._ways_out = ways_out
        self._trunk = trunk
        self._region = trunk.region
        self._reserve_minutes = reserve_minutes
        self._ring_seconds = ring_seconds
        self._agent_ring_seconds = agent_ring_seconds
        self._keys: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def dial(self, command: Dial) -> str:
        """Starts a call and returns its id; the same key answers with the same call again."""
        name = f"{command.company_id}:{_key(command)}"
        # Two requests with one key wait for each other, so the second finds what the first one did.
        lock = self._keys.get(name)
        if lock is None:
            lock = self._keys[name] = asyncio.Lock()
        async with lock:
            return await self._dial_once(command)

    async def _dial_once(self, command: Dial) -> str:
        core = self._core
        earlier = await self._earlier(command)
        if earlier is not None:
            return earlier
        agent = core.registry.agents.get(command.employee_id)
        seat = core.directory.seats.get(command.employee_id)
        number, fault = await self._number(command)
        mode = command.mode or self._usual_mode(agent, seat)
        gate = self._closed_gate(command, mode, agent, seat, number.e164 if number is not None else None)
        if gate is not None or agent is None or seat is None:
            await self._refuse(command, gate or Gate.NOT_AN_AGENT)
            why = {"reason": fault} if gate is Gate.NUMBER_INVALID and fault else {}
            raise CommandRefused((gate or Gate.NOT_AN_AGENT).value, number=command.number, **why)
        assert number is not None
        call = self._new_call(command, mode, seat, number.e164)
        # From here on a second click finds the agent busy: nothing is awaited between the gates and this line.
        core.registry.calls[call.id] = call
        self._ways_out.left(call.company_id, call.number)
        try:
            shown = await self._caller_id(call, seat)
            await self._remember(command, call.id, shown)
            held = await core.packages.reserve(
                company_id=call.company_id,
                employee_id=agent.employee_id,
                mode=call.mode,
                call_id=call.id,
                minutes=self._reserve_minutes,
                now=core.now(),
            )
        except Refused as refusal:
            self._undo(call)
            await self._refuse(command, refusal.gate)
            raise CommandRefused(refusal.gate.value, number=command.number) from None
        except BaseException:
            self._undo(call)
            raise
        call.package_id = held.package_id
        with contextlib.suppress(DatabaseUnavailable):  # the next commit looks again
            await self._recognise(call, command)
        core.agent_changed(agent, agent_rules.begin_call(agent, call.id, core.now()))
        core.take(call, [])
        await core.flush()
        await self._start(call, agent, seat, int(held.limit.total_seconds()), number.extension)
        if not call.over:
            # The phone rings already while the screen is being filled.
            core.pop(call, agent.employee_id)
            await core.flush()
        return call.id

    def _undo(self, call: Call) -> None:
        """A call that may not be: a browser that connected in this very moment may have been shown it."""
        self._ways_out.stayed(call.company_id, call.number)
        self._core.registry.forget(call)
        self._core.push.publish(call.company_id, gone=[("call", call.id)])

    @staticmethod
    def _usual_mode(agent: Agent | None, seat: Seat | None) -> Mode:
        """As the seat says; over the open line while there is one, because the phone is taken by it."""
        if agent is not None and agent.line is LineState.OPEN:
            return Mode.POINT
        return seat.mode if seat is not None else Mode.DIRECT

    async def _number(self, command: Dial) -> tuple[Number | None, str]:
        """What to dial, or None and why not. Digits that no plan knows may be called back if they rang us."""
        with contextlib.suppress(BadNumber):
            return read(command.number, self._region), ""
        try:
            async with self._core.database.glance() as connection:
                return await read_or_rang(connection, command.company_id, command.number, self._region), ""
        except BadNumber as refusal:
            return None, refusal.fault.value

    def _closed_gate(
        self, command: Dial, mode: Mode, agent: Agent | None, seat: Seat | None, number: str | None
    ) -> Gate | None:
        core = self._core
        rules = core.directory.companies[command.company_id]
        person = core.directory.people.get(command.employee_id)
        busy = agent is not None and (
            agent.call_id is not None or any(True for _ in core.registry.calls_of(agent.employee_id))
        )
        return first_closed_gate(
            DialFacts(
                may_dial=command.may_dial and agent is not None,
                logged_in=agent is not None and agent.state is not AgentState.LOGGED_OUT,
                account_active=person is not None and person.active,
                phone_registered=agent is not None and agent.phone_ready,
                phones_live=core.pbx is not None and core.pbx.state is LinkState.LIVE,
                busy=busy,
                number_valid=number is not None,
                blacklisted=(command.company_id, number or "") in core.directory.blacklist,
                local_time=rules.local_time(core.now()),
                window=rules.window,
                mode=mode,
                has_seat=seat is not None,
                has_caller_id=seat is not None and self._choose(command.company_id, mode, seat) is not None,
                has_bound_phone=seat is not None and bool(seat.bound_phone),
                line_open=agent is not None and agent.line is LineState.OPEN,
                access_number=bool(rules.access_number),
                standing=core.directory.standing_gate(command.company_id, command.employee_id, core.now()),
                destination=self._destination(command, mode, seat, number),
            )
        )

    def _destination(self, command: Dial, mode: Mode, seat: Seat | None, number: str | None) -> Gate | None:
        """What keeps the called number, or the outside phone that the agent talks on, from being called."""
        own = seat.bound_phone if seat is not None and mode in OUTSIDE_PHONE_MODES else ""
        way = WAY_OF_SOURCE.get(command.source, WayOut.BY_HAND)
        asked = ((number or "", way), (own, WayOut.OWN_PHONE))
        gates = (self._ways_out.closed(command.company_id, one, how) for one, how in asked if one)
        return next(filter(None, gates), None)

    def _choose(self, company_id: int, mode: Mode, seat: Seat, region: str = "") -> CallerId | None:
        directory = self._core.directory
        rules = directory.companies[company_id]
        now = self._core.now()
        # A number that leaves is gone at midnight, whenever the directory is read again.
        numbers = [one for one in directory.outside.get(company_id, ()) if one.leaves_at is None or now < one.leaves_at]
        return choose_caller_id(rules.caller_id_policy, mode, seat.id, numbers, region)

    async def _caller_id(self, call: Call, seat: Seat) -> CallerId:
        """The number that this call shows; it goes to the end of the rotation at once."""
        directory = self._core.directory
        region = ""
        if directory.companies[call.company_id].caller_id_policy is CallerIdPolicy.SAME_REGION:
            region = await asyncio.to_thread(region_of, call.number)
        shown = self._choose(call.company_id, call.mode, seat, region)
        if shown is None:  # unbound between the gate and here
            raise Refused(Gate.NO_BOUND_NUMBER)
        for own in self._core.directory.outside.get(call.company_id, ()):
            if own.id == shown.id:
                own.last_shown_at = self._core.now()
        call.company_number, call.caller_id_reason = shown.number, shown.reason.value
        return shown

    def _new_call(self, command: Dial, mode: Mode, seat: Seat, number: str) -> Call:
        now = self._core.now()
        order = LegOrder.AGENT_FIRST if mode in ONE_LEG_RINGS else command.leg_order or seat.leg_order
        customer_first = order is LegOrder.CUSTOMER_FIRST
        return Call(
            id=f"{int(now.timestamp() * 1000):x}{secrets.token_hex(10)}",
            company_id=command.company_id,
            direction=Direction.OUTBOUND,
            number=number,
            started_at=now,
            mode=mode,
            leg_order=order,
            source=command.source,
            employee_id=command.employee_id,
            customer_id=command.customer_id,
            task_number_id=command.task_number_id,
            number_hidden=command.number_hidden,
            state=CallState.DIALING_CUSTOMER if customer_first else CallState.DIALING_AGENT,
            state_since=now,
            recorded=self._core.directory.companies[command.company_id].recording,
        )

    async def _recognise(self, call: Call, command: Dial) -> None:
        known: Caller | None
        if command.customer_id is not None:
            known = await self._core.crm.name_of(command.company_id, command.customer_id)
        else:
            known = await self._core.crm.who_is(command.company_id, call.number)
        if known is not None:
            call.customer_id, call.customer_name = known.customer_id, known.name

    # -- setting up --------------------------------------------------------------------------------------------------

    async def _start(self, call: Call, agent: Agent, seat: Seat, limit_seconds: int, extension: str) -> None:
        shown = self._trunk.shown(call.company_number)
        terms = actions.Terms(
            call_id=call.id,
            number=self._trunk.dialled(call.number),
            display_number=shown,
            ring_seconds=self._ring_seconds,
            limit_seconds=limit_seconds,
            record=call.recorded,
            extension=extension,
            identity=self._trunk.identity(shown),
        )
        if call.mode is Mode.CALL_THROUGH:
            await self._through.arm(call, seat, terms)
            return
        if call.leg_order is LegOrder.CUSTOMER_FIRST:
            action = self._customer_first(call, agent, seat, terms)
        else:
            action = self._agent_first(call, agent, seat, terms)
        await self._send(call, action)

    def _agent_first(self, call: Call, agent: Agent, seat: Seat, terms: actions.Terms) -> actions.Action:
        channel, patience = f"PJSIP/{agent.endpoint}", self._agent_ring_seconds
        shown = self._on_the_phone(call)
        if call.mode is Mode.CALLBACK:
            channel = actions.outside_channel(self._trunk.dialled(seat.bound_phone))
            # SPEC §B2.2: an outside phone sees the bound number, as the customer does; it rings as long as a customer.
            shown, patience = terms.display_number, self._ring_seconds
        elif call.mode is Mode.POINT:
            channel = actions.line_channel(agent.employee_id)
        return actions.agent_first_action(terms, channel, shown_to_agent=shown, agent_ring_seconds=patience)

    def _customer_first(self, call: Call, agent: Agent, seat: Seat, terms: actions.Terms) -> actions.Action:
        if call.mode is Mode.CALLBACK:
            phone, shown = self._trunk.dialled(seat.bound_phone), terms.display_number
        else:
            phone, shown = agent.endpoint, self._on_the_phone(call)
        # Nobody is kept waiting for the agent longer than an agent's phone rings, whichever phone it is.
        return actions.customer_first_action(
            terms, phone, shown_to_agent=shown, agent_ring_seconds=self._agent_ring_seconds
        )

    def _on_the_phone(self, call: Call) -> str:
        """What the agent's own phone shows while it rings, which is before the customer's does."""
        return masked(call.number, self._region) if call.hides_number else dialable(call.number, self._region)

    async def _send(self, call: Call, action: Mapping[str, Any]) -> None:
        core = self._core
        assert core.pbx is not None
        try:
            await core.pbx.send({**action, "ActionID": ORIGINATE_ID + call.id})
        except AmiError as error:
            if error.code == "action_timeout":
                # It may have been taken: the phone rings or the next snapshot says that nothing is there.
                log.warning("call %s: no answer to the Originate; waiting for events", call.id)
                return
            core.take(call, call_rules.close(call, core.now(), EndReason.NETWORK_FAILED))
            await core.flush()

    # -- idempotency and refusals ----------------------------------------------------------------------------------

    async def _earlier(self, command: Dial) -> str | None:
        """The call of an earlier request with this key; raises what it raised, or when the key was for another."""
        names = {"company": command.company_id, "the_key": _key(command)}
        for pause in (*[STALE_SECONDS / STALE_LOOKS] * STALE_LOOKS, None):
            async with self._core.database.glance() as connection:
                row = (await connection.execute(_EARLIER, names)).first()
            if row is None:
                return None
            if row.request != _request(command):
                raise CommandRefused("key_reused")
            if row.error:
                raise CommandRefused(row.error, number=command.number)
            if row.written is not None or row.call_id in self._core.registry.calls:
                return str(row.call_id)
            if pause is not None:
                await asyncio.sleep(pause)
        # The engine died, or the database failed, before the call was written down: it was never dialled.
        async with self._core.database.write() as connection:
            await connection.execute(_FORGET, names)
        return None

    async def _remember(self, command: Dial, call_id: str, shown: CallerId) -> None:
        now = self._core.now()
        async with self._core.database.write() as connection:
            await connection.execute(
                _REMEMBER,
                {
                    "company_id": command.company_id,
                    "key": _key(command),
                    "employee_id": command.employee_id,
                    "request": _request(command),
                    "call_id": call_id,
                    "at": now,
                },
            )
            names = {"company": command.company_id, "the_number": shown.id, "now": now}
            await connection.execute(_SHOWN, names)

    async def _refuse(self, command: Dial, gate: Gate) -> None:
        """Denied dials are logged, and the key remembers the refusal."""
        now = self._core.now()
        async with self._core.database.write() as connection:
            values = {"employee_id": command.employee_id, "request": _request(command), "error": gate.value}
            key = {"company_id": command.company_id, "key": _key(command)}
            where = (command_key.c.company_id == key["company_id"], command_key.c.key == key["key"])
            done = await connection.execute(update(command_key).where(*where).values(error=gate.value, call_id=None))
            if done.rowcount == 0:
                await connection.execute(insert(command_key).values(**key, **values, at=now))
            details: dict[str, object] = {"gate": gate.value}
            if command.task_number_id is not None:
                details["task_number"] = command.task_number_id  # its digits may be hidden from who reads the log
            await connection.execute(
                insert(audit).values(
                    company_id=command.company_id,
                    actor_id=command.employee_id,
                    action="dial.refused",
                    object=command.number[:32],
                    details=details,
                    at=now,
                )
            )


def _key(command: Dial) -> str:
    return f"{command.employee_id}:{command.key}"


def _request(command: Dial) -> str:
    parts = [command.number, command.customer_id or "", command.mode or "", command.leg_order or ""]
    if command.task_number_id is not None:
        parts.append(command.task_number_id)
    return "|".join(str(part) for part in parts)[:200]
