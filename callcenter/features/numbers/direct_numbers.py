"""Direct numbers of the platform, from the application to their return (SPEC §B8.4-B8.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import fees
from callcenter.domain.direct_numbers import NUMBERS_PER_IDENTITY, NumberState, Step, refusal, state_of
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import NumberKind
from callcenter.features.money import prices, wallet
from callcenter.features.numbers.tables import number_application, number_fee, number_log
from callcenter.ledger.book import Entry, Kind
from callcenter.store.own_numbers import CONFIRMED
from callcenter.store.tables.numbers import company_number, outside_number, seat
from callcenter.store.tables.people import employee
from callcenter.store.zones import zone_of

EVERYWHERE = {"all_companies": True}
IN_USE = outside_number.c.state != NumberState.RETIRED.value
"""A number that was given back is only a part of the history; another may have the same digits."""
REQUESTED, APPROVED = "requested", "approved"


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A number as the platform hands it over: E.164."""

    number: str
    iccid: str
    region: str


# -- applications --------------------------------------------------------------------------------------------------


async def apply(
    connection: AsyncConnection, company_id: int, quantity: int, region: str, *, key: str | None, by: int, now: datetime
) -> Any:
    """Asks for numbers and freezes their first month (§B8.4, §C11.1); at most one for each seat of the company."""
    earlier = await wallet.keyed(connection, number_application, company_id, key)
    if earlier is not None:
        wallet.same_request(earlier, quantity=quantity, region=region)
        return earlier
    seats = select(func.count()).select_from(seat).where(seat.c.company_id == company_id)
    if quantity > int((await connection.execute(seats)).scalar_one()):
        raise Refusal("quantity_above_seats")
    fee: int = (await prices.current(connection))["number_month"]
    await wallet.require(connection, company_id, fee * quantity)
    values = {"quantity": quantity, "region": region, "fee": fee, "state": "pending", "applicant_id": by, "key": key}
    made = await connection.execute(
        insert(number_application).values(company_id=company_id, created_at=now, **values).returning(number_application)
    )
    row = made.one()
    await wallet.move(
        connection,
        company_id,
        Kind.WALLET,
        Kind.FROZEN,
        fee * quantity,
        txn=f"number-freeze:{row.id}",
        entry=Entry.FREEZE,
        now=now,
        by=by,
    )
    return row


async def dispatch(
    connection: AsyncConnection,
    application_id: int,
    numbers: Sequence[Dispatched],
    monthly_fee: int | None,
    *,
    by: int,
    now: datetime,
) -> Any:
    """Hands numbers over, all or a part of those asked for; each takes its share of what is frozen (§C11.1).

    `monthly_fee`: fen from next month on; None: as much as was frozen for one number.
    """
    row = await _open(connection, application_id)
    if len(numbers) > row.quantity - row.dispatched:
        raise Refusal("too_many_numbers", wanted=row.quantity - row.dispatched)
    zone = await zone_of(connection, row.company_id)
    for one in numbers:
        taken = select(outside_number.c.id).where(outside_number.c.number == one.number, IN_USE)
        if (await connection.execute(taken.execution_options(**EVERYWHERE))).first() is not None:
            raise Refusal("number_taken", number=one.number)
        confirmed = select(company_number.c.id).where(
            company_number.c.number == one.number,
            company_number.c.state == CONFIRMED,
            company_number.c.company_id != row.company_id,
        )
        if (await connection.execute(confirmed.execution_options(**EVERYWHERE))).first() is not None:
            raise Refusal("number_taken", number=one.number)
        made = insert(outside_number).values(
            company_id=row.company_id,
            number=one.number,
            kind=NumberKind.DIRECT.value,
            region=one.region or row.region,
            state=NumberState.DISPATCHED.value,
            application_id=row.id,
            iccid=one.iccid,
            monthly_fee=row.fee if monthly_fee is None else monthly_fee,
            dispatched_at=now,
            created_at=now,
        )
        number_id = int((await connection.execute(made.returning(outside_number.c.id))).scalar_one())
        await wallet.move(
            connection,
            row.company_id,
            Kind.FROZEN,
            Kind.SPENT,
            row.fee,
            txn=f"number-dispatch:{number_id}",
            entry=Entry.DISPATCH,
            now=now,
            by=by,
        )
        await connection.execute(
            insert(number_fee).values(
                company_id=row.company_id,
                number_id=number_id,
                number=one.number,
                month=fees.month_of(now.astimezone(zone).date()),
                amount=row.fee,
                at=now,
            )
        )
        await note(connection, row.company_id, number_id, "dispatched", by=by, now=now)
    done = row.dispatched + len(numbers)
    state = "dispatched" if done == row.quantity else "pending"
    return await _set_application(connection, row, dispatched=done, state=state)


