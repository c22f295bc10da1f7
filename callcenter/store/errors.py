"""What callers of the store may expect to go wrong."""

from __future__ import annotations


class DatabaseUnavailable(RuntimeError):
    """The database is away, or somebody else holds it for too long. Nothing was written; asking again later may do."""
