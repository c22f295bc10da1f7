"""Which of a company's numbers a called party sees, and why (P-09; SPEC §B2.2, §B2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from callcenter.domain.terms import CallerIdPolicy, Mode, NumberKind

_NEVER = datetime.min.replace(tzinfo=UTC)


class CallerIdReason(StrEnum):
    """Why a number was shown; stored on the call."""

    BOUND = "bound"
    """It is bound to the agent's seat."""
    SAME_REGION = "same_region"
    """It is at home where the called number is."""
    ROTATION = "rotation"
    """It was shown longest ago."""
    COMPANY = "company"
    """Earlier calls: the company had no outside numbers, and one of its own, which there is no more, stood in."""


@dataclass(slots=True)
class OwnNumber:
    """An active outside number of a company; `number` is E.164, `region` as in `numbers.region_of`."""

    id: int
    number: str
    kind: NumberKind
    region: str = ""
    seat_id: int | None = None
    last_shown_at: datetime | None = None
    leaves_at: datetime | None = None
    """From then on it is the platform's again (SPEC §B8.8)."""
    leaving: bool = False
    """Whether it was asked to be given back; until it leaves it works, and whoever dials with it is told."""


@dataclass(frozen=True, slots=True)
class CallerId:
    """The number to show and the reason; `id` is the row of the number."""

    number: str
    reason: CallerIdReason
    id: int


def kinds_for(mode: Mode) -> tuple[NumberKind, ...]:
    """The kinds of number that may be shown in a mode, the preferred one first.

    SPEC §B2.2: callback shows a telecom number; §B2.3: direct shows a direct number. Call-through is set up like a
    callback. Point-dial is named by no rule; it takes either.
    """
    match mode:
        case Mode.CALLBACK | Mode.CALL_THROUGH:
            return (NumberKind.TELECOM,)
        case Mode.POINT:
            return (NumberKind.DIRECT, NumberKind.TELECOM)
        case Mode.DIRECT:
            return (NumberKind.DIRECT,)


def choose_caller_id(
    policy: CallerIdPolicy,
    mode: Mode,
    seat_id: int,
    numbers: Iterable[OwnNumber],
    region: str = "",
) -> CallerId | None:
    """The number that a call in `mode` from that seat shows; None when the seat may not dial.

    A seat to which no number of the right kind is bound does not dial, whatever the policy (SPEC §B8.2, §B8.3, §B8.7).
    `numbers` are all active outside numbers of the company, `region` is the called number's ("" when unknown).
    `same_region` falls back to the bound number.
    """
    kinds = kinds_for(mode)
    pool = [one for one in numbers if one.kind in kinds]
    mine = [one for one in pool if one.seat_id == seat_id]
    bound = min(mine, key=lambda one: kinds.index(one.kind), default=None)
    if bound is None:
        return None
    if policy is CallerIdPolicy.SAME_REGION:
        near = [one for one in pool if region and one.region == region]
        if near:
            return _as(bound if bound in near else _longest_ago(near), CallerIdReason.SAME_REGION)
    if policy is CallerIdPolicy.ROTATION:
        return _as(_longest_ago(pool), CallerIdReason.ROTATION)
    return _as(bound, CallerIdReason.BOUND)


def _longest_ago(pool: list[OwnNumber]) -> OwnNumber:
    """Of some numbers, one that was never shown comes first; equals in the order they were added."""
    return min(pool, key=lambda one: (one.last_shown_at or _NEVER, one.id))


def _as(number: OwnNumber, reason: CallerIdReason) -> CallerId:
    return CallerId(number.number, reason, number.id)
