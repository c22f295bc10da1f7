"""What I have to be told: packages that end or run low, money that arrived (SPEC §C15)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import ColumnElement, or_, select, update

from callcenter.features.notices.tables import notice
from callcenter.store.base import utcnow
from callcenter.web.identity import Identity
from callcenter.web.kit import SIGNED_IN, Body, Context, Routes
from callcenter.web.services import Services

routes = Routes("notices")

MOST = 200
"""Notices in an answer, the newest first."""


class NoticeView(msgspec.Struct):
    """`data` depends on the kind: of a package `{package: {id, name}, expires_at, minutes|days}`."""

    id: int
    kind: str
    data: dict[str, Any]
    at: datetime
    read_at: datetime | None


class Seen(Body):
    ids: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=2**53)]], msgspec.Meta(max_length=500)]


class Marked(msgspec.Struct):
    read: int


@routes.add(
    "GET",
    "/api/notices",
    permission=SIGNED_IN,
    data="own",
    summary="My newest notices; those of the company for whoever may see the wallet",
    answers=list[NoticeView],
)
async def notices(services: Services, context: Context) -> list[NoticeView]:
    query = select(notice).where(*_mine(context.me)).order_by(notice.c.at.desc(), notice.c.id.desc()).limit(MOST)
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [NoticeView(row.id, row.kind, row.data, row.at, row.read_at) for row in rows]


@routes.add(
    "POST",
    "/api/notices/read",
    permission=SIGNED_IN,
    data="own",
    summary="Mark notices of mine as read",
    body=Seen,
    answers=Marked,
)
async def read(services: Services, context: Context) -> Marked:
    given: Seen = context.body
    fresh = (*_mine(context.me), notice.c.id.in_(given.ids), notice.c.read_at.is_(None))
    async with services.database.write() as connection:
        marked = await connection.execute(update(notice).where(*fresh).values(read_at=utcnow()))
    return Marked(marked.rowcount)


def _mine(me: Identity) -> tuple[ColumnElement[bool], ...]:
    own = notice.c.employee_id == me.employee_id
    company = notice.c.employee_id.is_(None)
    return notice.c.company_id == me.company_id, or_(own, company) if me.may("wallet.view") else own
