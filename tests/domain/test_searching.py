"""A number is found while it is being typed, from its third digit to its last."""

from __future__ import annotations

from hypothesis import given

from callcenter.domain.searching import FEWEST_DIGITS, number_search
from tests.spellings import landlines, mobiles


def _finds(typed: str, e164: str) -> bool:
    wanted = number_search(typed)
    return wanted.whole == e164 or (bool(wanted.part) and wanted.part in e164)


@given(mobiles)
def test_a_mobile_number_is_found_by_each_of_its_beginnings(number: str) -> None:
    for length in range(FEWEST_DIGITS, len(number) + 1):
        assert _finds(number[:length], f"+86{number}"), number[:length]


@given(landlines)
def test_a_landline_is_found_by_each_of_its_beginnings(parts: tuple[str, str]) -> None:
    area, subscriber = parts
    number, e164 = area + subscriber, f"+86{area[1:]}{subscriber}"
    for length in range(FEWEST_DIGITS + 1, len(number) + 1):
        assert _finds(number[:length], e164), number[:length]
