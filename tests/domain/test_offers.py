"""Prices, conditions and hand-over as pure rules (SPEC §C4-C6, §C14); the worked numbers go through the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from callcenter.domain import offers
from callcenter.domain.offers import Door, HandOverDoor, Held, Offering, OrderFacts, closed_doors, lines_for
from callcenter.domain.packages import Package, reminder_due, state_of
from callcenter.domain.terms import Mode, Offer, OrderAction, PackageKind

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
A, B = 1, 2


def offering(**changes: object) -> Offering:
    values = {
        "id": 1,
        "name": "畅聊包",
        "kind": PackageKind.NON_SHARED,
        "mode": Mode.DIRECT,
        "minutes": 2000,
        "days": 30,
        "price": 16800,
        "list_price": 16800,
    }
    return Offering(**(values | changes))  # type: ignore[arg-type]


LIMITED = offering(
    list_price=19900,
    offer=Offer.LIMITED,
    per_employee=2,
    offered_from=NOW - timedelta(days=1),
    offered_until=NOW + timedelta(days=1),
)


def test_an_offer_is_counted_for_each_employee_alone() -> None:
    """SPEC C16-3, all in one go."""
    lines = lines_for(LIMITED, [A, A, A, B], 4, {}, NOW)
    assert [line.price for line in lines] == [16800, 16800, 19900, 16800]
    assert offers.total_of(lines) == 70300


def test_what_was_had_before_counts_and_other_employees_do_not() -> None:
    assert [line.price for line in lines_for(LIMITED, [A, B], 2, {A: 2}, NOW)] == [19900, 16800]


@pytest.mark.parametrize(("at", "price"), [(-2, 19900), (-1, 16800), (0, 16800), (1, 19900)])
def test_outside_its_time_an_offer_costs_the_list_price(at: int, price: int) -> None:
    """The first moment is inside, the last is not."""
    assert lines_for(LIMITED, [A], 1, {}, NOW + timedelta(days=at))[0].price == price


def test_packages_that_nobody_has_yet_are_one_line() -> None:
    (line,) = lines_for(offering(price=6000, list_price=6000), [], 2, {}, NOW)
    assert (line.employee_id, line.quantity, line.price) == (None, 2, 6000)


def test_a_coupon_never_pays_out() -> None:
    assert offers.discount_of(6000, 10_000) == 6000
    assert offers.discount_of(6000, 1_000) == 1000


def facts(**changes: object) -> OrderFacts:
    values = {"offering": offering(), "action": OrderAction.NEW, "quantity": 1}
    return OrderFacts(**(values | changes))  # type: ignore[arg-type]


FIXED = offering(kind=PackageKind.FIXED)
TRIAL = offering(offer=Offer.TRIAL)


@pytest.mark.parametrize(
    ("given", "doors"),
    [
        (facts(), ()),
        (facts(company_verified=False), (Door.COMPANY_UNVERIFIED,)),
        (facts(script_approved=False), (Door.SCRIPT_NOT_APPROVED,)),
        (facts(employee_ids=[A], unverified=[A]), (Door.EMPLOYEE_UNVERIFIED,)),
        (facts(offering=offering(on_sale=False)), (Door.OFFERING_NOT_ON_SALE,)),
        (facts(offering=TRIAL), ()),
        (facts(offering=TRIAL, trial_used=True), (Door.TRIAL_USED,)),
        (facts(trial_used=True), ()),
        (facts(offering=TRIAL, quantity=2), (Door.QUANTITY_INVALID,)),
        (facts(quantity=0), (Door.QUANTITY_INVALID,)),
        (facts(quantity=offers.MOST + 1), (Door.QUANTITY_INVALID,)),
        (facts(employee_ids=[A, B]), (Door.QUANTITY_INVALID,)),
        (facts(employee_ids=[A, A], quantity=2), (Door.EMPLOYEE_TWICE,)),
        (facts(offering=FIXED, employee_ids=[A, B], quantity=2), ()),
        (facts(offering=FIXED, employee_ids=[A], quantity=2), (Door.QUANTITY_INVALID,)),
        (facts(offering=FIXED), (Door.EMPLOYEES_NEEDED, Door.QUANTITY_INVALID)),
        (facts(offering=LIMITED, quantity=2, employee_ids=[A]), (Door.EMPLOYEES_NEEDED,)),
        (facts(action=OrderAction.TOP_UP), (Door.EMPLOYEES_NEEDED, Door.QUANTITY_INVALID)),
        (
            facts(company_verified=False, script_approved=False),
            (Door.COMPANY_UNVERIFIED, Door.SCRIPT_NOT_APPROVED),
        ),
    ],
)
def test_every_condition_closes_its_own_door(given: OrderFacts, doors: tuple[Door, ...]) -> None:
    assert closed_doors(given) == doors


def test_a_renewal_begins_where_the_period_ends_and_at_once_after_it() -> None:
    month = timedelta(days=30)
    running = (NOW - timedelta(days=20), NOW + timedelta(days=10))
    assert offers.period(offering(), OrderAction.RENEW, NOW, running) == (running[1], running[1] + month)
    over = (NOW - timedelta(days=40), NOW - timedelta(days=10))
    assert offers.period(offering(), OrderAction.RENEW, NOW, over) == (NOW, NOW + month)


def test_what_is_added_ends_with_what_it_is_added_to() -> None:
    running = (NOW - timedelta(days=20), NOW + timedelta(days=10))
    assert offers.period(offering(), OrderAction.TOP_UP, NOW, running) == (NOW, running[1])
    assert offers.period(offering(), OrderAction.NEW, NOW) == (NOW, NOW + timedelta(days=30))


def held(id: int, kind: PackageKind = PackageKind.FIXED, line: str = "甲", offering_id: int | None = None) -> Held:
    return Held(id, kind, line, offering_id)


@pytest.mark.parametrize(
    ("package", "theirs", "door"),
    [
        (held(1), [], HandOverDoor.LINE_DIFFERS),
        (held(1), [held(2, line="")], HandOverDoor.LINE_DIFFERS),
        (held(1, line=""), [], None),
        (held(1, line=""), [held(2, line="")], None),
        (held(1, line=""), [held(2)], HandOverDoor.LINE_DIFFERS),
        (held(1), [held(2)], None),
        (held(1), [held(2, line="乙")], HandOverDoor.LINE_DIFFERS),
        (held(1), [held(2, line="乙"), held(3)], None),
        (held(1, PackageKind.NON_SHARED, offering_id=7), [held(2, offering_id=7)], HandOverDoor.ALREADY_ON_PACKAGE),
        (held(1, PackageKind.NON_SHARED, offering_id=7), [held(2, line="乙", offering_id=8)], None),
        (held(1, PackageKind.SHARED), [held(1, PackageKind.SHARED)], HandOverDoor.ALREADY_ON_PACKAGE),
        (held(1, PackageKind.SHARED), [held(2, PackageKind.SHARED)], None),
    ],
)
def test_who_may_take_a_package_over(package: Held, theirs: list[Held], door: HandOverDoor | None) -> None:
    assert offers.hand_over_door(package, theirs) is door


def lot(days: int, total: int = 100, left: int = 100, starts: datetime = NOW) -> Package:
    return Package(1, Mode.DIRECT, total, left, starts, starts + timedelta(days=days), starts)


@pytest.mark.parametrize(
    ("days", "after", "due"),
    [
        (30, 22.9, None),
        (30, 23, 7),
        (30, 26.9, 7),
        (30, 27, 3),
        (30, 29, 1),
        (30, 29.99, 1),
        (30, 30, None),
        (7, 0, None),
        (7, 4, 3),
        (1, 0.5, None),
    ],
)
def test_the_end_is_announced_7_3_and_1_days_before(days: int, after: float, due: int | None) -> None:
    assert reminder_due(lot(days), NOW + timedelta(days=after)) == due


def test_a_package_that_has_not_begun_is_still_to_come() -> None:
    assert state_of(lot(30), NOW - timedelta(seconds=1)) == "future"
    assert state_of(lot(30), NOW) == "sufficient"
