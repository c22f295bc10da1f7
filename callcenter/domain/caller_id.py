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
    """The company has no outside numbers; its display number stands in."""


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
    """The number to show and the reason; `id` is the row of the number, None for the company's display number."""

    number: str
    reason: CallerIdReason
    id: int | None = None


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
    display_number: str = "",
) -> CallerId | None:
    """The number that a call in `mode` from that seat shows; None when there is none, and the seat may not dial.

    `numbers` are all active outside numbers of the company, `region` is the called number's ("" when unknown).
    `same_region` falls back to the bound number, then to rotation. `display_number` is the last resort of a company
    that has no outside number at all and does not ask for bound ones.
    """
    everything = list(numbers)
    kinds = kinds_for(mode)
    pool = [one for one in everything if one.kind in kinds]
    mine = [one for one in pool if one.seat_id == seat_id]
    bound = min(mine, key=lambda one: kinds.index(one.kind), default=None)
    if policy is CallerIdPolicy.BOUND:
        return _as(bound, CallerIdReason.BOUND)
    if not everything and display_number:
        return CallerId(display_number, CallerIdReason.COMPANY)
    if policy is CallerIdPolicy.SAME_REGION:
        near = [one for one in pool if region and one.region == region]
        if bound in near:
            return _as(bound, CallerIdReason.SAME_REGION)
        if near:
            return _as(_longest_ago(near), CallerIdReason.SAME_REGION)
        if bound is not None:
            return _as(bound, CallerIdReason.BOUND)
    return _as(_longest_ago(pool), CallerIdReason.ROTATION)


def _longest_ago(pool: list[OwnNumber]) -> OwnNumber | None:
    """A number that was never shown comes first; equals in the order they were added."""
    return min(pool, key=lambda one: (one.last_shown_at or _NEVER, one.id), default=None)


def _as(number: OwnNumber | None, reason: CallerIdReason) -> CallerId | None:
    return CallerId(number.number, reason, number.id) if number is not None else None
