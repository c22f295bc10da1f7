"""Call-through (呼转): a number armed on the screen waits for the agent's own call to the access number.

What was armed is in AstDB with its end, so it is connected, or refused, also while no engine runs. The engine closes a
call that nobody came for and gives its minutes back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from callcenter.ami.actions import db_del, db_put
from callcenter.ami.errors import AmiError
from callcenter.domain import call_rules
from callcenter.domain.called_numbers import spellings
from callcenter.domain.calls import Call
from callcenter.domain.events import LinkState
from callcenter.domain.terms import EndReason
from callcenter.engine import view
from callcenter.engine.core import Core
from callcenter.engine.directory import Seat
from callcenter.pbx.actions import Terms, armed_entries

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
TAKEN_SECONDS = 5
"""How long the events of a call that was taken in the last moment may still be on their way."""


class CallThrough:
    def __init__(self, core: Core, region: str) -> None:
        self._core = core
        self._region = region

    async def arm(self, call: Call, seat: Seat, terms: Terms) -> None:
        """Lets the next call from the seat's outside phone to the access number reach the customer, for a while."""
        core = self._core
        assert core.pbx is not None
        call.armed_until = core.now() + self._patience(call)
        until = int(call.armed_until.timestamp())
        core.take(call, [])
        try:
            for entry in armed_entries(terms, call.company_id, self._written(seat), until):
                await core.pbx.send(db_put(*entry))
        except AmiError as error:
            log.warning("call %s: could not be armed: %s", call.id, error)
            core.take(call, call_rules.close(call, core.now(), EndReason.NETWORK_FAILED))
        await core.flush()

    async def disarm(self, call: Call, reason: EndReason) -> bool:
        """Closes an armed call; false when the agent has just called and it is on its way."""
        core = self._core
        if core.pbx is None:
            return False
        try:
            await core.pbx.send(db_del("arm", call.id))
        except AmiError as error:
            taken = error.code != "refused" or not call.waits_for_agent
            waited = call.armed_until is not None and core.now() > call.armed_until + timedelta(seconds=TAKEN_SECONDS)
            if taken or not waited:
                return False
        seat = core.directory.seats.get(call.employee_id or 0)
        for name in self._written(seat) if seat is not None else ():
            try:
                await core.pbx.send(db_del("armed", f"{call.company_id}-{name}"))
            except AmiError:
                continue  # gone already, or it will be overwritten: without its other half it opens nothing
        if call.waits_for_agent:
            core.take(call, call_rules.close(call, core.now(), reason))
            await core.flush()
        return True

    async def run(self) -> None:
        """Closes what nobody came for."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for call in [one for one in self._core.registry.calls.values() if one.waits_for_agent]:
                try:
                    await self._look(call, self._core.now())
                except Exception:
                    log.exception("call %s: could not be looked after; the next round does it", call.id)

    async def _look(self, call: Call, now: datetime) -> None:
        if call.armed_until is None:
            # The engine was started anew. Only shown: settlement may have written the end of this call already.
            call.armed_until = call.started_at + self._patience(call)
            entity = view.call_entity(call, self._core.directory)
            self._core.push.publish(call.company_id, [("call", call.id, entity)])
        live = self._core.pbx is not None and self._core.pbx.state is LinkState.LIVE
        # A second later than the dialplan: it counts whole seconds.
        if live and now > call.armed_until + timedelta(seconds=1):
            await self.disarm(call, EndReason.NOT_CALLED_THROUGH)

    def _patience(self, call: Call) -> timedelta:
        return timedelta(seconds=self._core.directory.companies[call.company_id].call_through_seconds)

    def _written(self, seat: Seat) -> Sequence[str]:
        """The ways in which a network may write the outside phone's number."""
        return sorted(spellings(seat.bound_phone, self._region))
