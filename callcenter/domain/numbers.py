"""Telephone numbers: E.164, what to dial, how to show and mask them.

`phonenumbers` is the one library the domain uses: a pure table of the world's numbering plans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, shortnumberinfo

from callcenter.domain.spelling import BadNumber, NumberFault, spaced_groups, spelling_of

__all__ = [
    "BadNumber",
    "Number",
    "NumberFault",
    "dialable",
    "display",
    "find",
    "is_in_a_plan",
    "mask",
    "normalise",
    "normalise_or_raw",
    "read",
    "read_or_raw",
    "region_of",
]

REMEMBERED = 8192
"""Answers kept of each question: taking a number apart costs a tenth of a millisecond, and the same few come again."""
LONGEST_PASTED = 300
SHORTEST, LONGEST = 3, 20
"""Digits; the longest are the 106 numbers of Chinese text messages."""
_EXTENSION_DIGITS = range(2, 7)
_WHOLE_LINE = 7
"""Digits of the shortest subscriber's number; behind a group of so many no digit of the number itself follows."""

_CHINA = 86
_CHINESE_SERVICE = re.compile(r"10[01]\d{2,4}|1(?:16|18)\d{3}|12\d{3}|125[89]\d{2,5}|9[56]\d{3,6}|106\d{5,17}")
"""Service numbers of carriers, banks and text messages, which the tables of short numbers know in part only."""
_CHINESE_LINE = re.compile(r"(?:0?1[3-9]\d{9}|0[2-9]\d{8,10}|010\d{7,8})")
"""Mobile and fixed lines by their shape: ranges are given out long before the tables know of them."""
_CHINESE_WITHOUT_AREA = re.compile(r"1[3-9]\d{9}|[48]00\d{7}|1010\d{4}")
_BARE_COUNTRY_CODE = re.compile(r"86(?:0?1[3-9]\d{9}|0[2-9]\d{8,10}|0?10\d{7,8}|[2-9]\d{9,10})")
"""A line with the country code and no plus, told by its length."""
_ABROAD = re.compile(r"(?:\+|00)[1-9]")
_NUMERIC = re.compile(r"\+?\d+")


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number: E.164 (`+8613800000001`), or the bare digits of a service number (`10086`, `95588`).

    `extension` are the digits to send after the answer (分机); "" for none.
    """

    e164: str
    extension: str = ""

    def __str__(self) -> str:
        """One text that reads as this number again (RFC 3966's way to write an extension)."""
        return f"{self.e164};ext={self.extension}" if self.extension else self.e164

    def shown(self, region: str = "CN") -> str:
        """As people of `region` write it, its extension included: `021 6000 0111-8001`."""
        number = display(self.e164, region)
        return f"{number}-{self.extension}" if self.extension else number


@lru_cache(maxsize=REMEMBERED)
def read(typed: str, region: str = "CN") -> Number:
    """The number that a person typed, pasted or has in a file, in any usual spelling.

    Raises `BadNumber` with the reason for what is no number, or more than one: digits are never joined by guess.
    """
    written = spelling_of(typed)
    whole = _known(written.digits, region)
    if written.extension:
        if whole is not None:
            return Number(whole, written.extension)
    elif len(written.groups) > 1:
        found = _with_extension(typed, written.groups, whole, bracketed=written.tail, region=region)
        if found is not None:
            return found
    if whole is not None:
        return Number(whole)
    raise BadNumber(typed, _fault(typed, written.digits, region))


def normalise(typed: str, region: str = "CN") -> str:
    """The E.164 form of what a person typed, without its extension; raises `BadNumber`."""
    return read(typed, region).e164


@lru_cache(maxsize=REMEMBERED)
def normalise_or_raw(seen: str, region: str = "CN") -> str:
    """As `normalise`, for numbers the network showed us: what no plan knows is kept as its digits, never refused.

    A foreign number may have lost its plus on the way. A caller who hides the number has none: "".
    """
    try:
        return read(seen, region).e164
    except BadNumber:
        pass
    digits = re.sub(r"[^0-9]", "", seen)
    if _NUMERIC.fullmatch(seen):
        abroad = _valid(f"+{digits}", region)
        if abroad is not None:
            return abroad
    return digits[:LONGEST]


def read_or_raw(typed: str, region: str = "CN") -> Number:
    """As `read`; digits that no plan knows are kept as the network shows them.

    For what must take any number that has rung: customers, blacklist, calling back. Raises `BadNumber` for the rest.
    """
    try:
        return read(typed, region)
    except BadNumber as fault:
        written = re.sub(r"[\s\-]", "", typed)
        if fault.fault is not NumberFault.UNKNOWN or not re.fullmatch(r"[0-9]+", written):
            raise
        return Number(normalise_or_raw(written, region))


def find(text: str, region: str = "CN") -> Number:
    """The number that a text is, or the only one that it holds (`张三 138-0000-0001（财务）`); raises `BadNumber`."""
    try:
        return read(text, region)
    except BadNumber as refusal:
        if refusal.fault is not NumberFault.NOT_A_NUMBER:
            raise
    held = {found.raw_string for found in phonenumbers.PhoneNumberMatcher(text[:LONGEST_PASTED], region)}
    if len(held) != 1:
        raise BadNumber(text, NumberFault.SEVERAL if held else NumberFault.NOT_A_NUMBER)
    return read(held.pop(), region)


def _with_extension(
    typed: str, groups: tuple[str, ...], whole: str | None, *, bracketed: bool, region: str
) -> Number | None:
    """The number before the last dash with the digits behind it as its extension; None if they are one number."""
    before, last = _known("".join(groups[:-1]), region), groups[-1]
    service = before is not None and not before.startswith("+")
    whole_line = len(groups[-2].lstrip("+")) >= _WHOLE_LINE or bracketed or service
    if before is None or (whole is not None and not whole_line):
        return None
    if len(last) in _EXTENSION_DIGITS and not (service and _known(last, region)):
        return Number(before, last)
    raise BadNumber(typed, NumberFault.AMBIGUOUS if len(last) == 1 else NumberFault.SEVERAL)


def _fault(typed: str, digits: str, region: str) -> NumberFault:
    groups = spaced_groups(typed)
    if len(groups) > 1 and all(_NUMERIC.fullmatch(one) and _known(one, region) for one in groups):
        return NumberFault.SEVERAL
    return NumberFault.UNKNOWN if SHORTEST <= len(digits.lstrip("+")) <= LONGEST else NumberFault.LENGTH


@lru_cache(maxsize=REMEMBERED)
def _known(text: str, region: str) -> str | None:
    """E.164 or a service number of digits with an optional plus; None when no numbering plan has such a number."""
    if not SHORTEST <= len(text.lstrip("+")) <= LONGEST:
        return None
    return _valid(text, region) or _by_shape(text, region)


def _valid(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    short = str(number.national_number)
    if len(short) >= SHORTEST and shortnumberinfo.is_valid_short_number_for_region(number, region):
        return short
    return None


def _by_shape(text: str, region: str) -> str | None:
    """Numbers at home that the tables lack, and foreign ones of a length that their country has."""
    home = phonenumbers.country_code_for_region(region)
    national = re.sub(rf"^(?:\+|00){home}(?=\d)", "", text)
    if home == _CHINA:
        if _CHINESE_SERVICE.fullmatch(national):
            return national
        if _BARE_COUNTRY_CODE.fullmatch(text):
            national = text.removeprefix(str(_CHINA))
        # Behind the country code the area code has no 0.
        for line in (national, f"0{national}") if national != text else (national,):
            if _CHINESE_LINE.fullmatch(line):
                return f"+{home}{line.removeprefix('0')}"
    if national != text or not _ABROAD.match(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if possible else None


def is_in_a_plan(e164: str) -> bool:
    """Whether the tables know the number, rather than its shape alone."""
    return _valid(e164, "") == e164


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
    # Also of ranges that the tables do not know yet; and numbers that have no area code.
    plain = number.country_code == _CHINA and _CHINESE_WITHOUT_AREA.fullmatch(national) is not None
    return national if mobile or plain else prefix + national


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
    shown = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    # Where the tables take a line of an area for something without an area code, its 0 would be missing.
    return shown if _known(re.sub(r"\D", "", shown), region) == e164 else dialable(e164, region)


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
