"""What callers of the store may expect to go wrong, whichever database it is."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

_VALUE, _FULL = "22", "53100"
"""PostgreSQL's SQLSTATEs: a value that does not fit (all of that class), and a full disk."""


class DatabaseUnavailable(RuntimeError):
    """The database is away, or somebody else holds it for too long; asking again later may do.

    Nothing was written, unless the server stayed away for so long behind a commit that nobody could say
    (OUTCOME_SECONDS in `store/postgres.py`); so what is done again must be named by a key, as orders, calls and
    postings are.
    """


def refuses_value(error: DBAPIError) -> bool:
    """Whether a value does not fit its column: the server says so, or the driver before it."""
    seen: BaseException | None = error.orig
    while seen is not None:
        if isinstance(seen, ValueError) or _state(seen).startswith(_VALUE):
            return True
        seen = seen.__cause__
    return False


def is_full(error: DBAPIError) -> bool:
    """Whether the disk under the database is full."""
    return _state(error.orig) == _FULL or "full" in str(error.orig)


def _state(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or "")