async def refuse(connection: AsyncConnection, application_id: int, reason: str, *, by: int, now: datetime) -> Any:
    """Ends an application; what is still frozen for it is the company's again."""
    row = await _open(connection, application_id)
    await wallet.move(
        connection,
        row.company_id,
        Kind.FROZEN,
        Kind.WALLET,
        row.fee * (row.quantity - row.dispatched),
        txn=f"number-thaw:{row.id}",
        entry=Entry.THAW,
        now=now,
        by=by,
    )
    return await _set_application(connection, row, state="dispatched" if row.dispatched else "refused", answer=reason)


async def _open(connection: AsyncConnection, application_id: int) -> Any:
    query = select(number_application).where(number_application.c.id == application_id)
    row = (await connection.execute(query.execution_options(**EVERYWHERE))).first()
    if row is None:
        raise Refusal("not_found")
    if row.state != "pending":
        raise Refusal("application_closed", state=row.state)
    return row


async def _set_application(connection: AsyncConnection, row: Any, **values: Any) -> Any:
    mine = (number_application.c.company_id == row.company_id, number_application.c.id == row.id)
    changed = update(number_application).where(*mine).values(**values).returning(number_application)
    return (await connection.execute(changed)).one()


# -- numbers -------------------------------------------------------------------------------------------------------


def standing(row: Any) -> NumberState:
    return state_of(row.state, bound=row.seat_id is not None, leave=row.leave_state)


async def find(connection: AsyncConnection, company_id: int, number_id: int) -> Any:
    """The row of a number that the platform dispatched; refuses with `not_found`."""
    mine = (outside_number.c.company_id == company_id, outside_number.c.id == number_id)
    row = (
        await connection.execute(select(outside_number).where(*mine, outside_number.c.dispatched_at.is_not(None)))
    ).first()
    if row is None:
        raise Refusal("not_found")
    return row


def require(row: Any, step: Step) -> None:
    """Refuses a step that does not follow from the number's state, with the code that says what is missing."""
    code = refusal(standing(row), step)
    if code:
        raise Refusal(code, number=row.number)


async def assign(
    connection: AsyncConnection, company_id: int, ids: Sequence[int], employee_id: int, *, by: int, now: datetime
) -> None:
    """Gives numbers to one employee, who has to activate them (§B8.5)."""
    known = select(employee.c.account_state).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    if (await connection.execute(known)).scalar() not in ("active", "disabled"):
        raise Refusal("employee_unknown")
    for number_id in dict.fromkeys(ids):
        row = await find(connection, company_id, number_id)
        require(row, Step.ASSIGN)
        await _set(connection, row, state=NumberState.ASSIGNED.value, employee_id=employee_id)
        await note(connection, company_id, number_id, "assigned", employee_id=employee_id, by=by, now=now)


async def activate(connection: AsyncConnection, row: Any, identity_key: str, *, by: int, now: datetime) -> None:
    """Takes a number into use under an identity card, of which the books keep a keyed hash only (§B8.6).

    A card activates five numbers on the whole platform; refuses with `identity_used_up`.
    """
    require(row, Step.ACTIVATE)
    held = select(func.count()).select_from(outside_number)
    held = held.where(outside_number.c.identity_key == identity_key, IN_USE)
    if int((await connection.execute(held.execution_options(**EVERYWHERE))).scalar_one()) >= NUMBERS_PER_IDENTITY:
        raise Refusal("identity_used_up", numbers=NUMBERS_PER_IDENTITY)
    await _set(connection, row, state="active", identity_key=identity_key, activated_at=now)
    await note(connection, row.company_id, row.id, "activated", employee_id=row.employee_id, by=by, now=now)


