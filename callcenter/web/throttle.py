"""How often a password may be guessed: by login and address together, so that nobody is locked out by others.
Codes that are scanned are counted by address alone, because a wrong one says nothing of whom it would have been for.

- One address guessing one login waits after `FAILURES_PER_LOGIN` failures; nobody else is touched.
- One address guessing many logins waits after `FAILURES_PER_ADDRESS`; whoever has signed in from there before does not.
- One login guessed from many addresses: after `FAILURES_ANYWHERE` there is a growing pause between two guesses from
  addresses that the person has never come from. From their own they sign in as ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.people import login_failure, sign_in_address
from callcenter.web.peer import counted_as

THROTTLE_WINDOW = timedelta(minutes=15)
FAILURES_PER_LOGIN = 8
FAILURES_PER_ADDRESS = 40
FAILURES_ANYWHERE = 24
LONGEST_PAUSE = timedelta(seconds=60)
WRONG_CODES = 30
"""Codes that open nothing, of one address; an office shares one, and may scan some that are too old."""
KNOWN_ADDRESSES = 20
"""Addresses remembered per person; the one not seen for longest is forgotten."""


class Throttle:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def check(self, login: str, ip: str, person: Any | None) -> None:
        """Raises `too_many_attempts`; `person` is the row of the employee with that login, if there is one."""
        now, keys = utcnow(), _keys(login, ip)
        async with self._db.read() as connection:
            pair = await _failures(connection, keys["pair"], now)
            wait = pair.first + THROTTLE_WINDOW - now if pair.times >= FAILURES_PER_LOGIN else timedelta(0)
            if wait <= timedelta(0) and not await _is_known(connection, person, ip):
                wait = await self._stranger(connection, keys, now)
        if wait > timedelta(0):
            raise Refusal("too_many_attempts", retry_after=int(wait.total_seconds()) + 1)

    async def _stranger(self, connection: AsyncConnection, keys: dict[str, str], now: datetime) -> timedelta:
        """How long an address waits that the person has never come from."""
        address = await _failures(connection, keys["address"], now)
        if address.times >= FAILURES_PER_ADDRESS:
            wait: timedelta = address.first + THROTTLE_WINDOW - now
            return wait
        anywhere = await _failures(connection, keys["login"], now)
        if anywhere.times < FAILURES_ANYWHERE:
            return timedelta(0)
        pause = min(LONGEST_PAUSE, timedelta(seconds=2 ** min(anywhere.times - FAILURES_ANYWHERE, 10)))
        after: timedelta = anywhere.last + pause - now
        return after

    async def failed(self, login: str, ip: str) -> None:
        """Counts a wrong guess."""
        await self._count(*_keys(login, ip).values())

    async def check_codes(self, ip: str) -> None:
        """Raises `too_many_codes` for an address that has scanned too many codes that open nothing."""
        now = utcnow()
        async with self._db.read() as connection:
            wrong = await _failures(connection, _code_key(ip), now)
        if wrong.times >= WRONG_CODES:
            wait: timedelta = wrong.first + THROTTLE_WINDOW - now
            raise Refusal("too_many_codes", retry_after=max(0, int(wait.total_seconds())) + 1)

    async def wrong_code(self, ip: str) -> None:
        """Counts a code that opens nothing."""
        await self._count(_code_key(ip))

    async def _count(self, *keys: str) -> None:
        now = utcnow()
        async with self._db.write() as connection:
            await connection.execute(delete(login_failure).where(login_failure.c.at < now - THROTTLE_WINDOW))
            await connection.execute(insert(login_failure), [{"key": key, "at": now} for key in keys])

    async def succeeded(self, connection: AsyncConnection, person: Any, ip: str) -> None:
        """Forgets this address's guesses at this login, and remembers that the person comes from there."""
        await connection.execute(delete(login_failure).where(login_failure.c.key == _keys(person.login, ip)["pair"]))
        mine = (sign_in_address.c.company_id == person.company_id, sign_in_address.c.employee_id == person.id)
        address, now = counted_as(ip), utcnow()
        here = update(sign_in_address).where(*mine, sign_in_address.c.address == address)
        if not (await connection.execute(here.values(last_at=now))).rowcount:
            values = {"company_id": person.company_id, "employee_id": person.id, "address": address, "last_at": now}
            await connection.execute(insert(sign_in_address).values(values))
            newest = select(sign_in_address.c.id).where(*mine).order_by(sign_in_address.c.last_at.desc())
            kept = list((await connection.execute(newest.limit(KNOWN_ADDRESSES))).scalars())
            await connection.execute(delete(sign_in_address).where(*mine, sign_in_address.c.id.not_in(kept)))


def _keys(login: str, ip: str) -> dict[str, str]:
    address = counted_as(ip)
    return {"pair": f"pair:{address}|{login}"[:128], "address": f"ip:{address}"[:128], "login": f"login:{login}"[:128]}


def _code_key(ip: str) -> str:
    return f"code:{counted_as(ip)}"[:128]


async def _failures(connection: AsyncConnection, key: str, now: datetime) -> Any:
    """Row of `times` (how many), `first` and `last` within the window."""
    at = login_failure.c.at
    query = select(func.count().label("times"), func.min(at).label("first"), func.max(at).label("last"))
    return (await connection.execute(query.where(login_failure.c.key == key, at > now - THROTTLE_WINDOW))).one()


async def _is_known(connection: AsyncConnection, person: Any | None, ip: str) -> bool:
    if person is None:
        return False
    query = select(sign_in_address.c.id).where(
        sign_in_address.c.company_id == person.company_id,
        sign_in_address.c.employee_id == person.id,
        sign_in_address.c.address == counted_as(ip),
    )
    return (await connection.execute(query)).first() is not None
