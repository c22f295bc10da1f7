"""Codes that employees scan to verify their real names (SPEC §A4.2): for one person, ten minutes, one use.

An employee has one code: a new one ends the older. Its token is random, given out once and kept as a hash alone. Why a
token opens nothing (never given out, used, replaced, too old, tried too often, its holder gone) is told to nobody.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.people import is_staff, verify
from callcenter.store.tables.people import company, employee, verification_code

LIFE = timedelta(minutes=10)
TRIES = 5
"""Checks by the provider for one code: who mistypes may correct it, who guesses may not go on."""
EVERYWHERE = {"all_companies": True}


class CodeState(StrEnum):
    """How far the holder of a code has come. `OVER` is not stored: an open code that opens nothing any more."""

    WAITING = "waiting"
    OPENED = "opened"
    REFUSED = "refused"
    """The last check failed; it may be tried again."""
    VERIFIED = "verified"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Issued:
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom an open code is for; `name` is the account's."""

    company_id: int
    employee_id: int
    name: str
    company_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How an employee's newest code is; `problem` the error code of the last check that failed."""

    state: CodeState
    problem: str
    expires_at: datetime


async def issue(connection: AsyncConnection, company_id: int, employee_id: int, now: datetime) -> Issued:
    """A new code for an employee; the older one ends."""
    made = Issued(secrets.token_urlsafe(32), now + LIFE)
    await connection.execute(delete(verification_code).where(*_of(company_id, employee_id)))
    await connection.execute(
        insert(verification_code).values(
            company_id=company_id,
            employee_id=employee_id,
            token_hash=_digest(made.token),
            created_at=now,
            expires_at=made.expires_at,
        )
    )
    return made


async def standing_of(connection: AsyncConnection, company_id: int, employee_id: int, now: datetime) -> Standing | None:
    """None: the employee was never shown a code."""
    row = (await connection.execute(select(verification_code).where(*_of(company_id, employee_id)))).first()
    if row is None:
        return None
    state = CodeState(row.state)
    if state is not CodeState.VERIFIED and (row.expires_at <= now or row.tries >= TRIES):
        state = CodeState.OVER
    return Standing(state, row.problem, row.expires_at)


async def holder_of(connection: AsyncConnection, token: str, now: datetime) -> Holder | None:
    """Whom a token is for, as long as it may be used."""
    query = (
        select(verification_code, employee.c.name, company.c.name.label("company_name"))
        .join(employee, employee.c.id == verification_code.c.employee_id)
        .join(company, company.c.id == verification_code.c.company_id)
        .where(*_unused(token), verification_code.c.expires_at > now, verification_code.c.tries < TRIES, is_staff())
        .execution_options(**EVERYWHERE)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return Holder(row.company_id, row.employee_id, row.name, row.company_name, row.expires_at)


async def opened(connection: AsyncConnection, token: str, holder: Holder) -> None:
    """The page with the code is open: the administrator sees that it was scanned."""
    waiting = verification_code.c.state == CodeState.WAITING.value
    mine = (verification_code.c.company_id == holder.company_id, *_unused(token), waiting)
    await connection.execute(update(verification_code).where(*mine).values(state=CodeState.OPENED.value))


async def take_try(connection: AsyncConnection, token: str, now: datetime) -> Holder | None:
    """Counts a check before the provider is asked, so that many at once are no more than `TRIES` either."""
    holder = await holder_of(connection, token, now)
    if holder is not None:
        await _count(connection, token, holder, 1)
    return holder


async def give_back(connection: AsyncConnection, token: str, holder: Holder) -> None:
    """The provider gave no answer: the check was none."""
    await _count(connection, token, holder, -1)


async def refuse(connection: AsyncConnection, token: str, holder: Holder, problem: str) -> None:
    """The provider said no; `problem` is the error code that the holder is told."""
    await _change(connection, token, holder, state=CodeState.REFUSED.value, problem=problem)


async def use(connection: AsyncConnection, token: str, holder: Holder, real_name: str) -> bool:
    """The provider said yes: the employee is verified and the code is used. False when it was used, replaced, or its
    holder left while the provider was asked. One that was good when it was tried is not too old afterwards."""
    there = select(employee.c.id).where(
        employee.c.company_id == holder.company_id, employee.c.id == holder.employee_id, is_staff()
    )
    if (await connection.execute(there)).first() is None:
        return False
    if not await _change(connection, token, holder, state=CodeState.VERIFIED.value, problem=""):
        return False
    await verify(connection, holder.company_id, holder.employee_id, real_name=real_name)
    return True


async def _change(connection: AsyncConnection, token: str, holder: Holder, **values: Any) -> bool:
    """Whether a code that was not used yet was there to be changed."""
    mine = (verification_code.c.company_id == holder.company_id, *_unused(token))
    return bool((await connection.execute(update(verification_code).where(*mine).values(**values))).rowcount)


async def _count(connection: AsyncConnection, token: str, holder: Holder, tries: int) -> None:
    await _change(connection, token, holder, tries=verification_code.c.tries + tries)


def _unused(token: str) -> tuple[ColumnElement[bool], ...]:
    kept = verification_code.c.token_hash == _digest(token)
    return kept, verification_code.c.state != CodeState.VERIFIED.value


def _of(company_id: int, employee_id: int) -> tuple[ColumnElement[bool], ...]:
    return verification_code.c.company_id == company_id, verification_code.c.employee_id == employee_id


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
