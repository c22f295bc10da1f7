"""My open line: the phone stays connected between calls, so that a click rings the customer at once (P-07)."""

from __future__ import annotations

import msgspec

from callcenter.domain.commands import CloseLine, OpenLine
from callcenter.domain.terms import LineState
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services

routes = Routes("line")


class LineView(msgspec.Struct):
    line: LineState
    """`closed`, `opening` or `open`; later changes come with the live agent entity."""


@routes.add(
    "PUT",
    "/api/me/line",
    permission="calls.dial",
    data="own",
    summary="Open my line: my phone is rung once and stays connected between calls",
    answers=LineView,
    errors=(
        "not_an_agent",
        "not_logged_in",
        "phones_unavailable",
        "shutting_down",
        "no_seat",
        "phone_not_registered",
        "already_dialling",
    ),
)
async def open_line(services: Services, context: Context) -> LineView:
    state = await services.execute(OpenLine(context.company_id, context.me.employee_id))
    return LineView(state.value)


@routes.add(
    "DELETE",
    "/api/me/line",
    permission="calls.dial",
    data="own",
    summary="Close my line; a call that runs on it ends",
    answers=LineView,
    errors=("not_an_agent", "phones_unavailable"),
)
async def close_line(services: Services, context: Context) -> LineView:
    state = await services.execute(CloseLine(context.company_id, context.me.employee_id))
    return LineView(state.value)
