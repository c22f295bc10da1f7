"""Passwords (Argon2id), server-side sessions, login throttling and the rights of a request."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Scope
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.people import department, employee, role, web_session
from callcenter.web.identity import Identity
from callcenter.web.peer import counted_as
from callcenter.web.throttle import Throttle

EVERYWHERE = {"all_companies": True}
COOKIE = "cc_session"
FOREIGN_ORIGIN = web.RequestKey("foreign_origin", bool)
"""Set on every request: whether a page of another origin sends it."""
SESSION_LIFE = timedelta(hours=12)
MIN_PASSWORD = 8

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's figures for Argon2id
_NOBODY = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class SignedIn:
    token: str
    expires_at: datetime
    employee_id: int
    company_id: int


def bearer(request: web.Request) -> str:
    """The token of a client that is no browser; '' without an `Authorization: Bearer` header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def session_token(request: web.Request) -> str:
    """The session's token: the header's where there is one, else the browser's cookie."""
    return bearer(request) or request.cookies.get(COOKIE, "")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def check_strength(password: str, login: str) -> None:
    """Raises `password_weak`."""
    if len(password) < MIN_PASSWORD or password.lower() == login.lower():
        raise Refusal("password_weak")


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


# Asked with every request, so it is built once.
_IDENTIFY = (
    select(
        employee,
        role.c.code,
        role.c.name_zh,
        role.c.name_en,
        role.c.permissions,
        role.c.scope,
        web_session.c.token_hash,
        web_session.c.expires_at,
    )
    .join(web_session, web_session.c.employee_id == employee.c.id)
    .join(role, role.c.id == employee.c.role_id)
    .where(web_session.c.token_hash == bindparam("token"), web_session.c.expires_at > bindparam("now"))
    .execution_options(**EVERYWHERE)
)


