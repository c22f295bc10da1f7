"""What a call is called in figures and lists: one condition each, so that a figure and the rows behind it agree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_

from callcenter.domain.terms import Direction, Disposition
from callcenter.store.tables.calls import call


def is_missed() -> ColumnElement[bool]:
    """A caller who was not answered by anybody, whatever ended the waiting."""
    return and_(call.c.direction == Direction.INBOUND.value, call.c.ended_at.is_not(None), call.c.answered_at.is_(None))


def is_valid(threshold: Any) -> ColumnElement[bool]:
    """An answered call that talked for at least `threshold` seconds, a number or a column (SPEC §B4.2)."""
    return and_(call.c.disposition == Disposition.ANSWERED.value, call.c.talk_seconds >= threshold)
