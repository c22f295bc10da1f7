"""What a typed or pasted text is as a telephone number: the page asks, it has no rule of its own."""

from __future__ import annotations

from typing import Annotated

import msgspec

from callcenter.domain.numbers import BadNumber, find
from callcenter.domain.refusals import Refusal
from callcenter.web.kit import SIGNED_IN, Context, Query, Routes
from callcenter.web.services import Services

routes = Routes("calls")


class TypedQuery(Query, kw_only=True):
    typed: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class NumberRead(msgspec.Struct):
    """`number` in E.164 or the digits of a service number; `dial` is what to send to be dialled with its extension.

    `display` shows the extension as well, and reads as the same number again.
    """

    number: str
    display: str
    extension: str
    dial: str


@routes.add(
    "GET",
    "/api/number",
    permission=SIGNED_IN,
    data="none",
    summary="The telephone number that a text is, or the only one that it holds",
    query=TypedQuery,
    answers=NumberRead,
    errors=("number_invalid",),
)
async def reading(services: Services, context: Context) -> NumberRead:
    wanted: TypedQuery = context.query
    region = services.settings.default_region
    try:
        found = find(wanted.typed, region)
    except BadNumber as refusal:
        raise Refusal("number_invalid", number=refusal.typed, reason=refusal.fault.value) from None
    return NumberRead(found.e164, found.shown(region), found.extension, str(found))
