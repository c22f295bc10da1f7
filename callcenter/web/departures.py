"""An employee leaves: the account ends, customers and packages go to a colleague (SPEC §A4.4, §C14.1)."""

from __future__ import annotations

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.ledger import assign
from callcenter.ledger.assign import NotMoved
from callcenter.ledger.packages import Lot
from callcenter.store.base import utcnow
from callcenter.store.tables import employee
from callcenter.web.errors import ApiError
from callcenter.web.kit import Body, Context, Id, Routes
from callcenter.web.seats import give_seat
from callcenter.web.services import Services

routes = Routes("employees")


class Departure(Body, kw_only=True):
    to_employee_id: Id | None = None
    """Who takes over; None: nothing is passed on."""
    hand_over_packages: bool = False


class Moved(msgspec.Struct):
    id: int
    name: str


class Kept(msgspec.Struct):
    """A package that stays with the one who leaves; `why` is an error code."""

    id: int
    name: str
    why: str


class Departed(msgspec.Struct):
    customers_moved: int
    packages_moved: list[Moved]
    not_moved: list[Kept]


@routes.add(
    "POST",
    "/api/employees/{id}/depart",
    permission="employees.edit",
    data="company",
    summary="An employee leaves: the account ends, and a colleague takes over customers and packages",
    body=Departure,
    answers=Departed,
    errors=("own_account", "already_departed", "employee_unknown"),
)
async def depart(services: Services, context: Context) -> Departed:
    """Frees licence and seat for good. Customers not yet signed go over: without deals, those are all that the employee
    owns. Numbers of tasks not yet dialled would go over as well; there are no dial tasks yet.
    """
    given: Departure = context.body
    company_id, leaver = context.company_id, context.params["id"]
    by = context.me.employee_id
    if leaver == by:
        raise ApiError("own_account")
    customers, moved, stayed = 0, list[Lot](), list[NotMoved]()
    async with services.database.write() as connection:
        await _require_staff(connection, company_id, leaver)
        if given.to_employee_id is not None:
            if given.to_employee_id == leaver:
                raise ApiError("employee_unknown")
            await assign.staff(connection, company_id, [given.to_employee_id])
            customers = await services.customers.pass_on(connection, company_id, leaver, given.to_employee_id)
            if given.hand_over_packages:
                moved, stayed = await assign.hand_over_all(
                    connection, company_id, leaver, given.to_employee_id, by=by, now=utcnow()
                )
        await give_seat(connection, company_id, leaver, None)
        await connection.execute(
            update(employee)
            .where(employee.c.company_id == company_id, employee.c.id == leaver)
            .values(account_state="departed")
        )
        await services.audit.write(
            connection,
            company_id,
            by,
            "employee.departed",
            str(leaver),
            context.ip,
            to=given.to_employee_id,
            customers=customers,
            packages=[lot.id for lot in moved],
        )
    await services.auth.sign_out_everywhere(company_id, leaver)
    await services.end_phone(leaver)
    await services.telephony.changed()
    services.hub.drop(company_id, leaver)
    services.hub.drop_scoped(company_id)
    return Departed(
        customers,
        [Moved(lot.id, lot.name) for lot in moved],
        [Kept(one.package.id, one.package.name, one.why) for one in stayed],
    )


async def _require_staff(connection: AsyncConnection, company_id: int, employee_id: int) -> None:
    query = select(employee.c.account_state).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    state = (await connection.execute(query)).scalar()
    if state is None:
        raise ApiError("not_found")
    if state == "departed":
        raise ApiError("already_departed")
