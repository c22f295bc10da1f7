"""The one place that decides "this person's access ends now", and everything that has to listen to it.

A right lives in many places: sessions, live sockets, browser phones and their short-lived passwords, the SIP account of
a desk phone, its registration, a leg that talks, the agent's state. What of it ends for which cause stands in `RULES`
and nowhere else; whoever ends somebody's access names the cause and nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import partial
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select, update

from callcenter.domain.commands import ChooseState
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AccessEnd, AgentState
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company, employee, web_session

if TYPE_CHECKING:
    from callcenter.web.services import Services

log = logging.getLogger(__name__)

EVERYWHERE = {"all_companies": True}
SWEEP_SECONDS = 10.0
"""How often sessions are looked through for those whose time is over."""


class Cause(StrEnum):
    """Why access ends."""

    SIGNED_OUT = auto()
    PASSWORD_CHANGED = auto()
    """By the person, in the session that stays."""
    PASSWORD_RESET = auto()
    """By an administrator."""
    SECRET_RENEWED = auto()
    """The SIP account got a new password."""
    DISABLED = auto()
    DEPARTED = auto()
    DIALLING_TAKEN = auto()
    """The role may not dial any more."""
    RIGHTS_CHANGED = auto()
    """The role or what it sees changed otherwise."""
    SESSION_EXPIRED = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """What ends. A company's expiry is no cause: its people work on and take calls, only dialling out is refused."""

    sessions: Literal["none", "this", "others", "all"] = "none"
    phones: Literal["none", "session", "browser", "desk", "all"] = "none"
    """`session`: the browser phones of the ended session, and the browser's password unless another session is left."""
    calls: Literal["leave", "finish", "company"] = "leave"
    """`leave`: phones end now, legs follow their phones; `finish`: phones end with the running call; `company`: the
    company's setting says whether legs are hung up now or finish."""
    renews: bool = False
    """The SIP account gets a new password, so that what somebody wrote down is worth nothing."""
    logs_out: bool = False


RULES = {
    Cause.SIGNED_OUT: Rule("this", "browser"),
    Cause.PASSWORD_CHANGED: Rule("others", "browser", "finish"),
    Cause.PASSWORD_RESET: Rule("all", "all", "company", renews=True, logs_out=True),
    Cause.SECRET_RENEWED: Rule(phones="desk", calls="finish", renews=True),
    Cause.DISABLED: Rule("all", "all", "company", renews=True, logs_out=True),
    Cause.DEPARTED: Rule("all", "all", "company", renews=True, logs_out=True),
    Cause.DIALLING_TAKEN: Rule(phones="all", calls="company", renews=True, logs_out=True),
    Cause.RIGHTS_CHANGED: Rule(),
    Cause.SESSION_EXPIRED: Rule("this", "session", "finish"),
}


class Access:
    """Ends access; handed the services, because nearly all of them listen."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def end(self, company_id: int, employee_id: int, cause: Cause, session: str = "") -> None:
        """Ends what `RULES` says for this cause; `session` is the one that ends (or, for a changed password, stays).

        One part that fails keeps no other from ending; the database's failure is raised when all is done.
        """
        rule, services = RULES[cause], self._services
        only, but = session if rule.sessions == "this" else "", session if rule.sessions == "others" else ""
        try:
            if rule.sessions != "none":
                await services.auth.end_sessions(company_id, employee_id, only=only, but=but)
            if rule.renews:
                await self._renew(company_id, employee_id)
        finally:
            # Whoever is let in again comes back with the rights of now; who is not, stays out.
            services.live_sockets.end(employee_id)
            services.hub.drop(company_id, employee_id)
            try:
                await self._phones(company_id, employee_id, rule, only, but)
            except Exception:
                log.exception("the phones of employee %s could not be ended in order", employee_id)
                if rule.phones not in ("none", "desk"):
                    services.phones.end(employee_id, only=only, but=but)

    async def _phones(self, company_id: int, employee_id: int, rule: Rule, only: str, but: str) -> None:
        services = self._services
        left = rule.phones == "session" and await self._sessions_left(company_id, employee_id)
        if rule.logs_out or (rule.phones == "session" and not left):
            await self._log_out(company_id, employee_id)
        if rule.phones == "none":
            return
        sockets = partial(services.phones.end, employee_id, only=only if left else "")
        if but:
            services.phones.end(employee_id, but=but)
        calls = rule.calls if rule.calls != "company" else await self._wish(company_id)
        await services.telephony.end_phones(
            employee_id,
            calls=calls,
            browser=rule.phones != "desk" and not left,
            desk=rule.phones in ("desk", "all"),
            ended=sockets if rule.phones != "desk" else None,
        )

    async def _renew(self, company_id: int, employee_id: int) -> None:
        async with self._services.database.write() as connection:
            await connection.execute(
                update(employee)
                .where(employee.c.company_id == company_id, employee.c.id == employee_id)
                .values(sip_secret=secrets.token_urlsafe(18))
            )

    async def _wish(self, company_id: int) -> Literal["finish", "cut"]:
        async with self._services.database.read() as connection:
            row = await connection.execute(select(company.c.access_end).where(company.c.id == company_id))
            return "cut" if row.scalar() == AccessEnd.AT_ONCE.value else "finish"

    async def _sessions_left(self, company_id: int, employee_id: int) -> bool:
        query = select(func.count()).where(
            web_session.c.company_id == company_id,
            web_session.c.employee_id == employee_id,
            web_session.c.expires_at > utcnow(),
        )
        async with self._services.database.read() as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def _log_out(self, company_id: int, employee_id: int) -> None:
        if self._services.live.agent_of(company_id, employee_id) is None:
            return
        try:
            await self._services.execute(ChooseState(company_id, employee_id, AgentState.LOGGED_OUT))
        except Refusal as refusal:
            log.warning("employee %s could not be logged out: %s", employee_id, refusal)

    # -- sessions whose time is over -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ends expired sessions until cancelled; the engine's next start takes what was missed."""
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("expired sessions could not be ended; they will be looked through again")
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Ends every session whose time is over, with its sockets and phone; answers how many."""
        now = utcnow()
        query = (
            select(web_session.c.company_id, web_session.c.employee_id, web_session.c.token_hash)
            .where(web_session.c.expires_at <= now)
            .limit(500)
            .execution_options(**EVERYWHERE)
        )
        async with self._services.database.read() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            await self.end(row.company_id, row.employee_id, Cause.SESSION_EXPIRED, row.token_hash)
        for sockets in (self._services.live_sockets, self._services.phones):
            for one in sockets.expired(now):
                one.end()
        return len(rows)
