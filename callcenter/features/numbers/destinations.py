"""Where the calls of a company may go, as a rule for whoever enters a number."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.destinations import WayOut, closed
from callcenter.domain.refusals import Refusal
from callcenter.store.policies import read_policy


async def require_open(connection: AsyncConnection, company_id: int, number: str, region: str) -> None:
    """Raises why an employee's own phone with that number (E.164) may not be rung; "" is none."""
    gate = (
        closed(await read_policy(connection, company_id), number, WayOut.OWN_PHONE, region=region) if number else None
    )
    if gate is not None:
        raise Refusal(gate.value, number=number)
