"""Who uses a package: assign, take back, hand over (SPEC §C2, §C4.2, §C14).

Everything here runs in the caller's write transaction and raises `Refusal` with a stable code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.offers import Held, hand_over_door
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import PackageKind
from callcenter.ledger.packages import Lot, lots_of, note
from callcenter.store.people import is_staff
from callcenter.store.tables.books import reservation, reservation_part
from callcenter.store.tables.packages import package_member, voice_package
from callcenter.store.tables.people import employee


@dataclass(frozen=True, slots=True)
class NotMoved:
    """A package that stayed where it was, and the code that says why."""

    package: Lot
    why: str


@dataclass(frozen=True, slots=True)
class Person:
    """An employee as somebody who uses packages."""

    name: str
    verified: bool


async def staff(connection: AsyncConnection, company_id: int, ids: Iterable[int]) -> dict[int, Person]:
    """Those employees by id; raises `employee_unknown` for one who has left or is not the company's."""
    wanted = set(ids)
    query = select(employee.c.id, employee.c.name, employee.c.verification).where(
        employee.c.company_id == company_id, employee.c.id.in_(wanted), is_staff()
    )
    rows = (await connection.execute(query)).all() if wanted else []
    if len(rows) != len(wanted):
        raise Refusal("employee_unknown")
    return {row.id: Person(row.name, row.verification == "verified") for row in rows}


async def not_departed(connection: AsyncConnection, company_id: int, ids: Sequence[int]) -> tuple[int, ...]:
    """Those of them who have not left, in the same order."""
    query = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.id.in_(ids), is_staff())
    here = set((await connection.execute(query)).scalars())
    return tuple(one for one in ids if one in here)


async def find_package(connection: AsyncConnection, company_id: int, package_id: int) -> Lot:
    """Raises `not_found`."""
    lots = await lots_of(connection, company_id, package_id=package_id)
    if not lots:
        raise Refusal("not_found")
    return lots[0]


async def assign(
    connection: AsyncConnection,
    company_id: int,
    package_id: int,
    employee_ids: Sequence[int],
    *,
    by: int,
    now: datetime,
) -> None:
    """Gives a package to employees who are verified: one of a non-shared, as many as were bought of a shared one."""
    lot = await find_package(connection, company_id, package_id)
    if lot.expires_at <= now:
        raise Refusal("package_expired")
    await _require_verified(connection, company_id, employee_ids)
    wanted = list(dict.fromkeys(employee_ids))
    if any(lot.used_by(one) for one in wanted):
        raise Refusal("already_on_package")
    if len(wanted) > lot.assignable:
        raise Refusal("package_full", assignable=lot.assignable)
    if lot.kind is PackageKind.SHARED:
        await add_members(connection, company_id, package_id, wanted, by=by, now=now)
        return
    for one in wanted:
        await _give(connection, company_id, package_id, one)
        await note(connection, company_id, package_id, "assigned", employee_id=one, by=by, now=now)


async def add_members(
    connection: AsyncConnection,
    company_id: int,
    package_id: int,
    employee_ids: Iterable[int],
    *,
    by: int,
    now: datetime,
) -> None:
    """Lets employees share a package; the caller has checked that there is room."""
    for one in employee_ids:
        await connection.execute(
            insert(package_member).values(
                package_id=package_id, employee_id=one, company_id=company_id, assigned_by=by, assigned_at=now
            )
        )
        await note(connection, company_id, package_id, "assigned", employee_id=one, by=by, now=now)


async def unassign(
    connection: AsyncConnection, company_id: int, package_id: int, employee_id: int, *, by: int, now: datetime
) -> None:
    """Takes an employee off a shared package, when no call of theirs holds minutes of it."""
    lot = await find_package(connection, company_id, package_id)
    if lot.kind is not PackageKind.SHARED:
        raise Refusal("package_not_shared")
    if employee_id not in lot.members:
        raise Refusal("employee_not_on_package")
    if await _in_use(connection, company_id, [package_id], employee_id):
        raise Refusal("package_in_use")
    await _drop_member(connection, company_id, package_id, employee_id)
    await note(connection, company_id, package_id, "unassigned", employee_id=employee_id, by=by, now=now)


async def hand_over(
    connection: AsyncConnection,
    company_id: int,
    package_id: int,
    from_id: int,
    to_id: int,
    *,
    by: int,
    now: datetime,
) -> list[Lot]:
    """Passes a package from one employee to another, with its renewals and its top-ups; those that moved.

    SPEC §C14: a fixed one only to an employee on the same line, any other only to one who does not use it.
    """
    lots = await lots_of(connection, company_id)
    lot = next((one for one in lots if one.id == package_id), None)
    if lot is None:
        raise Refusal("not_found")
    moving = await _movable(connection, company_id, lots, lot, from_id, to_id, (), now)
    for one in moving:
        await _move(connection, one, from_id, to_id, by=by, now=now)
    return moving


