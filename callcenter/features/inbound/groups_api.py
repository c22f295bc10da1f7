"""Groups of agents: who is in them, in which order phones ring, and what waiting callers meet (P-11, P-12, P-13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Overflow, QueueStrategy, Sticky
from callcenter.features.inbound.groups import COLUMNS, RULES, Waiting, checked, group_row, levels_of
from callcenter.store.tables.calls import call
from callcenter.store.tables.inbound import agent_group, callback_request, group_member, inbound_number, voicemail
from callcenter.store.tables.people import employee
from callcenter.web.identity import Identity
from callcenter.web.kit import Context, Id, Name, Routes
from callcenter.web.services import Services

routes = Routes("inbound")

MemberIds = Annotated[list[Id], msgspec.Meta(max_length=1000)]


class NewGroup(Waiting, kw_only=True):
    name: Name
    member_ids: MemberIds = msgspec.field(default_factory=list)


class GroupChange(Waiting, kw_only=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    member_ids: MemberIds | msgspec.UnsetType = msgspec.UNSET


class GroupView(msgspec.Struct):
    id: int
    name: str
    queue: str
    member_ids: list[int]
    numbers: list[str]
    levels: dict[str, int]
    strategy: QueueStrategy
    ring_seconds: int
    max_wait_seconds: int
    max_length: int
    greeting: Literal["ringback", "music"]
    announce_seconds: int
    weight: int
    widen_seconds: int
    sticky: Sticky
    sticky_seconds: int
    overflow: Overflow
    overflow_group_id: int | None
    overflow_number: str
    callback_offered: bool


@routes.add(
    "GET",
    "/api/groups",
    permission="employees.view",
    data="company",
    summary="Groups of agents with their members, numbers and rules",
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
    errors=RULES,
)
async def create_group(services: Services, context: Context) -> GroupView:
    given: NewGroup = context.body
    company_id = context.company_id
    async with services.database.write() as connection:
        await _require_free_name(connection, company_id, given.name)
        values = await checked(services, connection, company_id, 0, given, {})
        row = await connection.execute(
            insert(agent_group).values(company_id=company_id, name=given.name, **values).returning(agent_group.c.id)
        )
        made = row.scalar_one()
        await _set_members(connection, company_id, made, given.member_ids, levels_of(given, {}))
    await changed(services, context, "group.created", made)
    return await _group(services, company_id, made)


@routes.add(
    "PATCH",
    "/api/groups/{id}",
    permission="numbers.edit",
    data="company",
    summary="Change a group, its members or its rules",
    body=GroupChange,
    answers=GroupView,
    errors=("not_found", *RULES),
)
async def change_group(services: Services, context: Context) -> GroupView:
    given: GroupChange = context.body
    company_id, group_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        before = await group_row(connection, company_id, group_id, "not_found")
        values = await checked(services, connection, company_id, group_id, given, before)
        if given.name is not msgspec.UNSET:
            await _require_free_name(connection, company_id, given.name, but=group_id)
            values["name"] = given.name
        if values:
            await connection.execute(
                update(agent_group)
                .where(agent_group.c.company_id == company_id, agent_group.c.id == group_id)
                .values(**values)
            )
        known = await _members(connection, company_id, group_id)
        members = list(known) if given.member_ids is msgspec.UNSET else given.member_ids
        if given.member_ids is not msgspec.UNSET or given.levels is not msgspec.UNSET:
            await _set_members(connection, company_id, group_id, members, levels_of(given, known))
    await changed(services, context, "group.changed", group_id)
    return await _group(services, company_id, group_id)


@routes.add(
    "DELETE",
    "/api/groups/{id}",
    permission="numbers.edit",
    data="company",
    summary="Delete a group that no number and no other group leads to",
    status=204,
    errors=("not_found", "group_has_numbers", "group_is_overflow", "group_has_callbacks"),
)
async def remove_group(services: Services, context: Context) -> None:
    company_id, group_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        await group_row(connection, company_id, group_id, "not_found")
        leading = select(inbound_number.c.id).where(
            inbound_number.c.company_id == company_id, inbound_number.c.group_id == group_id
        )
        if (await connection.execute(leading)).first():
            raise Refusal("group_has_numbers")
        passing = select(agent_group.c.id).where(
            agent_group.c.company_id == company_id,
            agent_group.c.overflow == "group",
            agent_group.c.overflow_group_id == group_id,
        )
        if (await connection.execute(passing)).first():
            raise Refusal("group_is_overflow")
        asked = select(callback_request.c.id).where(
            callback_request.c.company_id == company_id,
            callback_request.c.group_id == group_id,
            callback_request.c.open_key.is_not(None),
        )
        if (await connection.execute(asked)).first():
            raise Refusal("group_has_callbacks")
        await _set_members(connection, company_id, group_id, [], {})
        # Its id may be given to a new group, which must not inherit callers, messages or requests.
        for table in (call, voicemail):
            await connection.execute(
                update(table)
                .where(table.c.company_id == company_id, table.c.group_id == group_id)
                .values(group_id=None)
            )
        await connection.execute(
            delete(callback_request).where(
                callback_request.c.company_id == company_id, callback_request.c.group_id == group_id
            )
        )
        gone = delete(agent_group).where(agent_group.c.company_id == company_id, agent_group.c.id == group_id)
        name = (await connection.execute(gone.returning(agent_group.c.name))).scalar_one()
    await changed(services, context, "group.deleted", group_id, name=name)


# -- what other resources of this kind need ------------------------------------------------------------------------


async def changed(services: Services, context: Context, action: str, object_id: int | str, **details: object) -> None:
    """Audits a change and lets engine and Asterisk follow it; the end of a thing says how it was called."""
    await services.audit.add(context.company_id, context.me.employee_id, action, str(object_id), context.ip, **details)
    await services.telephony.changed()


async def require_group(connection: AsyncConnection, company_id: int, group_id: int, code: str) -> None:
    await group_row(connection, company_id, group_id, code)


def groups_in_scope(me: Identity) -> Select[Any] | None:
    """Ids of the groups with a member whom the person may see; None when all of the company's are."""
    if me.visible is None:
        return None
    return select(group_member.c.group_id).where(
        group_member.c.company_id == me.company_id, group_member.c.employee_id.in_(me.visible)
    )


