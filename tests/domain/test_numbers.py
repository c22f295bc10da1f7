"""Telephone numbers as people really have them: in files, on cards, in address books, on the network."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain import numbers
from callcenter.domain.numbers import BadNumber, Number
from callcenter.domain.spelling import FAULT_WORDS, NumberFault
from callcenter.settings import PROJECT_ROOT
from tests.spellings import any_spelling, mobiles


@given(any_spelling())
def test_every_usual_spelling_is_the_number(spelled: tuple[str, str, str]) -> None:
    written, e164, extension = spelled
    assert numbers.read(written) == Number(e164, extension)


@given(any_spelling())
def test_what_was_read_is_read_again_as_itself(spelled: tuple[str, str, str]) -> None:
    """The page shows it, the server stores it, the trunk dials it: all three lead back to the same number."""
    e164 = spelled[1]
    for again in (e164, numbers.display(e164), numbers.dialable(e164)):
        assert numbers.normalise(again) == e164


@given(mobiles, mobiles, st.sampled_from(("/", ",", "，", "、", ";", "；", " ", "\n", "|", "或", " - ")))
def test_two_numbers_are_never_joined(one: str, other: str, between: str) -> None:
    with pytest.raises(BadNumber) as refused:
        numbers.read(one + between + other)
    assert refused.value.fault is NumberFault.SEVERAL


@pytest.mark.parametrize(
    ("typed", "e164", "extension"),
    [
        ("（021）60000101", "+862160000101", ""),
        ("138－0000－0001", "+8613800000001", ""),
        ("138–0000‒0001", "+8613800000001", ""),
        ("138.0000.0001", "+8613800000001", ""),
        ("tel:+86-138-0000-0001", "+8613800000001", ""),
        ("'13800000001", "+8613800000001", ""),
        ('="13800000001"', "+8613800000001", ""),
        ("138\u00a00000\u200b0001", "+8613800000001", ""),
        ("021-60000111-8001", "+862160000111", "8001"),
        ("021-60000111转8001", "+862160000111", "8001"),
        ("021-60000111 分机号：8001", "+862160000111", "8001"),
        ("+86-21-6000-0111 ext. 8001", "+862160000111", "8001"),
        ("tel:+862160000111;ext=8001", "+862160000111", "8001"),
        ("(021)60000111(8001)", "+862160000111", "8001"),
        ("021/60000101", "+862160000101", ""),
        ("+86(0)21-60000101", "+862160000101", ""),
        ("86 138 0000 0001", "+8613800000001", ""),
        ("400-800-1234", "+864008001234", ""),
        ("95105105", "95105105", ""),
        ("1065751612345678", "1065751612345678", ""),
        ("+8610086", "10086", ""),
        # Ranges that no table knows yet.
        ("14155552671", "+8614155552671", ""),
        ("00852-23456789", "+85223456789", ""),
    ],
)
def test_spellings_by_name(typed: str, e164: str, extension: str) -> None:
    assert numbers.read(typed) == Number(e164, extension)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("10086/10010", NumberFault.SEVERAL),
        ("13800000001/2", NumberFault.SEVERAL),
        ("10086-10010", NumberFault.SEVERAL),
        ("0433-2600123-1", NumberFault.AMBIGUOUS),
        ("10086-1", NumberFault.AMBIGUOUS),
        ("95588.0", NumberFault.DECIMAL),
        ("13800000001.0", NumberFault.DECIMAL),
        ("1.38E+10", NumberFault.DECIMAL),
        ("13800000001（张三）", NumberFault.NOT_A_NUMBER),
        ("①13800000001", NumberFault.NOT_A_NUMBER),
        ("0" * 300, NumberFault.NOT_A_NUMBER),
        ("1390000000", NumberFault.UNKNOWN),
        ("60000101", NumberFault.UNKNOWN),
        ("12", NumberFault.LENGTH),
        ("1" * 21, NumberFault.LENGTH),
        ("", NumberFault.EMPTY),
        ("'", NumberFault.EMPTY),
    ],
)
def test_what_is_no_number_says_why(typed: str, fault: NumberFault) -> None:
    with pytest.raises(BadNumber) as refused:
        numbers.read(typed)
    assert refused.value.fault is fault
    assert all(FAULT_WORDS[fault])


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ("13800000001", "+8613800000001"),
        ("8602160000101", "+862160000101"),
        # A foreign number that lost its plus on the way.
        ("85223456789", "+85223456789"),
        ("106575", "106575"),
        ("1234", "1234"),
        ("12345678901234567890123", "12345678901234567890"),
        ("anonymous", ""),
        ("Restricted", ""),
        ("", ""),
    ],
)
def test_numbers_as_the_network_shows_them(shown: str, kept: str) -> None:
    assert numbers.normalise_or_raw(shown) == kept


def test_the_page_writes_numbers_at_home_as_the_trunk_does() -> None:
    """The page's own tests hold it to the same list."""
    vectors = json.loads((PROJECT_ROOT / "callcenter/ui/src/util/numbers.vectors.json").read_text("utf-8"))
    assert [(e164, numbers.dialable(e164)) for e164, _ in vectors] == [tuple(one) for one in vectors]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("13800000001", Number("+8613800000001")),
        ("客户张三 138-0000-0001（财务）", Number("+8613800000001")),
        ("Tel: (021) 6000 0111 ext 8001", Number("+862160000111", "8001")),
    ],
)
def test_a_pasted_text_gives_the_one_number_in_it(text: str, found: Number) -> None:
    assert numbers.find(text) == found


def test_a_text_with_two_numbers_is_no_number() -> None:
    with pytest.raises(BadNumber, match="张三"):
        numbers.find("张三 13800000001 或李四 13900000002")


@given(st.text("0123456789", min_size=3, max_size=20))
def test_what_rang_can_be_filed_blocked_and_called_back(shown: str) -> None:
    assert numbers.read_or_raw(numbers.normalise_or_raw(shown)).e164 == numbers.normalise_or_raw(shown)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    for reader in (numbers.read, numbers.read_or_raw):
        try:
            found = reader(text)
        except BadNumber as refused:
            assert isinstance(refused.fault, NumberFault)
        else:
            assert found.e164.lstrip("+").isdecimal()
