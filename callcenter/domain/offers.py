"""What an order of voice packages costs, when it may be placed, and who may take a package over (SPEC §C2-C7, §C14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from callcenter.domain import packages as rules
from callcenter.domain.terms import Mode, Offer, OrderAction, PackageKind

MOST = 500
"""Packages, or places of a shared one, in one order."""


@dataclass(frozen=True, slots=True)
class Offering:
    """One thing for sale; prices in fen, minutes whole."""

    id: int
    name: str
    kind: PackageKind
    mode: Mode
    minutes: int
    days: int
    price: int
    list_price: int
    offer: Offer = Offer.REGULAR
    also_mode: Mode | None = None
    line: str = ""
    per_employee: int = 0
    """How often each employee has the offer price."""
    offered_from: datetime | None = None
    offered_until: datetime | None = None
    increment_seconds: int = rules.INCREMENT_SECONDS
    on_sale: bool = True

    def offered(self, now: datetime) -> bool:
        """Whether a limited offer runs; its time is inclusive-exclusive."""
        if self.offer is not Offer.LIMITED:
            return False
        begun = self.offered_from is None or self.offered_from <= now
        return begun and (self.offered_until is None or now < self.offered_until)

    def offers_left(self, used: int, now: datetime) -> int | None:
        """How often an employee who had the offer price `used` times still has it; None: it is no limited offer."""
        if self.offer is not Offer.LIMITED:
            return None
        return max(0, self.per_employee - used) if self.offered(now) else 0


@dataclass(frozen=True, slots=True)
class Line:
    """Part of an order: `quantity` at `price` fen each, for one employee or nobody yet."""

    employee_id: int | None
    quantity: int
    price: int
    at_offer_price: bool = False


def lines_for(
    offering: Offering, employee_ids: Sequence[int], quantity: int, used: Mapping[int, int], now: datetime
) -> tuple[Line, ...]:
    """One line for each employee, and one for what nobody has yet.

    `used` is how often each employee had the offer price before; it is counted for each of them alone (SPEC §C5.2,
    C16-3). What is bought without an employee costs the list price where an offer is limited.
    """
    had = Counter(used)
    lines: list[Line] = []
    for one in employee_ids:
        at_offer = bool(offering.offers_left(had[one], now))
        had[one] += at_offer
        full = offering.list_price if offering.offer is Offer.LIMITED else offering.price
        lines.append(Line(one, 1, offering.price if at_offer else full, at_offer))
    rest = quantity - len(employee_ids)
    if rest > 0:
        price = offering.list_price if offering.offer is Offer.LIMITED else offering.price
        lines.append(Line(None, rest, price))
    return tuple(lines)


def total_of(lines: Iterable[Line]) -> int:
    """Fen before any discount (SPEC §C6.4)."""
    return sum(line.price * line.quantity for line in lines)


def discount_of(total: int, coupon: int) -> int:
    """What a coupon takes off: never more than there is to pay."""
    return min(total, coupon)


class Door(StrEnum):
    """Why an order is refused; each is one independent condition with its own text."""

    COMPANY_UNVERIFIED = "company_unverified"
    SCRIPT_NOT_APPROVED = "script_not_approved"
    OFFERING_NOT_ON_SALE = "offering_not_on_sale"
    TRIAL_USED = "trial_used"
    QUANTITY_INVALID = "quantity_invalid"
    EMPLOYEE_TWICE = "employee_twice"
    EMPLOYEES_NEEDED = "employees_needed"
    EMPLOYEE_UNVERIFIED = "employee_unverified"


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the conditions need to know, gathered in the transaction that places the order."""

    offering: Offering
    action: OrderAction
    quantity: int
    employee_ids: Sequence[int] = ()
    company_verified: bool = True
    script_approved: bool = True
    trial_used: bool = False
    """Whether the company ever bought this trial package."""
    unverified: Sequence[int] = ()
    """Those of the employees who are not verified."""