# -- inside --------------------------------------------------------------------------------------------------------


async def _require_free_name(connection: AsyncConnection, company_id: int, name: str, but: int = 0) -> None:
    query = select(agent_group.c.id).where(
        agent_group.c.company_id == company_id, agent_group.c.name == name, agent_group.c.id != but
    )
    if (await connection.execute(query)).first() is not None:
        raise Refusal("name_taken")


async def _members(connection: AsyncConnection, company_id: int, group_id: int) -> dict[int, int]:
    query = select(group_member).where(group_member.c.company_id == company_id, group_member.c.group_id == group_id)
    return {row.employee_id: row.level for row in (await connection.execute(query)).all()}


async def _set_members(
    connection: AsyncConnection, company_id: int, group_id: int, member_ids: list[int], levels: Mapping[int, int]
) -> None:
    wanted = sorted(set(member_ids))
    known = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.id.in_(wanted))
    if len((await connection.execute(known)).all()) != len(wanted):
        raise Refusal("employee_unknown")
    await connection.execute(
        delete(group_member).where(group_member.c.company_id == company_id, group_member.c.group_id == group_id)
    )
    if wanted:
        rows = [
            {"company_id": company_id, "group_id": group_id, "employee_id": one, "level": levels.get(one, 1)}
            for one in wanted
        ]
        await connection.execute(insert(group_member), rows)


async def _groups(connection: AsyncConnection, company_id: int) -> list[GroupView]:
    members: dict[int, dict[int, int]] = {}
    rows = await connection.execute(select(group_member).where(group_member.c.company_id == company_id))
    for row in rows.all():
        members.setdefault(row.group_id, {})[row.employee_id] = row.level
    leading: dict[int, list[str]] = {}
    rows = await connection.execute(select(inbound_number).where(inbound_number.c.company_id == company_id))
    for row in rows.all():
        leading.setdefault(row.group_id, []).append(row.number)
    query = select(agent_group).where(agent_group.c.company_id == company_id).order_by(agent_group.c.id)
    return [
        GroupView(
            id=row.id,
            name=row.name,
            queue=f"q-{row.id}",
            member_ids=sorted(members.get(row.id, {})),
            numbers=sorted(leading.get(row.id, [])),
            levels={str(key): level for key, level in sorted(members.get(row.id, {}).items())},
            **{name: getattr(row, name) for name in COLUMNS},
        )
        for row in (await connection.execute(query)).all()
    ]


async def _group(services: Services, company_id: int, group_id: int) -> GroupView:
    async with services.database.read() as connection:
        return next(view for view in await _groups(connection, company_id) if view.id == group_id)
