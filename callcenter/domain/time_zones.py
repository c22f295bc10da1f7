"""Time zones that a company may have."""

from __future__ import annotations

from zoneinfo import available_timezones

# Names of the database that are no place: what the machine happens to have, and a zone that was never set.
_NO_PLACE = frozenset({"localtime", "Factory", "posixrules"})


def is_time_zone(name: str) -> bool:
    """Whether `name` is a place of the IANA database, such as `Asia/Shanghai`, or UTC."""
    return name in available_timezones() and name not in _NO_PLACE and not name.startswith(("posix/", "right/"))
