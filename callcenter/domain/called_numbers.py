"""The ways in which a phone network may write one of our numbers when somebody calls it."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from callcenter.domain.numbers import dialable

INTERNATIONAL_PREFIX = "00"
REMEMBERED = 8192


@lru_cache(maxsize=REMEMBERED)
def spellings(number: str, region: str = "CN") -> frozenset[str]:
    """Every spelling of `number` (E.164, or a short number as it is) that reaches it: digits, some with a leading +.

    For +862160000101 these are 02160000101 and 2160000101, and with 86, 860, +86, +860, 0086 and 00860 before the
    number without its 0.
    """
    found = {number, number.lstrip("+"), dialable(number, region)}
    if not number.startswith("+"):
        own = phonenumbers.country_code_for_region(region)
        return frozenset(found | {f"{sign}{own}{number}" for sign in _signs()})
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return frozenset(found)
    code, national = parsed.country_code, phonenumbers.national_significant_number(parsed)
    home = phonenumbers.region_code_for_country_code(code or 0)
    trunk = phonenumbers.ndd_prefix_for_region(home, True) or ""
    found |= {f"{sign}{code}{zero}{national}" for sign in _signs() for zero in {"", trunk}}
    if home == region:
        found |= {national, trunk + national}
    return frozenset(found)


def _signs() -> tuple[str, ...]:
    return "+", "", INTERNATIONAL_PREFIX
