"""Numbers of mainland identity cards (GB 11643-1999): how they are written, and whether one can be real."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

FIRST_YEAR = 1900
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
"""The last character, by the weighted sum of the others modulo 11 (ISO 7064, MOD 11-2)."""
_PROVINCES = frozenset(
    str(one)
    for block in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for one in range(block[0], block[1] + 1)
)
_SHAPE = re.compile("[0-9]{17}[0-9X]")


def plain_identity_number(typed: str) -> str:
    """What somebody typed without spaces, in ASCII and with a capital X: input methods write full-width digits."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed)).upper()


def check_character(first: str) -> str:
    """The last character of the number that begins with these 17 digits."""
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first, strict=True)) % 11]


def is_identity_number(number: str, today: date) -> bool:
    """Whether a `plain_identity_number` can be somebody's: province, day of birth up to `today`, check character."""
    if not _SHAPE.fullmatch(number) or number[:2] not in _PROVINCES:
        return False
    try:
        born = date.fromisoformat(f"{number[6:10]}-{number[10:12]}-{number[12:14]}")
    except ValueError:
        return False
    return born.year >= FIRST_YEAR and born <= today and number[17] == check_character(number[:17])