class Auth:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._throttle = Throttle(database)
        self.on_failed: Callable[[int | None, str, str], Awaitable[None]] = _untold
        """Told of every wrong password: the company of that login (None: there is no such login), login, address."""
        # Argon2 takes 19 MB and a core for a moment; a burst of logins must not starve the engine's loop. The threads
        # are its own: whatever else is done in threads keeps nobody from signing in.
        self._hashing = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One password of an address at a time: whoever guesses many waits behind the own guesses, nobody else does."""

    async def verify(self, stored: str, password: str) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._hashing, _verify, stored, password)

    def _turn(self, ip: str) -> asyncio.Lock:
        address = counted_as(ip)
        lock = self._turns.get(address)
        if lock is None:
            lock = self._turns[address] = asyncio.Lock()
        return lock

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._hashing, hash_password, password)

    async def sign_in(self, login: str, password: str, ip: str, user_agent: str, client: str = "web") -> SignedIn:
        """A new session of a `web` or `phone` client; raises `bad_credentials`, `too_many_attempts`,
        `account_inactive`.

        A wrong login takes as long as a wrong password, so neither tells which accounts exist.
        """
        query = select(employee).where(employee.c.login == login).execution_options(**EVERYWHERE)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).first()
        await self._check(login, row, password, ip)
        assert row is not None
        if row.account_state != "active":
            raise Refusal("account_inactive")
        token = secrets.token_urlsafe(32)
        now = utcnow()
        async with self._db.write() as connection:
            await self._throttle.succeeded(connection, row, ip)
            await connection.execute(
                insert(web_session).values(
                    token_hash=_digest(token),
                    company_id=row.company_id,
                    employee_id=row.id,
                    created_at=now,
                    expires_at=now + SESSION_LIFE,
                    ip=ip,
                    user_agent=user_agent[:300],
                    client=client,
                )
            )
        return SignedIn(token, now + SESSION_LIFE, row.id, row.company_id)

    async def confirm(self, who: Identity, password: str, ip: str) -> None:
        """Asks a signed-in person for the password again, under the same throttle: a stolen session is no oracle."""
        query = select(employee).where(employee.c.company_id == who.company_id, employee.c.id == who.employee_id)
        async with self._db.read() as connection:
            person = (await connection.execute(query)).one()
        await self._check(who.login, person, password, ip)

    async def end_sessions(self, company_id: int, employee_id: int, *, only: str = "", but: str = "") -> None:
        """Ends an employee's sessions: all, the one named `only`, or all but the one named `but`.

        Called by `callcenter/web/access.py` alone, which knows what else ends with them.
        """
        statement = delete(web_session).where(
            web_session.c.company_id == company_id, web_session.c.employee_id == employee_id
        )
        if only:
            statement = statement.where(web_session.c.token_hash == only)
        if but:
            statement = statement.where(web_session.c.token_hash != but)
        async with self._db.write() as connection:
            await connection.execute(statement)

    async def identify(self, token: str) -> Identity | None:
        """Who a session belongs to, with the rights of this moment; None when it is over."""
        async with self._db.glance() as connection:
            row = (await connection.execute(_IDENTIFY, {"token": _digest(token), "now": utcnow()})).first()
            if row is None or row.account_state != "active":
                return None
            scope = Scope(row.scope)
            visible = await visible_employees(connection, row.company_id, row.id, row.department_id, scope)
        return Identity(
            employee_id=row.id,
            company_id=row.company_id,
            login=row.login,
            name=row.name,
            role=row.code,
            role_name_zh=row.name_zh,
            role_name_en=row.name_en,
            permissions=frozenset(row.permissions),
            scope=scope,
            department_id=row.department_id,
            visible=visible,
            session=row.token_hash,
            session_ends=row.expires_at,
        )

    async def _check(self, login: str, person: Any | None, password: str, ip: str) -> None:
        """Raises `too_many_attempts` or `bad_credentials`; a `person` of None fails after the same work."""
        async with self._turn(ip):
            await self._throttle.check(login, ip, person)
            right = await self.verify(person.password_hash if person else _NOBODY, password) and person is not None
            # Attempts from many addresses at once have all passed the first look; those too many end here.
            await self._throttle.check(login, ip, person)
            if not right:
                await self._throttle.failed(login, ip)
        if not right:
            await self.on_failed(person.company_id if person else None, login, ip)
            raise Refusal("bad_credentials")


async def visible_employees(
    connection: AsyncConnection, company_id: int, employee_id: int, department_id: int | None, scope: Scope
) -> frozenset[int] | None:
    """Employees in a data scope; None for the whole company (SPEC §A1, §A2.10)."""
    if scope is Scope.COMPANY:
        return None
    me = {employee_id}
    if scope is Scope.SELF:
        return frozenset(me)
    if scope is Scope.SUBORDINATES:
        people = select(employee.c.id, employee.c.superior_id).where(employee.c.company_id == company_id)
        above = {row.id: row.superior_id for row in (await connection.execute(people)).all()}
        return frozenset(me | {one for one in above if _below(one, employee_id, above)})
    if department_id is None:
        return frozenset(me)
    departments = {department_id}
    if scope is Scope.DEPARTMENT_TREE:
        tree = select(department.c.id, department.c.parent_id).where(department.c.company_id == company_id)
        above = {row.id: row.parent_id for row in (await connection.execute(tree)).all()}
        departments |= {one for one in above if _below(one, department_id, above)}
    inside = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.department_id.in_(departments))
    return frozenset(me | set((await connection.execute(inside)).scalars()))


def _below(one: int, top: int, above: dict[int, int | None]) -> bool:
    """Whether `top` stands somewhere above `one`; a loop in the data ends the walk."""
    seen: set[int] = set()
    parent = above.get(one)
    while parent is not None and parent not in seen:
        if parent == top:
            return True
        seen.add(parent)
        parent = above.get(parent)
    return False


async def _untold(company_id: int | None, login: str, ip: str) -> None:
    """Nobody listens yet."""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