async def bind(connection: AsyncConnection, row: Any, seat_id: int | None, *, by: int, now: datetime) -> None:
    """Binds a number to a seat that has no direct number, or to none (§B8.7)."""
    require(row, Step.BIND if seat_id is not None else Step.UNBIND)
    if seat_id is None and row.seat_id is None:
        raise Refusal("number_not_bound", number=row.number)
    if seat_id is not None:
        if row.state != "active":
            raise Refusal("number_inactive", number=row.number)
        known = select(seat.c.id).where(seat.c.company_id == row.company_id, seat.c.id == seat_id)
        if (await connection.execute(known)).first() is None:
            raise Refusal("seat_unknown")
        mine = (outside_number.c.company_id == row.company_id, outside_number.c.seat_id == seat_id)
        other = select(outside_number.c.id).where(*mine, outside_number.c.kind == row.kind)
        if (await connection.execute(other)).first() is not None:
            raise Refusal("seat_has_number")
    await _set(connection, row, seat_id=seat_id)
    await note(connection, row.company_id, row.id, "bound" if seat_id is not None else "unbound", by=by, now=now)


async def ask_to_leave(connection: AsyncConnection, row: Any, reason: str, *, by: int, now: datetime) -> None:
    """Asks the platform to take a number back (§B8.8); meanwhile it works."""
    require(row, Step.LEAVE)
    await _set(connection, row, leave_state=REQUESTED, leave_reason=reason)
    await note(connection, row.company_id, row.id, "leave_asked", by=by, now=now, text=reason)


async def review_leave(connection: AsyncConnection, number_id: int, *, approve: bool, by: int, now: datetime) -> Any:
    """The platform's word: approved, the number works to the end of this month in the company's time zone (§B8.8)."""
    query = select(outside_number).where(outside_number.c.id == number_id).execution_options(**EVERYWHERE)
    row = (await connection.execute(query)).first()
    if row is None or row.dispatched_at is None:
        raise Refusal("not_found")
    require(row, Step.RETIRE if approve else Step.KEEP)
    if row.leave_state != REQUESTED:
        raise Refusal("number_leaving", number=row.number)
    zone = await zone_of(connection, row.company_id)
    first = fees.next_month(now.astimezone(zone).date())
    leaves = datetime(first.year, first.month, first.day, tzinfo=zone) if approve else None
    await _set(connection, row, leave_state=APPROVED if approve else "", leaves_at=leaves)
    await note(connection, row.company_id, row.id, "leave_approved" if approve else "leave_refused", by=by, now=now)
    return await find(connection, row.company_id, row.id)


async def retire_due(connection: AsyncConnection, now: datetime) -> int:
    """Takes the numbers back whose last month is over; how many."""
    due = select(outside_number).where(IN_USE, outside_number.c.leaves_at <= now)
    rows = (await connection.execute(due.execution_options(**EVERYWHERE))).all()
    for row in rows:
        await _set(connection, row, state="retired", seat_id=None)
        await note(connection, row.company_id, row.id, "retired", by=None, now=now)
    return len(rows)


async def note(
    connection: AsyncConnection,
    company_id: int,
    number_id: int,
    what: str,
    *,
    by: int | None,
    now: datetime,
    employee_id: int | None = None,
    text: str = "",
) -> None:
    """One line of a number's log."""
    values = {"what": what, "employee_id": employee_id, "actor_id": by, "note": text, "at": now}
    await connection.execute(insert(number_log).values(company_id=company_id, number_id=number_id, **values))


async def _set(connection: AsyncConnection, row: Any, **values: Any) -> None:
    mine = (outside_number.c.company_id == row.company_id, outside_number.c.id == row.id)
    await connection.execute(update(outside_number).where(*mine).values(**values))
