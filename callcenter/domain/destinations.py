"""Where calls of a company may go: one policy, asked at every way out.

Telephone fraud lives on ways out that nobody asks about: a satellite number as a typed target, a premium number as the
caller who wishes to be called back, a foreign number as an agent's bound phone. So each of them asks `closed`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

from callcenter.domain.terms import Gate


class DestinationKind(StrEnum):
    HOME = "home"
    """The home country, its service numbers included."""
    FOREIGN = "foreign"
    PREMIUM = "premium"
    """Dear by its numbering plan: premium and shared-cost numbers at home and abroad."""
    SATELLITE = "satellite"
    """Satellite and international networks (+870, +881, +882, +883 and the like), and satellite phones at home."""
    EMERGENCY = "emergency"


class WayOut(StrEnum):
    """How a call leaves to the phone network."""

    BY_HAND = "by_hand"
    """A person typed it, clicked it, or consults or transfers to it."""
    TASK = "task"
    CALLBACK = "callback"
    """A caller asked to be called back; the number is what the caller showed."""
    OWN_PHONE = "own_phone"
    """An employee's bound phone, or one that a line overflows to."""


@dataclass(frozen=True, slots=True)
class Destination:
    kind: DestinationKind
    country: str = ""
    """ISO 3166 code; empty for networks of no country."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a company may call: its own country always, `countries` (ISO 3166 codes) besides.

    `premium` and `satellite` are opened by the operator alone. Limits count dials of one day of the company's own time
    zone; 0 is none.
    """

    countries: frozenset[str] = frozenset()
    premium: bool = False
    satellite: bool = False
    calls_per_day: int = 0
    calls_per_number: int = 0
    own: frozenset[str] = frozenset()
    """Numbers on which the company is called (E.164), its access number too: a call there comes in again."""


@dataclass(frozen=True, slots=True)
class Used:
    """Dials of the company today: in all, and to the number that is asked about."""

    today: int = 0
    to_number: int = 0


NOWHERE = Destination(DestinationKind.FOREIGN)
_NO_COUNTRY = "001"
_EMERGENCY = frozenset({"110", "119", "120", "122", "112", "911", "999", "12110", "12119", "12120", "12122", "12395"})
"""Also those that only some networks connect, and the text and sea rescue numbers of China."""
_SATELLITE_CODES = frozenset({870, 871, 872, 873, 874, 881, 882, 883})
_CHINESE_SATELLITE = ("+861740", "+861349")
_FREE_PHONE = 800
_DEAR = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})
_CHINESE_DEAR = ("168", "160", "1259")
"""Chinese information lines. The tables call 400 numbers premium as well, which everybody here dials."""
_BEHIND_AREA_CODE = re.compile(r"(?:(?:\+|00)?860?|0)(?:10|2\d|(?!400|800)[3-9]\d{2})?(1\d{2,9})")
"""A Chinese service number behind country code, 0 or area code: 021 110 is the police of Shanghai. No line of an area
begins with 1, and eleven digits that do are a mobile number."""


@lru_cache(maxsize=8192)
def destination_of(number: str, region: str = "CN") -> Destination:
    """Where a number (as `numbers.read` or `numbers.normalise_or_raw` give it) leads."""
    behind = _BEHIND_AREA_CODE.fullmatch(number) if region == "CN" else None
    if behind is not None:
        return _of_digits(behind[1], region)
    if not number.startswith("+"):
        return _of_digits(number, region)
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NOWHERE
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    if parsed.country_code in _SATELLITE_CODES or number.startswith(_CHINESE_SATELLITE):
        return Destination(DestinationKind.SATELLITE)
    if country == region == "CN":
        return Destination(DestinationKind.HOME, country)
    if phonenumbers.number_type(parsed) in _DEAR or (country == _NO_COUNTRY and parsed.country_code != _FREE_PHONE):
        return Destination(DestinationKind.PREMIUM, "" if country == _NO_COUNTRY else country)
    return Destination(DestinationKind.HOME if country == region else DestinationKind.FOREIGN, country)


def _of_digits(number: str, region: str) -> Destination:
    """Service numbers, and digits that no plan knows: they are dialled as they stand."""
    if number in _EMERGENCY or shortnumberinfo.is_emergency_number(number, region):
        return Destination(DestinationKind.EMERGENCY, region)
    if number.startswith("00"):
        return NOWHERE
    if region == "CN" and number.startswith(_CHINESE_DEAR):
        return Destination(DestinationKind.PREMIUM, region)
    return Destination(DestinationKind.HOME, region)


def closed(policy: Policy, number: str, way: WayOut, used: Used | None = None, region: str = "CN") -> Gate | None:
    """The gate that keeps a company from calling `number` that way, or None."""
    if number in policy.own and way is not WayOut.BY_HAND:
        return Gate.OWN_NUMBER_BY_HAND
    destination = destination_of(number, region)
    match destination.kind:
        case DestinationKind.EMERGENCY:
            return None if way is WayOut.BY_HAND else Gate.EMERGENCY_BY_HAND
        case DestinationKind.PREMIUM:
            shut = not policy.premium
        case DestinationKind.SATELLITE:
            shut = not policy.satellite
        case DestinationKind.FOREIGN:
            shut = destination.country not in policy.countries
        case DestinationKind.HOME:
            shut = False
    if not shut and destination.kind is DestinationKind.PREMIUM:
        # A dear number abroad is abroad as well.
        shut = destination.country not in ("", region, *policy.countries)
    if shut:
        return Gate.DESTINATION_CLOSED
    if used is not None and 0 < policy.calls_per_day <= used.today:
        return Gate.DAY_LIMIT_REACHED
    if used is not None and 0 < policy.calls_per_number <= used.to_number:
        return Gate.NUMBER_LIMIT_REACHED
    return None
