"""Where calls may go: home by default, chosen countries, dear and satellite numbers by the operator alone."""

from __future__ import annotations

import pytest

from callcenter.domain.destinations import DestinationKind, Policy, Used, WayOut, closed, destination_of
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.terms import Gate

HOME = Policy()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+8613800000001", DestinationKind.HOME),
        ("+862160000101", DestinationKind.HOME),
        ("+864008001234", DestinationKind.HOME),
        ("+8610101111", DestinationKind.HOME),
        ("95588", DestinationKind.HOME),
        ("1065751612345", DestinationKind.HOME),
        ("110", DestinationKind.EMERGENCY),
        ("12395", DestinationKind.EMERGENCY),
        ("999", DestinationKind.EMERGENCY),
        ("+14155552671", DestinationKind.FOREIGN),
        ("+18765551234", DestinationKind.FOREIGN),
        ("+85223456789", DestinationKind.FOREIGN),
        ("00123", DestinationKind.FOREIGN),
        ("+19005551234", DestinationKind.PREMIUM),
        ("+97912345678", DestinationKind.PREMIUM),
        ("1681234567", DestinationKind.PREMIUM),
        ("+881612345678", DestinationKind.SATELLITE),
        ("+870773111632", DestinationKind.SATELLITE),
        ("+88216123456789", DestinationKind.SATELLITE),
        ("+8617400000001", DestinationKind.SATELLITE),
    ],
)
def test_a_number_is_known_by_where_it_leads(number: str, kind: DestinationKind) -> None:
    assert destination_of(number).kind is kind


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ("021110", DestinationKind.EMERGENCY),
        ("010-120", DestinationKind.EMERGENCY),
        ("0755 12110", DestinationKind.EMERGENCY),
        ("+8621110", DestinationKind.EMERGENCY),
        ("0119", DestinationKind.EMERGENCY),
        ("0451-16885678", DestinationKind.PREMIUM),
        ("+86 21 16812345", DestinationKind.PREMIUM),
        ("0086 21 16812345", DestinationKind.PREMIUM),
        ("8616812345", DestinationKind.PREMIUM),
        ("0211259012", DestinationKind.PREMIUM),
        ("021-12345", DestinationKind.HOME),
        ("400-168-1234", DestinationKind.HOME),
        ("138 1681 2345", DestinationKind.HOME),
        ("0138 1681 2345", DestinationKind.HOME),
        ("+86 158 0110 1680", DestinationKind.HOME),
        ("021-60110168", DestinationKind.HOME),
        ("10110", DestinationKind.HOME),
        ("1010 9110", DestinationKind.HOME),
        ("952110", DestinationKind.HOME),
    ],
)
def test_a_service_number_leads_there_behind_an_area_code_too(shown: str, kind: DestinationKind) -> None:
    """021 110 is the police of Shanghai: whoever shows it must not be called back by a machine."""
    assert destination_of(normalise_or_raw(shown)).kind is kind


@pytest.mark.parametrize("way", list(WayOut))
def test_a_companys_own_number_is_dialled_by_hand_alone(way: WayOut) -> None:
    """Called back or overflowing to itself a call goes out and comes in again, round and round."""
    mine = Policy(own=frozenset({"+862160000101"}))
    gate = None if way is WayOut.BY_HAND else Gate.OWN_NUMBER_BY_HAND
    for spelled in ("021-60000101", "8602160000101", "+862160000101"):
        assert closed(mine, normalise_or_raw(spelled), way) is gate
    assert closed(mine, "+862160000102", way) is None


@pytest.mark.parametrize("way", list(WayOut))
@pytest.mark.parametrize("number", ["+14155552671", "+19005551234", "+881612345678", "1681234567", "+8617400000001"])
def test_nothing_but_home_is_open_by_itself(number: str, way: WayOut) -> None:
    assert closed(HOME, number, way) is Gate.DESTINATION_CLOSED
    assert closed(HOME, "+8613800000001", way) is None


def test_a_country_opens_itself_alone() -> None:
    usa = Policy(frozenset({"US"}))
    assert closed(usa, "+14155552671", WayOut.BY_HAND) is None
    # The same country code, another country; and a dear number of that country.
    assert closed(usa, "+18765551234", WayOut.BY_HAND) is Gate.DESTINATION_CLOSED
    assert closed(usa, "+19005551234", WayOut.BY_HAND) is Gate.DESTINATION_CLOSED


def test_the_operator_opens_dear_numbers_of_open_countries_and_satellites() -> None:
    dear = Policy(premium=True)
    assert closed(dear, "1681234567", WayOut.BY_HAND) is None
    assert closed(dear, "+19005551234", WayOut.BY_HAND) is Gate.DESTINATION_CLOSED
    assert closed(Policy(frozenset({"US"}), premium=True), "+19005551234", WayOut.BY_HAND) is None
    assert closed(dear, "+881612345678", WayOut.BY_HAND) is Gate.DESTINATION_CLOSED
    assert closed(Policy(satellite=True), "+881612345678", WayOut.BY_HAND) is None


@pytest.mark.parametrize("way", [WayOut.TASK, WayOut.CALLBACK, WayOut.OWN_PHONE])
def test_emergency_numbers_are_dialled_by_hand_alone(way: WayOut) -> None:
    assert closed(HOME, "110", WayOut.BY_HAND) is None
    assert closed(HOME, "110", way) is Gate.EMERGENCY_BY_HAND


def test_limits_of_the_day_hold_for_all_calls_and_for_one_number() -> None:
    limited = Policy(calls_per_day=100, calls_per_number=3)
    assert closed(limited, "+8613800000001", WayOut.TASK, Used(99, 2)) is None
    assert closed(limited, "+8613800000001", WayOut.TASK, Used(100, 2)) is Gate.DAY_LIMIT_REACHED
    assert closed(limited, "+8613800000001", WayOut.TASK, Used(99, 3)) is Gate.NUMBER_LIMIT_REACHED
    # Help is called however often.
    assert closed(limited, "120", WayOut.BY_HAND, Used(100, 3)) is None


@pytest.mark.parametrize("shown", ["14155552671", "0014155552671", "00881612345678", "881612345678", "+1 900 555 1234"])
def test_a_caller_cannot_choose_a_dear_number_to_be_called_back(shown: str) -> None:
    """Caller ID is what the caller says; however it is written it leads where it leads."""
    number = normalise_or_raw(shown)
    if number != "+8614155552671":  # eleven digits that begin with 14 are a mobile number at home
        assert closed(HOME, number, WayOut.CALLBACK) is Gate.DESTINATION_CLOSED
