"""Telephone numbers: E.164, what to dial, how to show and mask them.

`phonenumbers` is the one library the domain uses: a pure table of the world's numbering plans.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, shortnumberinfo

_NOISE = re.compile(r"[\s\-().·/\u00a0\u200b-\u200f\u202a-\u202e\u2060\ufeff]+")
_ALLOWED = re.compile(r"\+?[0-9]{3,18}\Z")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９＋－（）", "0123456789+-()")

REMEMBERED = 8192
"""Answers kept of each question: taking a number apart costs a tenth of a millisecond, and the same few come again."""


class BadNumber(ValueError):
    """Not a telephone number; `args[0]` is what was typed."""


@lru_cache(maxsize=REMEMBERED)
def normalise(typed: str, region: str = "CN") -> str:
    """E.164 (`+8613800000001`) of what a person typed or pasted; short service numbers (`10086`) stay as they are.

    Raises `BadNumber` for anything that no numbering plan knows.
    """
    text = _NOISE.sub("", typed.translate(_FULL_WIDTH))
    if not _ALLOWED.match(text):
        raise BadNumber(typed)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise BadNumber(typed) from None
    if phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not text.startswith("+") and shortnumberinfo.is_valid_short_number_for_region(number, region):
        return text
    raise BadNumber(typed)


def normalise_or_raw(seen: str, region: str = "CN") -> str:
    """As `normalise`, for numbers the network showed us: an unknown shape is kept, never refused."""
    try:
        return normalise(seen, region)
    except BadNumber:
        return _NOISE.sub("", seen)[:32]


@lru_cache(maxsize=REMEMBERED)
def dialable(e164: str, region: str = "CN") -> str:
    """The digits a trunk of that region expects: national for its own numbers, `00` + country code for others."""
    if not e164.startswith("+"):
        return e164
    number = phonenumbers.parse(e164)
    if phonenumbers.region_code_for_country_code(number.country_code or 0) != region:
        return "00" + e164[1:]
    national = phonenumbers.national_significant_number(number)
    mobile = phonenumbers.number_type(number) in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )
    prefix = phonenumbers.ndd_prefix_for_region(region, True) or ""
    special = national.startswith(("400", "800"))
    return national if mobile or special else prefix + national


@lru_cache(maxsize=REMEMBERED)
def display(e164: str, region: str = "CN") -> str:
    """A number as people of `region` write it: `138 0000 0001`, `010-6552 9988`."""
    if not e164.startswith("+"):
        return e164
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    if phonenumbers.region_code_for_country_code(number.country_code or 0) != region:
        return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def region_of(e164: str, language: str = "zh") -> str:
    """Where a number is at home (归属地), such as `上海市`; empty where the plans name no more than the country.

    The first call reads the tables of places: a quarter of a second and 100 MB, so call it in a thread.
    """
    from phonenumbers import geocoder

    if not e164.startswith("+"):
        return ""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return ""
    found = geocoder.description_for_number(number, language)
    return "" if found == geocoder.country_name_for_number(number, language) else found


def mask(number: str) -> str:
    """Six middle digits hidden (SPEC §B9): `138******12`; eight digits or fewer keep the last two."""
    digits = number
    if len(digits) <= 8:
        return "*" * max(0, len(digits) - 2) + digits[-2:]
    head = 3 if len(digits) == 11 else (len(digits) - 6) // 2
    return digits[:head] + "*" * 6 + digits[head + 6 :]
