"""The department tree (O-04)."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.store.people import is_staff
from callcenter.store.tables.people import department, employee
from callcenter.web.kit import Body, Context, Id, Name, Routes
from callcenter.web.services import Services

routes = Routes("departments")


class DepartmentView(msgspec.Struct):
    id: int
    name: str
    parent_id: int | None
    head_id: int | None
    employees: int


class NewDepartment(Body, kw_only=True):
    name: Name
    parent_id: Id | None = None
    head_id: Id | None = None


class DepartmentChange(Body, kw_only=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    parent_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    head_id: Id | msgspec.UnsetType | None = msgspec.UNSET


@routes.add(
    "GET",
    "/api/departments",
    permission="employees.view",
    data="company",
    summary="All departments of the company",
    answers=list[DepartmentView],
)
async def departments(services: Services, context: Context) -> list[DepartmentView]:
    async with services.database.read() as connection:
        return await _views(connection, context.company_id)


@routes.add(
    "POST",
    "/api/departments",
    permission="departments.edit",
    data="company",
    summary="Add a department",
    body=NewDepartment,
    answers=DepartmentView,
    status=201,
    errors=("department_unknown", "employee_unknown"),
)
async def create(services: Services, context: Context) -> DepartmentView:
    given: NewDepartment = context.body
    company_id = context.company_id
    async with services.database.write() as connection:
        await require_department(connection, company_id, given.parent_id)
        await _require_head(connection, company_id, given.head_id)
        row = await connection.execute(
            insert(department)
            .values(company_id=company_id, name=given.name, parent_id=given.parent_id, head_id=given.head_id)
            .returning(department.c.id)
        )
        made = row.scalar_one()
    await services.audit.add(company_id, context.me.employee_id, "department.created", str(made), context.ip)
    return await _one(services, company_id, made)


@routes.add(
    "PATCH",
    "/api/departments/{id}",
    permission="departments.edit",
    data="company",
    summary="Rename or move a department, or name its head",
    body=DepartmentChange,
    answers=DepartmentView,
    errors=("not_found", "department_unknown", "department_loop", "employee_unknown"),
)
async def change(services: Services, context: Context) -> DepartmentView:
    given: DepartmentChange = context.body
    company_id, department_id = context.company_id, context.params["id"]
    values = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}
    async with services.database.write() as connection:
        await _require_exists(connection, company_id, department_id)
        await require_department(connection, company_id, values.get("parent_id"))
        await _require_head(connection, company_id, values.get("head_id"))
        if values.get("parent_id") is not None:
            await _refuse_loop(connection, company_id, department_id, values["parent_id"])
        if values:
            await connection.execute(
                update(department)
                .where(department.c.company_id == company_id, department.c.id == department_id)
                .values(**values)
            )
    await services.audit.add(company_id, context.me.employee_id, "department.changed", str(department_id), context.ip)
    await services.telephony.changed()
    if "parent_id" in values:
        services.hub.drop_scoped(company_id)
    return await _one(services, company_id, department_id)


@routes.add(
    "DELETE",
    "/api/departments/{id}",
    permission="departments.edit",
    data="company",
    summary="Delete an empty department",
    status=204,
    errors=("not_found", "department_not_empty"),
)
async def remove(services: Services, context: Context) -> None:
    company_id, department_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        await _require_exists(connection, company_id, department_id)
        people = select(func.count()).where(
            employee.c.company_id == company_id, employee.c.department_id == department_id
        )
        below = select(func.count()).where(
            department.c.company_id == company_id, department.c.parent_id == department_id
        )
        if (await connection.execute(people)).scalar_one() or (await connection.execute(below)).scalar_one():
            raise Refusal("department_not_empty")
        gone = delete(department).where(department.c.company_id == company_id, department.c.id == department_id)
        name = (await connection.execute(gone.returning(department.c.name))).scalar_one()
    me = context.me.employee_id
    await services.audit.add(company_id, me, "department.deleted", str(department_id), context.ip, name=name)


async def require_department(connection: AsyncConnection, company_id: int, department_id: int | None) -> None:
    """Raises `department_unknown` unless it is None or one of the company's."""
    if department_id is None:
        return
    query = select(department.c.id).where(department.c.company_id == company_id, department.c.id == department_id)
    if (await connection.execute(query)).first() is None:
        raise Refusal("department_unknown")


async def _require_exists(connection: AsyncConnection, company_id: int, department_id: int) -> None:
    try:
        await require_department(connection, company_id, department_id)
    except Refusal:
        raise Refusal("not_found") from None


async def _require_head(connection: AsyncConnection, company_id: int, head_id: int | None) -> None:
    if head_id is None:
        return
    query = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.id == head_id)
    if (await connection.execute(query)).first() is None:
        raise Refusal("employee_unknown")


async def _refuse_loop(connection: AsyncConnection, company_id: int, department_id: int, parent_id: int) -> None:
    tree = select(department.c.id, department.c.parent_id).where(department.c.company_id == company_id)
    above = {row.id: row.parent_id for row in (await connection.execute(tree)).all()}
    step: int | None = parent_id
    while step is not None:
        if step == department_id:
            raise Refusal("department_loop")
        step = above.pop(step, None)


async def _views(connection: AsyncConnection, company_id: int) -> list[DepartmentView]:
    query = (
        select(department, func.count(employee.c.id).label("employees"))
        .outerjoin(employee, (employee.c.department_id == department.c.id) & is_staff())
        .where(department.c.company_id == company_id)
        .group_by(department.c.id)
        .order_by(department.c.id)
    )
    return [
        DepartmentView(row.id, row.name, row.parent_id, row.head_id, row.employees)
        for row in (await connection.execute(query)).all()
    ]


async def _one(services: Services, company_id: int, department_id: int) -> DepartmentView:
    async with services.database.read() as connection:
        return next(view for view in await _views(connection, company_id) if view.id == department_id)
