"""The names of the things that entries of the audit log tell of by their ids, also of those deleted since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import display
from callcenter.store.tables.inbound import (
    agent_group,
    blacklist,
    business_hours,
    callback_request,
    inbound_number,
    voicemail,
)
from callcenter.store.tables.numbers import outside_number, seat
from callcenter.store.tables.packages import offering, purchase, voice_package
from callcenter.store.tables.people import audit, company, department, employee
from callcenter.store.tables.tasks import dial_task, dial_task_number
from callcenter.web.audit_words import Kind
from callcenter.web.services import Services

Key = tuple[Kind, str]
"""What kind of thing, and its id as the log has it."""

_NAMED: Mapping[Kind, Any] = {
    Kind.EMPLOYEE: employee.c.name,
    Kind.DEPARTMENT: department.c.name,
    Kind.GROUP: agent_group.c.name,
    Kind.SEAT: seat.c.code,
    Kind.HOURS: business_hours.c.name,
    Kind.TASK: dial_task.c.name,
    Kind.PACKAGE: voice_package.c.name,
    Kind.ORDER: purchase.c.number,
}
_NUMBERED: Mapping[Kind, Any] = {
    Kind.INBOUND_NUMBER: inbound_number.c.number,
    Kind.OUTSIDE_NUMBER: outside_number.c.number,
    Kind.BLOCKED: blacklist.c.number,
    Kind.VOICEMAIL: voicemail.c.number,
    Kind.CALLBACK: callback_request.c.number,
}
"""Things whose name is a telephone number."""
_DELETED: Mapping[Kind, str] = {
    Kind.DEPARTMENT: "department.deleted",
    Kind.GROUP: "group.deleted",
    Kind.HOURS: "hours.deleted",
    Kind.INBOUND_NUMBER: "number.deleted",
    Kind.BLOCKED: "blacklist.removed",
    Kind.CUSTOMER: "customer.deleted",
}
"""What is really deleted: the entry of its end keeps its name."""


async def names_of(
    services: Services, connection: AsyncConnection, company_id: int, wanted: Iterable[Key]
) -> dict[Key, str]:
    """The names of those things, as far as anybody knows them; only the company's own, but for companies.

    Calls are left out: what of their number somebody may see is not this module's to say.
    """
    by_kind: dict[Kind, set[str]] = {}
    for kind, key in wanted:
        if key.isdigit() and len(key) < 10:
            by_kind.setdefault(kind, set()).add(key)
    found: dict[Key, str] = {}
    for kind, keys in by_kind.items():
        ids = sorted(map(int, keys))
        if kind is Kind.CUSTOMER:
            briefs = await services.customers.briefs(company_id, ids)
            found |= {(kind, str(one)): brief.name for one, brief in briefs.items()}
        elif (query := _query(kind, company_id, ids)) is not None:
            rows = (await connection.execute(query)).all()
            numbered = kind in _NUMBERED
            found |= {(kind, str(row.id)): display(row.name) if numbered else row.name for row in rows}
        missing = [key for key in keys if (kind, key) not in found]
        if missing and kind in _DELETED:
            found |= await _deleted(connection, company_id, kind, missing)
    return found


def _query(kind: Kind, company_id: int, ids: list[int]) -> Select[Any] | None:
    if kind is Kind.COMPANY:
        return select(company.c.id, company.c.name).where(company.c.id.in_(ids))
    if kind is Kind.OFFERING:
        return select(offering.c.id, offering.c.name).where(offering.c.id.in_(ids))
    if kind is Kind.TASK_NUMBER:
        return (
            select(dial_task_number.c.id, dial_task.c.name)
            .join(dial_task, dial_task.c.id == dial_task_number.c.task_id)
            .where(dial_task_number.c.company_id == company_id, dial_task_number.c.id.in_(ids))
        )
    column = _NAMED.get(kind, _NUMBERED.get(kind))
    if column is None:
        return None
    table = column.table
    return select(table.c.id, column.label("name")).where(table.c.company_id == company_id, table.c.id.in_(ids))


async def _deleted(connection: AsyncConnection, company_id: int, kind: Kind, keys: list[str]) -> dict[Key, str]:
    query = select(audit.c.object, audit.c.details).where(
        audit.c.company_id == company_id, audit.c.action == _DELETED[kind], audit.c.object.in_(keys)
    )
    rows = (await connection.execute(query)).all()
    named = {row.object: row.details.get("name") or row.details.get("number") for row in rows}
    return {(kind, key): display(name) if kind in _NUMBERED else name for key, name in named.items() if name}
