"""Groups of agents, the inbound numbers that lead to them, and the blacklist."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import BadNumber, display, normalise
from callcenter.store.base import utcnow
from callcenter.store.tables import agent_group, blacklist, employee, group_member, inbound_number
from callcenter.web.errors import ApiError
from callcenter.web.kit import Body, Context, Id, Name, Routes, ShortText
from callcenter.web.services import Services

routes = Routes("inbound")

Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
MemberIds = Annotated[list[Id], msgspec.Meta(max_length=1000)]


class GroupView(msgspec.Struct):
    id: int
    name: str
    queue: str
    member_ids: list[int]
    numbers: list[str]


class NewGroup(Body, kw_only=True):
    name: Name
    member_ids: MemberIds = msgspec.field(default_factory=list)


class GroupChange(Body, kw_only=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    member_ids: MemberIds | msgspec.UnsetType = msgspec.UNSET


class NumberView(msgspec.Struct):
    id: int
    number: str
    display: str
    group_id: int
    group: str


class NewNumber(Body, kw_only=True):
    number: Number
    group_id: Id


class BlacklistView(msgspec.Struct):
    id: int
    number: str
    display: str
    reason: str
    created_at: datetime


class NewBlacklisted(Body, kw_only=True):
    number: Number
    reason: ShortText = ""


@routes.add(
    "GET",
    "/api/groups",
    permission="employees.view",
    data="company",
    summary="Groups of agents with their members and numbers",
    answers=list[GroupView],
)
async def groups(services: Services, context: Context) -> list[GroupView]:
    async with services.database.read() as connection:
        return await _groups(connection, context.company_id)


@routes.add(
    "POST",
    "/api/groups",
    permission="numbers.edit",
    data="company",
    summary="Add a group; it gets a queue of its own",
    body=NewGroup,
    answers=GroupView,
    status=201,
    errors=("name_taken", "employee_unknown"),
)
async def create_group(services: Services, context: Context) -> GroupView:
    given: NewGroup = context.body
    company_id = context.company_id
    async with services.database.write() as connection:
        await _require_free_name(connection, company_id, given.name)
        row = await connection.execute(
            insert(agent_group).values(company_id=company_id, name=given.name).returning(agent_group.c.id)
        )
        made = row.scalar_one()
        await _set_members(connection, company_id, made, given.member_ids)
    await _changed(services, context, "group.created", made)
    return await _group(services, company_id, made)


@routes.add(
    "PATCH",
    "/api/groups/{id}",
    permission="numbers.edit",
    data="company",
    summary="Rename a group or change its members",
    body=GroupChange,
    answers=GroupView,
    errors=("not_found", "name_taken", "employee_unknown"),
)
async def change_group(services: Services, context: Context) -> GroupView:
    given: GroupChange = context.body
    company_id, group_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        await _require_group(connection, company_id, group_id, "not_found")
        if given.name is not msgspec.UNSET:
            await _require_free_name(connection, company_id, given.name, but=group_id)
            await connection.execute(
                update(agent_group)
                .where(agent_group.c.company_id == company_id, agent_group.c.id == group_id)
                .values(name=given.name)
            )
        if given.member_ids is not msgspec.UNSET:
            await _set_members(connection, company_id, group_id, given.member_ids)
    await _changed(services, context, "group.changed", group_id)
    return await _group(services, company_id, group_id)


@routes.add(
    "DELETE",
    "/api/groups/{id}",
    permission="numbers.edit",
    data="company",
    summary="Delete a group that no number leads to",
    status=204,
    errors=("not_found", "group_has_numbers"),
)
async def remove_group(services: Services, context: Context) -> None:
    company_id, group_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        await _require_group(connection, company_id, group_id, "not_found")
        leading = select(inbound_number.c.id).where(
            inbound_number.c.company_id == company_id, inbound_number.c.group_id == group_id
        )
        if (await connection.execute(leading)).first():
            raise ApiError("group_has_numbers")
        await _set_members(connection, company_id, group_id, [])
        await connection.execute(
            delete(agent_group).where(agent_group.c.company_id == company_id, agent_group.c.id == group_id)
        )
    await _changed(services, context, "group.deleted", group_id)


@routes.add(
    "GET",
    "/api/numbers",
    permission="employees.view",
    data="company",
    summary="Inbound numbers",
    answers=list[NumberView],
)
async def numbers(services: Services, context: Context) -> list[NumberView]:
    query = (
        select(inbound_number, agent_group.c.name)
        .join(agent_group, agent_group.c.id == inbound_number.c.group_id)
        .where(inbound_number.c.company_id == context.company_id)
        .order_by(inbound_number.c.id)
    )
    async with services.database.read() as connection:
        return [
            NumberView(row.id, row.number, display(row.number), row.group_id, row.name)
            for row in (await connection.execute(query)).all()
        ]


@routes.add(
    "POST",
    "/api/numbers",
    permission="numbers.edit",
    data="company",
    summary="Lead an inbound number to a group",
    body=NewNumber,
    answers=NumberView,
    status=201,
    errors=("number_invalid", "number_taken", "group_unknown"),
)
async def create_number(services: Services, context: Context) -> NumberView:
    given: NewNumber = context.body
    company_id = context.company_id
    number = _number(services, given.number)
    async with services.database.write() as connection:
        await _require_group(connection, company_id, given.group_id, "group_unknown")
        taken = select(inbound_number.c.id).where(inbound_number.c.number == number)
        if (await connection.execute(taken.execution_options(all_companies=True))).first():
            raise ApiError("number_taken")
        row = await connection.execute(
            insert(inbound_number)
            .values(company_id=company_id, number=number, group_id=given.group_id)
            .returning(inbound_number.c.id)
        )
        made = row.scalar_one()
    await _changed(services, context, "number.created", made)
    return next(view for view in await numbers(services, context) if view.id == made)


@routes.add(
    "DELETE",
    "/api/numbers/{id}",
    permission="numbers.edit",
    data="company",
    summary="Stop taking calls on a number",
    status=204,
    errors=("not_found",),
)
async def remove_number(services: Services, context: Context) -> None:
    await _delete(services, context, inbound_number)
    await _changed(services, context, "number.deleted", context.params["id"])


@routes.add(
    "GET",
    "/api/blacklist",
    permission="employees.view",
    data="company",
    summary="Numbers that may not be dialled",
    answers=list[BlacklistView],
)
async def blacklisted(services: Services, context: Context) -> list[BlacklistView]:
    query = select(blacklist).where(blacklist.c.company_id == context.company_id).order_by(blacklist.c.id.desc())
    async with services.database.read() as connection:
        return [
            BlacklistView(row.id, row.number, display(row.number), row.reason, row.created_at)
            for row in (await connection.execute(query)).all()
        ]


@routes.add(
    "POST",
    "/api/blacklist",
    permission="numbers.edit",
    data="company",
    summary="Put a number on the blacklist",
    body=NewBlacklisted,
    answers=BlacklistView,
    status=201,
    errors=("number_invalid", "number_taken"),
)
async def add_blacklisted(services: Services, context: Context) -> BlacklistView:
    given: NewBlacklisted = context.body
    company_id = context.company_id
    number = _number(services, given.number)
    async with services.database.write() as connection:
        known = select(blacklist.c.id).where(blacklist.c.company_id == company_id, blacklist.c.number == number)
        if (await connection.execute(known)).first():
            raise ApiError("number_taken")
        row = await connection.execute(
            insert(blacklist)
            .values(company_id=company_id, number=number, reason=given.reason, created_at=utcnow())
            .returning(blacklist.c.id)
        )
        made = row.scalar_one()
    await _changed(services, context, "blacklist.added", made)
    return next(view for view in await blacklisted(services, context) if view.id == made)


@routes.add(
    "DELETE",
    "/api/blacklist/{id}",
    permission="numbers.edit",
    data="company",
    summary="Take a number off the blacklist",
    status=204,
    errors=("not_found",),
)
async def remove_blacklisted(services: Services, context: Context) -> None:
    await _delete(services, context, blacklist)
    await _changed(services, context, "blacklist.removed", context.params["id"])


def _number(services: Services, typed: str) -> str:
    try:
        return normalise(typed, services.settings.default_region)
    except BadNumber:
        raise ApiError("number_invalid", number=typed) from None


async def _delete(services: Services, context: Context, table: object) -> None:
    assert table is inbound_number or table is blacklist
    statement = delete(table).where(table.c.company_id == context.company_id, table.c.id == context.params["id"])
    async with services.database.write() as connection:
        if (await connection.execute(statement)).rowcount == 0:
            raise ApiError("not_found")


async def _changed(services: Services, context: Context, action: str, object_id: int) -> None:
    await services.audit.add(context.company_id, context.me.employee_id, action, str(object_id), context.ip)
    await services.telephony.changed()


async def _require_group(connection: AsyncConnection, company_id: int, group_id: int, code: str) -> None:
    query = select(agent_group.c.id).where(agent_group.c.company_id == company_id, agent_group.c.id == group_id)
    if (await connection.execute(query)).first() is None:
        raise ApiError(code)


async def _require_free_name(connection: AsyncConnection, company_id: int, name: str, but: int = 0) -> None:
    query = select(agent_group.c.id).where(
        agent_group.c.company_id == company_id, agent_group.c.name == name, agent_group.c.id != but
    )
    if (await connection.execute(query)).first() is not None:
        raise ApiError("name_taken")


async def _set_members(connection: AsyncConnection, company_id: int, group_id: int, member_ids: list[int]) -> None:
    wanted = sorted(set(member_ids))
    known = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.id.in_(wanted))
    if len((await connection.execute(known)).all()) != len(wanted):
        raise ApiError("employee_unknown")
    await connection.execute(
        delete(group_member).where(group_member.c.company_id == company_id, group_member.c.group_id == group_id)
    )
    if wanted:
        rows = [{"company_id": company_id, "group_id": group_id, "employee_id": one} for one in wanted]
        await connection.execute(insert(group_member), rows)


async def _groups(connection: AsyncConnection, company_id: int) -> list[GroupView]:
    members: dict[int, list[int]] = {}
    rows = await connection.execute(select(group_member).where(group_member.c.company_id == company_id))
    for row in rows.all():
        members.setdefault(row.group_id, []).append(row.employee_id)
    leading: dict[int, list[str]] = {}
    rows = await connection.execute(select(inbound_number).where(inbound_number.c.company_id == company_id))
    for row in rows.all():
        leading.setdefault(row.group_id, []).append(row.number)
    query = select(agent_group).where(agent_group.c.company_id == company_id).order_by(agent_group.c.id)
    return [
        GroupView(row.id, row.name, f"q-{row.id}", sorted(members.get(row.id, [])), sorted(leading.get(row.id, [])))
        for row in (await connection.execute(query)).all()
    ]


async def _group(services: Services, company_id: int, group_id: int) -> GroupView:
    async with services.database.read() as connection:
        return next(view for view in await _groups(connection, company_id) if view.id == group_id)
