"""Whom a call can be passed to from the phone: colleagues and groups of one's own company, names only.

Everybody in a company can be called by everybody in it, so this asks for the right to move a call and no more; what
else is known of people stays behind `employees.view`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import select

from callcenter.domain.terms import AgentState
from callcenter.store.tables.numbers import seat
from callcenter.web.kit import Context, Query, Routes, ShortText
from callcenter.web.services import Services

routes = Routes("calls")

MOST = 50
"""People in one answer; more letters find the others."""
ORDER = ("free", "busy", "away")

Reach = Literal["free", "busy", "away"]
"""Whether a colleague's phone can be rung now: yes, in a call, or no phone is registered."""


class Colleague(msgspec.Struct):
    id: int
    name: str
    extension: str
    """The seat's code, which can be typed instead; "" without a seat."""
    reach: Reach
    state: AgentState
    reason: str


class GroupBrief(msgspec.Struct):
    id: int
    name: str
    ready: int
    """Members who would be rung now."""


class TransferTargets(msgspec.Struct):
    people: list[Colleague]
    groups: list[GroupBrief]


class TargetQuery(Query):
    """`q`: a part of a name, or how an extension begins."""

    q: ShortText = ""


@routes.add(
    "GET",
    "/api/transfer-targets",
    permission="calls.control",
    data="company",
    summary="Colleagues and groups that a call can be passed to, whoever can be rung now first",
    query=TargetQuery,
    answers=TransferTargets,
)
async def targets(services: Services, context: Context) -> TransferTargets:
    wanted: TargetQuery = context.query
    company_id, text = context.company_id, wanted.q.strip().lower()
    query = select(seat.c.employee_id, seat.c.code).where(
        seat.c.company_id == company_id, seat.c.employee_id.is_not(None)
    )
    async with services.database.read() as connection:
        codes = {row.employee_id: row.code for row in (await connection.execute(query)).all()}
    live = services.live.snapshot_of(company_id)
    everybody = (_colleague(one, codes.get(one["id"], "")) for one in live["agent"].values())
    people = [one for one in everybody if one.id != context.me.employee_id and _is_meant(text, one.name, one.extension)]
    people.sort(key=lambda one: (ORDER.index(one.reach), one.extension != text, one.extension or "~", one.name))
    groups = [
        GroupBrief(one["id"], one["name"], one["agents"]["ready"])
        for one in live["queue"].values()
        if _is_meant(text, one["name"], "")
    ]
    return TransferTargets(people[:MOST], sorted(groups, key=lambda one: one.name)[:MOST])


def _colleague(agent: Mapping[str, Any], extension: str) -> Colleague:
    reach: Reach = "away" if not agent["registered"] else "busy" if agent["call_id"] else "free"
    return Colleague(agent["id"], agent["name"], extension, reach, agent["state"], agent["reason"])


def _is_meant(text: str, name: str, extension: str) -> bool:
    return text in name.lower() or (extension != "" and extension.lower().startswith(text))
