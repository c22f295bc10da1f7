"""What came of a call: what somebody said, and where nobody did, what its course says by itself.

A call that nobody answered is not connected; no person is asked for what is known.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_

from callcenter.domain.terms import Disposition
from callcenter.store.tables.calls import call

NOT_CONNECTED = "not_connected"

_UNANSWERED = and_(call.c.disposition.is_not(None), call.c.disposition != Disposition.ANSWERED.value)


def mark() -> ColumnElement[Any]:
    """`connected`, `not_connected`, or NULL for an answered or running call that nobody has marked."""
    return func.coalesce(call.c.connected_mark, case((_UNANSWERED, NOT_CONNECTED)))


def result() -> ColumnElement[Any]:
    """The result that was chosen; of an unanswered call that nobody says was connected, `not_connected`."""
    unsaid = or_(call.c.connected_mark.is_(None), call.c.connected_mark == NOT_CONNECTED)
    return func.coalesce(call.c.result, case((and_(_UNANSWERED, unsaid), NOT_CONNECTED)))