def closed_doors(facts: OrderFacts) -> tuple[Door, ...]:
    """Every condition that refuses (SPEC §C5.3, §C6.2), in one fixed order."""
    count = len(facts.employee_ids)
    limited = facts.offering.offer is Offer.LIMITED and facts.action is not OrderAction.RENEW
    checks = (
        *company_checks(facts.company_verified, facts.script_approved),
        (facts.offering.on_sale, Door.OFFERING_NOT_ON_SALE),
        (facts.offering.offer is not Offer.TRIAL or not facts.trial_used, Door.TRIAL_USED),
        (len(set(facts.employee_ids)) == count, Door.EMPLOYEE_TWICE),
        (count > 0 or not _must_name(facts), Door.EMPLOYEES_NEEDED),
        (_quantity_fits(facts), Door.QUANTITY_INVALID),
        (count == facts.quantity or not limited, Door.EMPLOYEES_NEEDED),
        (not facts.unverified, Door.EMPLOYEE_UNVERIFIED),
    )
    return tuple(dict.fromkeys(door for open_, door in checks if not open_))


def company_checks(verified: bool, script_approved: bool) -> tuple[tuple[bool, Door], ...]:
    """What a company needs before it may buy anything."""
    return (verified, Door.COMPANY_UNVERIFIED), (script_approved, Door.SCRIPT_NOT_APPROVED)


def _must_name(facts: OrderFacts) -> bool:
    """A fixed package and a top-up are bought for somebody from the start (SPEC §C2.4, §C4.4)."""
    return facts.action is OrderAction.TOP_UP or facts.offering.kind is PackageKind.FIXED


def _quantity_fits(facts: OrderFacts) -> bool:
    count = len(facts.employee_ids)
    if not 1 <= facts.quantity <= MOST or count > facts.quantity:
        return False
    if facts.offering.offer is Offer.TRIAL and facts.quantity != 1:
        return False
    return facts.quantity == count or not _must_name(facts)


def period(
    offering: Offering, action: OrderAction, now: datetime, package: tuple[datetime, datetime] | None = None
) -> tuple[datetime, datetime]:
    """From when until when what is ordered is valid (SPEC §C3.1; §C4.7 is the product's choice).

    `package` is start and end of the package that is renewed (of the last of its renewals), added to or topped up.
    A renewal starts when that ends, or now when it has ended already.
    """
    length = timedelta(days=offering.days)
    if package is None:
        return now, now + length
    starts, ends = package
    if action is OrderAction.RENEW:
        begin = max(now, ends)
        return begin, begin + length
    return max(now, starts), ends


class HandOverDoor(StrEnum):
    """Why a package cannot go to a colleague (SPEC §C14)."""

    LINE_DIFFERS = "line_differs"
    ALREADY_ON_PACKAGE = "already_on_package"


@dataclass(frozen=True, slots=True)
class Held:
    """A package as the hand-over rules see it."""

    id: int
    kind: PackageKind
    line: str
    offering_id: int | None


def hand_over_door(package: Held, of_receiver: Iterable[Held]) -> HandOverDoor | None:
    """Whether a colleague with those valid packages may take `package` over; None: yes.

    Fixed: only an employee on the same line (SPEC §C14, V-20): one on another or on none yet is not; of a package
    that names no line, one whose packages name none either. Non-shared and shared: only one who does not use that
    package, nor another one of the same offering.
    """
    theirs = list(of_receiver)
    if package.kind is PackageKind.FIXED:
        lines = {one.line for one in theirs if one.line}
        same = package.line in lines if package.line else not lines
        return None if same else HandOverDoor.LINE_DIFFERS
    for one in theirs:
        same_offer = package.offering_id is not None and one.offering_id == package.offering_id
        if one.id == package.id or same_offer:
            return HandOverDoor.ALREADY_ON_PACKAGE
    return None
