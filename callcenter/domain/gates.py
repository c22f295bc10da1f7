"""The gates before a dial (SPEC §B3): independent conditions, checked in one fixed order, one reason code each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Gate, Mode

PLATFORM_WINDOW = (time(8, 30), time(21, 30))
"""The platform's dial window (SPEC §B4.1); a company sets its own inside it."""

OUTSIDE_PHONE_MODES = frozenset({Mode.CALLBACK, Mode.CALL_THROUGH})
"""Modes in which the agent talks on an outside phone: the SIP phone is not asked for."""


class GateClosed(Refusal):
    """A gate keeps a call from being dialled; `gate` is the code of the refusal."""

    def __init__(self, gate: Gate, **details: object) -> None:
        super().__init__(gate.value, **details)
        self.gate = gate


@dataclass(frozen=True, slots=True)
class Standing:
    """What a company and its employee must be before anything is dialled for them, whatever dials: a click, a task, a
    consultation, a callback (SPEC §B3.2-B3.5, §B3.9)."""

    company_expired: bool = False
    """Whether the company's time with the platform is over."""
    company_verified: bool = True
    script_approved: bool = True
    """Whether what the company says on the phone was filed and approved."""
    suspended: bool = False
    """Whether the operator has stopped the company's dialling."""
    verified: bool = True
    """Whether the employee's real name was checked."""
    balance_negative: bool = False
    """Whether the company's wallet is below zero."""

    def closed(self) -> Gate | None:
        checks = (
            (not self.company_expired, Gate.COMPANY_EXPIRED),
            (self.company_verified, Gate.COMPANY_UNVERIFIED),
            (self.script_approved, Gate.SCRIPT_NOT_APPROVED),
            (not self.suspended, Gate.DIALLING_SUSPENDED),
            (self.verified, Gate.NOT_VERIFIED),
            (not self.balance_negative, Gate.BALANCE_NEGATIVE),
        )
        return next((gate for open_, gate in checks if not open_), None)


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
    """Whether a number is bound to the seat, so that the policy has one to show (domain/caller_id.py)."""
    has_bound_phone: bool = False
    line_open: bool = False
    access_number: bool = False
    """Whether the company has a number for call-through."""
    standing: Gate | None = None
    """What keeps the company or the employee from dialling at all (`Standing.closed`)."""
    destination: Gate | None = None
    """What keeps the number, or the agent's own outside phone, from being called (domain/destinations.py)."""


def first_closed_gate(facts: DialFacts) -> Gate | None:
    """The first gate that refuses, or None. Minutes are asked last, by the ledger's reservation itself."""
    outside = facts.mode in OUTSIDE_PHONE_MODES
    point = facts.mode is Mode.POINT
    checks = (
        (facts.may_dial, Gate.NOT_AN_AGENT),
        (facts.account_active, Gate.ACCOUNT_INACTIVE),
        (facts.standing is None, facts.standing or Gate.NOT_VERIFIED),
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
