"""The gates before a dial (SPEC §B3): independent conditions, checked in one fixed order, one reason code each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from callcenter.domain.terms import Gate, Mode

PLATFORM_WINDOW = (time(8, 30), time(21, 30))
"""The platform's dial window (SPEC §B4.1); a company sets its own inside it."""

OUTSIDE_PHONE_MODES = frozenset({Mode.CALLBACK, Mode.CALL_THROUGH})
"""Modes in which the agent talks on an outside phone: the SIP phone is not asked for."""


@dataclass(frozen=True, slots=True)
class DialFacts:
    """What the gates need to know, gathered by the engine at the moment of the click."""

    may_dial: bool
    logged_in: bool
    account_active: bool
    phone_registered: bool
    phones_live: bool
    busy: bool
    number_valid: bool
    blacklisted: bool
    local_time: time
    window: tuple[time, time]
    mode: Mode = Mode.DIRECT
    has_seat: bool = True
    has_caller_id: bool = True
    """Whether the company's caller-ID policy finds a number to show (domain/caller_id.py)."""
    has_bound_phone: bool = False
    line_open: bool = False
    access_number: bool = False
    """Whether the company has a number for call-through."""
    balance_negative: bool = False
    """Whether the company's wallet is below zero."""
    company_expired: bool = False
    """Whether the company's time with the platform is over."""
    verified: bool = True
    """Whether the employee's real name was checked (SPEC §B3.3)."""
    destination: Gate | None = None
    """What keeps the number, or the agent's own outside phone, from being called (domain/destinations.py)."""


def first_closed_gate(facts: DialFacts) -> Gate | None:
    """The first gate that refuses, or None. Minutes are asked last, by the ledger's reservation itself."""
    outside = facts.mode in OUTSIDE_PHONE_MODES
    point = facts.mode is Mode.POINT
    checks = (
        (facts.may_dial, Gate.NOT_AN_AGENT),
        (facts.account_active, Gate.ACCOUNT_INACTIVE),
        (not facts.company_expired, Gate.COMPANY_EXPIRED),
        (facts.verified, Gate.NOT_VERIFIED),
        (not facts.balance_negative, Gate.BALANCE_NEGATIVE),
        (facts.logged_in, Gate.NOT_LOGGED_IN),
        (facts.phones_live, Gate.PHONES_UNAVAILABLE),
        (facts.number_valid, Gate.NUMBER_INVALID),
        (not facts.blacklisted, Gate.BLACKLISTED),
        (facts.destination is None, facts.destination or Gate.DESTINATION_CLOSED),
        (inside(facts.local_time, facts.window), Gate.OUTSIDE_DIAL_WINDOW),
        (facts.has_seat, Gate.NO_SEAT),
        (facts.mode is not Mode.CALL_THROUGH or facts.access_number, Gate.CALL_THROUGH_OFF),
        (not outside or facts.has_bound_phone, Gate.NO_BOUND_PHONE),
        (facts.has_caller_id, Gate.NO_BOUND_NUMBER),
        (outside or point or facts.phone_registered, Gate.PHONE_NOT_REGISTERED),
        (not point or facts.line_open, Gate.LINE_NOT_OPEN),
        (not facts.busy, Gate.ALREADY_DIALLING),
    )
    return next((gate for open_, gate in checks if not open_), None)


def inside(moment: time, window: tuple[time, time]) -> bool:
    """The window's edges are inclusive-exclusive: 08:30:00 may dial, 21:30:00 may not."""
    start, end = window
    return start <= moment.replace(tzinfo=None) < end


def window_allowed(start: time, end: time) -> bool:
    """A company's window must lie inside the platform's and must not be empty (T-11)."""
    return PLATFORM_WINDOW[0] <= start < end <= PLATFORM_WINDOW[1]
