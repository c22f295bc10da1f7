"""What people and browsers say of a call: connected or not, and how well the line was."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from callcenter.domain import quality as rules
from callcenter.domain.entities import NOTE_SAVED, OfCall
from callcenter.domain.refusals import Refusal
from callcenter.domain.results import Mark
from callcenter.features.calls.call_rows import CallRow
from callcenter.features.calls.calls_api import running_call, views_of, visible_call
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call, call_quality, leg
from callcenter.web.kit import Body, Context, Routes
from callcenter.web.services import Services

routes = Routes("calls")

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=60_000)]


class MarkBody(Body):
    mark: Mark | None


class Measured(Body, kw_only=True):
    """Means over the call of what a browser sampled each second, and the worst score of any ten seconds."""

    loss: Fraction
    jitter_ms: Milliseconds
    round_trip_ms: Milliseconds | None = None
    worst_mos: Annotated[float, msgspec.Meta(ge=1, le=5)] | None = None


class Score(msgspec.Struct):
    mos: float
    word: Literal["good", "fair", "bad"]


@routes.add(
    "PUT",
    "/api/calls/{call_id}/mark",
    permission="calls.control",
    data="scoped",
    summary="Mark a call as connected or not connected, or take the mark away",
    body=MarkBody,
    answers=CallRow,
    errors=("not_found",),
)
async def mark(services: Services, context: Context) -> CallRow:
    given: MarkBody = context.body
    row = await visible_call(services, context)
    me = context.me
    async with services.database.write() as connection:
        await connection.execute(
            update(call)
            .where(call.c.company_id == me.company_id, call.c.id == row.id)
            .values(connected_mark=given.mark)
        )
    if row.employee_id != me.employee_id:
        await services.audit.add(me.company_id, me.employee_id, "call.marked", row.id, context.ip, mark=given.mark)
    services.hub.tell(me.company_id, NOTE_SAVED, OfCall(call_id=row.id), row.employee_id)
    return (await views_of(services, me, [await visible_call(services, context)]))[0]


@routes.add(
    "POST",
    "/api/calls/{call_id}/quality",
    permission="calls.dial",
    data="own",
    summary="What my browser measured on this call; the last word counts",
    body=Measured,
    answers=Score,
    status=201,
    errors=("not_found",),
)
async def quality(services: Services, context: Context) -> Score:
    given: Measured = context.body
    call_id = await _mine(services, context)
    line = rules.Line(given.loss, given.jitter_ms, given.round_trip_ms)
    score = rules.mos(line)
    values = {
        "loss": line.loss,
        "jitter_ms": line.jitter_ms,
        "round_trip_ms": line.round_trip_ms,
        "mos": score,
        "worst_mos": min(score, given.worst_mos or score),
        "at": utcnow(),
        "employee_id": context.me.employee_id,
    }
    key = {"call_id": call_id, "leg_id": f"employee-{context.me.employee_id}", "measured_by": "browser"}
    make = sqlite_insert if services.database.is_sqlite else postgresql_insert
    statement = make(call_quality).values(company_id=context.company_id, **key, **values)
    async with services.database.write() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
    return Score(score, _word(score))


async def _mine(services: Services, context: Context) -> str:
    """A call I take or took part in: running, or in the log under my name or with a leg of mine."""
    try:
        return await running_call(services, context, own=True)
    except Refusal:
        pass
    me = context.me
    part = select(leg.c.call_id).where(leg.c.company_id == me.company_id, leg.c.employee_id == me.employee_id)
    mine = select(call.c.id).where(
        call.c.company_id == me.company_id,
        call.c.id == context.params["call_id"],
        or_(call.c.employee_id == me.employee_id, call.c.id.in_(part)),
    )
    async with services.database.read() as connection:
        found = (await connection.execute(mine)).scalar()
    if found is None:
        raise Refusal("not_found")
    return str(found)


def _word(score: float) -> Literal["good", "fair", "bad"]:
    if score < rules.BAD_MOS:
        return "bad"
    return "fair" if score < rules.FAIR_MOS else "good"
