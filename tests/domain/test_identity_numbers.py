"""Numbers of identity cards as GB 11643 makes them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.identity_numbers import check_character, is_identity_number, plain_identity_number

TODAY = date(2026, 11, 28)
EXAMPLE = "11010519491231002X"
"""Of the standard itself."""
DAYS = st.dates(date(1900, 1, 1), TODAY).map("{:%Y%m%d}".format)


def made(region: str, day: str, order: int) -> str:
    first = f"{region}{day}{order:03d}"
    return first + check_character(first)


def test_the_example_of_the_standard_is_one() -> None:
    assert check_character(EXAMPLE[:17]) == "X"
    assert is_identity_number(EXAMPLE, TODAY)


@given(DAYS, st.integers(0, 999), st.integers(0, 17), st.sampled_from("0123456789"))
def test_one_wrong_character_is_seen(day: str, order: int, at: int, other: str) -> None:
    number = made("310104", day, order)
    assert is_identity_number(number, TODAY)
    wrong = number[:at] + other + number[at + 1 :]
    assert is_identity_number(wrong, TODAY) == (wrong == number)


@given(DAYS, st.integers(0, 999), st.integers(0, 16))
def test_two_characters_in_the_wrong_order_are_seen(day: str, order: int, at: int) -> None:
    number = made("310104", day, order)
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert is_identity_number(swapped, TODAY) == (swapped == number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        EXAMPLE[:17],
        EXAMPLE + "1",
        "１" + EXAMPLE[1:],
        EXAMPLE.lower(),
        made("990105", "19491231", 2),
        made("110105", "19490231", 2),
        made("110105", "18991231", 2),
        made("110105", "20261129", 2),
    ],
)
def test_what_can_be_nobodys(number: str) -> None:
    assert not is_identity_number(number, TODAY)


@pytest.mark.parametrize("typed", [" 110105 19491231 002x ", "１１０１０５　19491231００２Ｘ", "110105-19491231-002X"])
def test_however_it_was_typed(typed: str) -> None:
    assert plain_identity_number(typed) == EXAMPLE
