"""Who gets how many numbers, which digits are hidden, what a row of a file is: the pure rules of dial tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain import dial_tasks as rules
from callcenter.domain.dial_tasks import Share
from callcenter.domain.terms import RowKind, TaskRule, TaskState

PEOPLE = st.lists(st.integers(1, 500), unique=True, max_size=30)
COUNT = st.integers(0, 200_000)


@st.composite
def whole_shares(draw: st.DrawFn) -> list[Share]:
    """Shares that add up to 100, of one to twelve people."""
    cuts = sorted(draw(st.sets(st.integers(1, 99), max_size=11)))
    percents = [after - before for before, after in zip([0, *cuts], [*cuts, 100], strict=True)]
    return [Share(place + 1, percent) for place, percent in enumerate(percents)]


@given(COUNT, PEOPLE)
def test_averages_give_everything_away_and_nobody_two_more_than_another(count: int, people: list[int]) -> None:
    given_ = rules.averages(count, people)
    assert [one for one, _ in given_] == people
    counts = [numbers for _, numbers in given_]
    assert sum(counts) == (count if people else 0)
    assert counts == sorted(counts, reverse=True), "the first in the order get what is left over"
    assert not counts or counts[0] - counts[-1] <= 1


@given(COUNT, whole_shares())
def test_percentages_give_everything_away_within_one_number(count: int, shares: list[Share]) -> None:
    given_ = rules.portions(count, shares)
    assert [one for one, _ in given_] == [one.employee_id for one in shares]
    assert sum(numbers for _, numbers in given_) == count
    extra = []
    for share, (_, numbers) in zip(shares, given_, strict=True):
        exact = count * (share.percent or 0) / 100
        assert exact - 1 < numbers <= exact + 1
        extra.append(numbers - count * (share.percent or 0) // 100)
    assert extra == sorted(extra, reverse=True) and set(extra) <= {0, 1}, "one each, to the first"


@given(COUNT, whole_shares(), st.data())
def test_the_part_of_somebody_who_left_stays_with_the_task(
    count: int, shares: list[Share], data: st.DataObject
) -> None:
    here = [one.employee_id for one in shares if data.draw(st.booleans())]
    given_ = rules.allocation(count, TaskRule.CUSTOM, shares, here)
    assert [one for one, _ in given_] == here
    staying = sum(one.percent or 0 for one in shares if one.employee_id in here)
    assert sum(numbers for _, numbers in given_) == count * staying // 100


def test_the_worked_examples() -> None:
    """SPEC D-03, D-04."""
    assert rules.averages(10, [7, 9]) == [(7, 5), (9, 5)]
    assert rules.averages(11, [9, 7]) == [(9, 6), (7, 5)]
    assert rules.portions(100, [Share(1, 70), Share(2, 30)]) == [(1, 70), (2, 30)]
    assert rules.portions(10, [Share(1, 33), Share(2, 33), Share(3, 34)]) == [(1, 4), (2, 3), (3, 3)]
    assert list(rules.dealt([(1, 2), (2, 0), (3, 1)])) == [1, 1, 3]


@pytest.mark.parametrize(
    ("rule", "shares", "fault"),
    [
        (None, [], None),
        (TaskRule.AVERAGE_ALL, [], None),
        (TaskRule.AVERAGE_CHOSEN, [], "shares_needed"),
        (TaskRule.AVERAGE_CHOSEN, [Share(1), Share(1)], "shares_needed"),
        (TaskRule.AVERAGE_CHOSEN, [Share(1), Share(2)], None),
        (TaskRule.CUSTOM, [], "shares_needed"),
        (TaskRule.CUSTOM, [Share(1, 70), Share(2, 30)], None),
        (TaskRule.CUSTOM, [Share(1, 70), Share(2, 31)], "percent_not_100"),
        (TaskRule.CUSTOM, [Share(1, 70), Share(2, 29)], "percent_not_100"),
        (TaskRule.CUSTOM, [Share(1, 100), Share(2)], "percent_not_100"),
        (TaskRule.CUSTOM, [Share(1, 150), Share(2, -50)], "percent_not_100"),
    ],
)
def test_shares_fit_their_rule(rule: TaskRule | None, shares: list[Share], fault: str | None) -> None:
    assert rules.fault_of(rule, shares) == fault


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613800000001", "138******01"),
        ("+862160000001", "021******01"),
        ("+8675588880001", "075******001"),
        ("10086", "***86"),
        ("+85298765432", "008******5432"),
    ],
)
def test_the_middle_six_digits_are_hidden(number: str, shown: str) -> None:
    """Of eleven digits three stay at the front and two at the end (SPEC §B9.4 leaves the choice to us)."""
    assert rules.masked(number) == shown


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_digits_are_hidden_until_dialled_and_never_from_the_main_account(
    encrypted: bool, secret: bool, dialled: bool, main: bool
) -> None:
    hidden = rules.hides_digits(encrypted=encrypted, secret=secret, dialled=dialled, main_account=main)
    assert hidden == ((encrypted or secret) and not dialled and not main)


def test_a_task_in_progress_is_finished_with_its_last_number() -> None:
    normal, working, finished = TaskState.NORMAL, TaskState.IN_PROGRESS, TaskState.FINISHED
    assert rules.shown_state(working, 3, 2) is working
    assert rules.shown_state(working, 3, 3) is finished
    assert rules.shown_state(working, 0, 0) is working, "there is nothing to finish"
    assert rules.shown_state(normal, 3, 3) is normal, "put back by hand, to import more"
    assert rules.shown_state(finished, 3, 1) is finished


def test_what_becomes_of_a_row() -> None:
    known, listed = {"+8613800000009", "+8613800000008"}.__contains__, {"+8613800000008"}.__contains__
    assert rules.kind_of(None, set(), listed, known) is RowKind.FORMAT_ERROR
    assert rules.kind_of("+8613800000001", set(), listed, known) is RowKind.SUCCESS
    assert rules.kind_of("+8613800000001", {"+8613800000001"}, listed, known) is RowKind.DUPLICATE_FILE
    assert rules.kind_of("+8613800000009", set(), listed, known) is RowKind.DUPLICATE_SYSTEM
    assert rules.kind_of("+8613800000009", {"+8613800000009"}, listed, known) is RowKind.DUPLICATE_FILE
    assert rules.kind_of("+8613800000008", set(), listed, known) is RowKind.BLACKLIST, "whatever else it is"
    assert rules.kind_of("+8613800000008", {"+8613800000008"}, listed, known) is RowKind.DUPLICATE_FILE