async def hand_over_plan(
    connection: AsyncConnection, company_id: int, from_id: int, to_id: int, *, now: datetime
) -> tuple[list[Lot], list[NotMoved]]:
    """What `hand_over_all` would do now: packages that would go over, and those that §C14 keeps, with the reason."""
    moving: list[Lot] = []
    staying: list[NotMoved] = []
    lots = await lots_of(connection, company_id)
    for lot in await lots_of(connection, company_id, from_id):
        done = {one.id for one in moving}
        if lot.id in done or lot.expires_at <= now or lot.kind is PackageKind.TOP_UP:
            continue  # a top-up goes with its package
        try:
            moving += await _movable(connection, company_id, lots, lot, from_id, to_id, moving, now)
        except Refusal as refused:
            staying.append(NotMoved(lot, refused.code))
    return moving, staying


async def hand_over_all(
    connection: AsyncConnection, company_id: int, from_id: int, to_id: int, *, by: int, now: datetime
) -> tuple[list[Lot], list[NotMoved]]:
    """Passes on every package that an employee still has; what §C14 refuses stays, with the reason."""
    moving, staying = await hand_over_plan(connection, company_id, from_id, to_id, now=now)
    for one in moving:
        await _move(connection, one, from_id, to_id, by=by, now=now)
    return moving, staying


# -- inside --------------------------------------------------------------------------------------------------------


async def _movable(
    connection: AsyncConnection,
    company_id: int,
    lots: Sequence[Lot],
    lot: Lot,
    from_id: int,
    to_id: int,
    before: Sequence[Lot],
    now: datetime,
) -> list[Lot]:
    """A package with what would go over with it, after those `before` it; raises the reason why it may not go."""
    await _require_verified(connection, company_id, [to_id])
    if from_id == to_id:
        raise Refusal("already_on_package")
    if not lot.used_by(from_id):
        raise Refusal("employee_not_on_package")
    if lot.kind is PackageKind.TOP_UP:
        raise Refusal("action_not_possible")
    if lot.expires_at <= now:
        raise Refusal("package_expired")
    valid = [one for one in (*lots, *before) if (one.used_by(to_id) or one in before) and one.expires_at > now]
    door = hand_over_door(_held(lot), [_held(one) for one in valid])
    if door is not None:
        raise Refusal(door.value)
    moving = _with_followers(lots, lot, from_id)
    if await _in_use(connection, company_id, [one.id for one in moving], from_id):
        raise Refusal("package_in_use")
    return moving


def _held(lot: Lot) -> Held:
    return Held(lot.id, lot.kind, lot.line, lot.offering_id)


def _with_followers(lots: Iterable[Lot], lot: Lot, employee_id: int) -> list[Lot]:
    """A package of an employee with what was bought on top of it for the same employee: later periods, top-ups."""
    found = [lot]
    rest = [one for one in lots if one.used_by(employee_id) and one.id != lot.id]
    while True:
        known = {one.id for one in found}
        more = [one for one in rest if one.id not in known and (one.parent_id in known or one.renews_id in known)]
        if not more:
            return found
        found += more


async def _move(connection: AsyncConnection, lot: Lot, from_id: int, to_id: int, *, by: int, now: datetime) -> None:
    if lot.kind is PackageKind.SHARED:
        await _drop_member(connection, lot.company_id, lot.id, from_id)
        if to_id not in lot.members:
            await connection.execute(
                insert(package_member).values(
                    package_id=lot.id, employee_id=to_id, company_id=lot.company_id, assigned_by=by, assigned_at=now
                )
            )
    else:
        await _give(connection, lot.company_id, lot.id, to_id)
    await note(
        connection,
        lot.company_id,
        lot.id,
        "handed_over",
        employee_id=to_id,
        from_employee_id=from_id,
        by=by,
        now=now,
    )


async def _give(connection: AsyncConnection, company_id: int, package_id: int, employee_id: int) -> None:
    await connection.execute(
        update(voice_package)
        .where(voice_package.c.company_id == company_id, voice_package.c.id == package_id)
        .values(employee_id=employee_id)
    )


async def _drop_member(connection: AsyncConnection, company_id: int, package_id: int, employee_id: int) -> None:
    await connection.execute(
        delete(package_member).where(
            package_member.c.company_id == company_id,
            package_member.c.package_id == package_id,
            package_member.c.employee_id == employee_id,
        )
    )


async def _in_use(connection: AsyncConnection, company_id: int, package_ids: Sequence[int], employee_id: int) -> bool:
    """Whether a running call of that employee holds minutes of one of the packages."""
    query = (
        select(reservation.c.call_id)
        .join(reservation_part, reservation_part.c.call_id == reservation.c.call_id)
        .where(
            reservation.c.company_id == company_id,
            reservation.c.employee_id == employee_id,
            reservation.c.open,
            reservation_part.c.package_id.in_(package_ids),
        )
        .limit(1)
    )
    return (await connection.execute(query)).first() is not None


async def _require_verified(connection: AsyncConnection, company_id: int, employee_ids: Sequence[int]) -> None:
    """Raises `employee_unknown`, and `employee_unverified` with the names."""
    names = [one.name for one in (await staff(connection, company_id, employee_ids)).values() if not one.verified]
    if names:
        raise Refusal("employee_unverified", employees=names)
