"""The rows behind requests to be called back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from callcenter.domain.queues import Request
from callcenter.domain.terms import CallbackState, EndReason
from callcenter.engine.directory import EVERYWHERE
from callcenter.store.database import Database
from callcenter.store.tables.calls import call, command_key
from callcenter.store.tables.inbound import callback_request

OPEN = (CallbackState.WAITING.value, CallbackState.DIALLING.value)


@dataclass(slots=True)
class Open:
    """A request that is not over, as the engine keeps it."""

    company_id: int
    request: Request
    customer_id: int | None = None
    called: str = ""
    """The company's number that the caller had dialled; its business hours count."""
    state: CallbackState = CallbackState.WAITING
    dials: int = 0
    employee_id: int | None = None
    call_id: str | None = None
    """The call of the present or last attempt."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asked for by pressing the key."""

    company_id: int
    group_id: int
    call_id: str
    number: str
    called: str
    queued_at: datetime


class CallbackStore:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def open_requests(self) -> list[Open]:
        query = (
            select(callback_request, call.c.company_number.label("called"))
            .outerjoin(call, call.c.id == callback_request.c.asked_in)
            .where(callback_request.c.state.in_(OPEN))
            .order_by(callback_request.c.queued_at)
            .execution_options(**EVERYWHERE)
        )
        async with self._db.read() as connection:
            return [_open(row) for row in (await connection.execute(query)).all()]

    async def add(self, wish: Wish, customer_id: int | None, now: datetime) -> Open | None:
        """A new request; None when this wish was taken in before, or the caller waits in that line already."""
        known = select(callback_request.c.id).where(
            callback_request.c.company_id == wish.company_id, callback_request.c.asked_in == wish.call_id
        )
        row = (
            insert(callback_request)
            .values(
                company_id=wish.company_id,
                group_id=wish.group_id,
                number=wish.number,
                customer_id=customer_id,
                asked_in=wish.call_id,
                queued_at=wish.queued_at,
                next_try_at=now,
                open_key=f"{wish.group_id}:{wish.number}",
            )
            .returning(callback_request.c.id)
        )
        try:
            async with self._db.write() as connection:
                if (await connection.execute(known)).first() is not None:
                    return None
                made = int((await connection.execute(row)).scalar_one())
        except IntegrityError:
            return None
        request = Request(made, wish.group_id, wish.number, wish.queued_at, now)
        return Open(wish.company_id, request, customer_id, wish.called)

    async def save(self, one: Open, now: datetime | None = None) -> None:
        """Writes where the request stands; `now` is when it ended, if it did."""
        over = one.state.value not in OPEN
        values: dict[str, Any] = {
            "state": one.state.value,
            "attempts": one.request.attempts,
            "dials": one.dials,
            "queued_at": one.request.queued_at,
            "next_try_at": one.request.next_try_at,
            "last_call_id": one.call_id,
            "employee_id": one.employee_id,
            "ended_at": now if over else None,
        }
        if over:
            values["open_key"] = None
        async with self._db.write() as connection:
            await connection.execute(
                update(callback_request)
                .where(callback_request.c.company_id == one.company_id, callback_request.c.id == one.request.id)
                .values(**values)
            )

    async def call_of_key(self, company_id: int, key: str) -> str | None:
        """The call that a dial with that key made, if it got so far."""
        query = select(command_key.c.call_id).where(command_key.c.company_id == company_id, command_key.c.key == key)
        async with self._db.read() as connection:
            found: str | None = (await connection.execute(query)).scalar()
        return found

    async def end_of(self, company_id: int, call_id: str) -> tuple[bool, EndReason | None] | None:
        """Whether a call was answered, and why it ended; None when nobody knows such a call."""
        query = select(call.c.answered_at, call.c.end_reason).where(
            call.c.company_id == company_id, call.c.id == call_id
        )
        async with self._db.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return row.answered_at is not None, EndReason(row.end_reason) if row.end_reason else None

    async def reached_since(self, one: Open) -> bool:
        """Whether somebody talked with the caller after the request was made, in whatever call."""
        query = select(call.c.id).where(
            call.c.company_id == one.company_id,
            call.c.number == one.request.number,
            call.c.answered_at > one.request.queued_at,
        )
        async with self._db.read() as connection:
            return (await connection.execute(query.limit(1))).first() is not None


def _open(row: Any) -> Open:
    request = Request(row.id, row.group_id, row.number, row.queued_at, row.next_try_at, row.attempts)
    return Open(
        row.company_id,
        request,
        row.customer_id,
        row.called or "",
        CallbackState(row.state),
        row.dials,
        row.employee_id,
        row.last_call_id,
    )
