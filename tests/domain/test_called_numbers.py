"""Every way in which a network may write one of our numbers leads to that number, and to no other."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.called_numbers import spellings
from callcenter.domain.numbers import dialable, normalise
from callcenter.domain.trunks import Spelling, written

AREAS = ("10", "21", "20", "755", "571", "433", "871", "991")


def landlines() -> st.SearchStrategy[str]:
    local = st.tuples(st.sampled_from("2345678"), st.text("0123456789", min_size=7, max_size=7)).map("".join)
    found = st.tuples(st.sampled_from(AREAS), local).map(lambda parts: f"+86{parts[0]}{parts[1]}")
    return found.filter(lambda one: phonenumbers.is_valid_number(phonenumbers.parse(one)))


def mobiles() -> st.SearchStrategy[str]:
    rest = st.text("0123456789", min_size=8, max_size=8)
    return st.tuples(st.sampled_from(("138", "139", "186", "199", "177")), rest).map(lambda one: f"+86{one[0]}{one[1]}")


@pytest.mark.parametrize(
    "written",
    ["02160000101", "2160000101", "862160000101", "+862160000101", "00862160000101", "8602160000101", "+8602160000101"],
)
def test_a_landline_is_reached_however_it_is_written(written: str) -> None:
    assert written in spellings("+862160000101")


@pytest.mark.parametrize("written", ["13800000001", "8613800000001", "+8613800000001", "008613800000001"])
def test_a_mobile_is_reached_however_it_is_written(written: str) -> None:
    assert written in spellings("+8613800000001")


def test_short_numbers_and_those_of_other_countries() -> None:
    assert {"95588", "8695588", "+8695588"} <= spellings("95588")
    assert {"4001234567", "864001234567", "+864001234567"} <= spellings("+864001234567")
    assert {"+12125550123", "12125550123", "0012125550123"} <= spellings("+12125550123")
    assert "2125550123" not in spellings("+12125550123"), "without its country it would be one of ours"
    assert {"2125550123", "12125550123"} <= spellings("+12125550123", "US")


@given(st.one_of(landlines(), mobiles()))
def test_all_spellings_are_numbers_and_mean_the_same(number: str) -> None:
    for one in spellings(number):
        assert re.fullmatch(r"\+?[0-9]{2,24}", one), "the dialplan's door lets it in"
        assert normalise(one) == number
    assert dialable(number) in spellings(number)


@given(st.one_of(landlines(), mobiles()))
def test_what_a_trunk_writes_is_understood_when_it_is_called(number: str) -> None:
    for spelling in Spelling:
        assert written(number, spelling) in spellings(number)


@given(landlines(), landlines())
def test_two_numbers_share_no_spelling(one: str, other: str) -> None:
    assert one == other or not spellings(one) & spellings(other)
