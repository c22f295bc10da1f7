"""What an order of voice packages would cost now, or the first reason why it cannot be placed (SPEC §C4-C6).

Everything here only reads, in the caller's transaction, and raises `Refusal` with a stable code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import offers
from callcenter.domain.offers import Line, Offering, OrderFacts
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Offer, OrderAction, PackageKind
from callcenter.features.packages import assign, catalogue
from callcenter.features.packages.catalogue import Coupon
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.ledger.packages import Lot, lots_of
from callcenter.store.tables.people import company


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to buy."""

    offering_id: int
    action: OrderAction
    quantity: int
    employee_ids: tuple[int, ...] = ()
    package_id: int | None = None
    """The package to renew, to add to or to top up."""
    coupon: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order costs now; money in fen."""

    offering: Offering
    lines: tuple[Line, ...]
    total: int
    discount: int
    balance: int
    valid_from: datetime
    valid_until: datetime
    names: dict[int, str]
    """Of the employees of the order."""
    coupon: Coupon | None = None
    package: Lot | None = None
    renews_id: int | None = None
    """The last period so far, when the order buys the next one."""

    @property
    def paid(self) -> int:
        return self.total - self.discount

    @property
    def enough(self) -> bool:
        return self.paid == 0 or self.balance >= self.paid


class Conditions(NamedTuple):
    """What the platform has checked about a company."""

    verified: bool
    script_approved: bool


async def conditions_of(connection: AsyncConnection, company_id: int) -> Conditions:
    query = select(company.c.verification, company.c.script_state).where(company.c.id == company_id)
    row = (await connection.execute(query)).one()
    return Conditions(row.verification == "verified", row.script_state == "approved")


async def quote(
    connection: AsyncConnection, company_id: int, wanted: Wanted, now: datetime, *, after: Iterable[Quote] = ()
) -> Quote:
    """What an order would cost now; raises the first reason why it cannot be placed, but not for want of money.

    `after` are orders that will have been placed before it: the offer prices that they take are gone by then.
    """
    offering = await catalogue.find_offering(connection, wanted.offering_id)
    package, last = await _package(connection, company_id, wanted, offering, now)
    employee_ids = wanted.employee_ids
    if wanted.action is OrderAction.RENEW and package is not None:
        employee_ids = package.users
        if package.kind is PackageKind.SHARED:  # the places of those who have left are free again
            employee_ids = await assign.not_departed(connection, company_id, employee_ids)
    people = await assign.staff(connection, company_id, employee_ids)
    conditions = await conditions_of(connection, company_id)
    facts = OrderFacts(
        offering,
        wanted.action,
        wanted.quantity,
        employee_ids,
        company_verified=conditions.verified,
        script_approved=conditions.script_approved,
        trial_used=offering.id in await catalogue.bought_ever(connection, company_id),
        unverified=[one for one in employee_ids if not people[one].verified],
    )
    closed = offers.closed_doors(facts)
    if closed:
        names = [people[one].name for one in facts.unverified]
        raise Refusal(closed[0].value, reasons=[door.value for door in closed], employees=names)
    used = await catalogue.offers_used(connection, company_id, offering.id)
    for line in (line for one in after if one.offering.id == offering.id for line in one.lines):
        if line.at_offer_price and line.employee_id is not None:
            used[line.employee_id] += 1
    lines = offers.lines_for(offering, employee_ids, wanted.quantity, used, now)
    total = offers.total_of(lines)
    coupon = None
    if wanted.coupon.strip():
        coupon = await catalogue.find_coupon(connection, company_id, wanted.coupon, now)
    period = (last.starts_at, last.expires_at) if last else None
    starts, ends = offers.period(offering, wanted.action, now, period)
    return Quote(
        offering=offering,
        lines=lines,
        total=total,
        discount=offers.discount_of(total, coupon.amount) if coupon else 0,
        balance=await book.balance(connection, company_id, book.money(Kind.WALLET)),
        valid_from=starts,
        valid_until=ends,
        names={one: person.name for one, person in people.items()},
        coupon=coupon,
        package=package,
        renews_id=last.id if last and wanted.action is OrderAction.RENEW else None,
    )


def trial_blocked(offering: Offering, bought: set[int]) -> bool:
    """Whether a trial package was bought before and so never can be again (SPEC §C5.3)."""
    return offering.offer is Offer.TRIAL and offering.id in bought


# -- inside --------------------------------------------------------------------------------------------------------


async def _package(
    connection: AsyncConnection, company_id: int, wanted: Wanted, offering: Offering, now: datetime
) -> tuple[Lot | None, Lot | None]:
    """The package that an order is about, and the one whose end the bought minutes go by: for a renewal the last
    period that was bought so far, None when they have a time of their own."""
    if wanted.package_id is None:
        needed = wanted.action in (OrderAction.RENEW, OrderAction.TOP_UP)
        if needed or (wanted.action is OrderAction.ADD and offering.kind is PackageKind.SHARED):
            raise Refusal("package_unknown")
        _addable(wanted.action, offering)
        return None, None
    lots = await lots_of(connection, company_id)
    package = next((one for one in lots if one.id == wanted.package_id), None)
    if package is None or wanted.action is OrderAction.NEW or package.kind is PackageKind.TOP_UP:
        raise Refusal("package_unknown")
    if wanted.action is OrderAction.TOP_UP:
        _topped_up(package, offering, wanted.employee_ids, now)
        return package, package
    if package.offering_id != offering.id:
        raise Refusal("offering_differs")
    if wanted.action is OrderAction.ADD:
        _addable(wanted.action, offering)
        if package.kind is not PackageKind.SHARED:
            return package, None
        if package.expires_at <= now:
            raise Refusal("package_expired")
        if len(wanted.employee_ids) > package.assignable + wanted.quantity:
            raise Refusal("package_full")
        if set(wanted.employee_ids) & set(package.members):
            raise Refusal("already_on_package")
        return package, package
    if wanted.quantity != (package.quantity if package.kind is PackageKind.SHARED else 1):
        raise Refusal("quantity_invalid", quantity=package.quantity)
    return package, last_renewal(lots, package)


def _addable(action: OrderAction, offering: Offering) -> None:
    """A fixed package is one employee's: there is nothing to add to (SPEC §C4.3)."""
    if action is OrderAction.ADD and offering.kind is PackageKind.FIXED:
        raise Refusal("action_not_possible")


def _topped_up(package: Lot, offering: Offering, employee_ids: Sequence[int], now: datetime) -> None:
    if not package.starts_at <= now < package.expires_at:
        raise Refusal("package_expired")
    if not package.covers(offering.mode):
        raise Refusal("mode_differs")
    if not set(employee_ids) <= set(package.users):
        raise Refusal("employee_not_on_package")


def last_renewal(lots: Iterable[Lot], package: Lot) -> Lot:
    """The last period that was bought after `package`, or the package itself."""
    by_before = {one.renews_id: one for one in lots if one.renews_id is not None}
    while package.id in by_before:
        package = by_before[package.id]
    return package
