"""What the lists of money and orders share: a period, a page, and the names of people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.tables import employee
from callcenter.web.call_rows import Named as Named
from callcenter.web.call_rows import aware
from callcenter.web.kit import Paging


class Period(Paging, kw_only=True):
    """Times are RFC 3339, without a zone UTC; `from` is inside, `to` is not."""

    date_from: datetime | None = msgspec.field(default=None, name="from")
    date_to: datetime | None = msgspec.field(default=None, name="to")

    def on(self, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """The conditions that keep rows inside the period."""
        found: list[ColumnElement[bool]] = []
        if self.date_from is not None:
            found.append(column >= aware(self.date_from))
        if self.date_to is not None:
            found.append(column < aware(self.date_to))
        return found


async def page_of(
    connection: AsyncConnection, query: Select[Any], paging: Paging, *order: Any, everywhere: bool = False
) -> tuple[Sequence[Any], int]:
    """One page of a query's rows, and how many there are; `everywhere`: of all companies, for the operator."""
    count, page = select(func.count()).select_from(query.subquery()), query.order_by(*order)
    page = page.limit(paging.page_size).offset(paging.offset)
    if everywhere:
        count, page = (one.execution_options(all_companies=True) for one in (count, page))
    total = int((await connection.execute(count)).scalar_one())
    return (await connection.execute(page)).all(), total


async def people(connection: AsyncConnection, company_id: int) -> dict[int, Named]:
    """Employee id -> name, of a whole company."""
    query = select(employee.c.id, employee.c.name).where(employee.c.company_id == company_id)
    return {row.id: Named(row.id, row.name) for row in (await connection.execute(query)).all()}


def clock(moment: datetime | None, zone: ZoneInfo) -> str:
    """A time as a spreadsheet shows it, in the company's zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment is not None else ""
