"""Dial tasks: who gets which numbers of a file, when a task is finished, which digits are hidden (SPEC §D, §B9)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from callcenter.domain.destinations import Policy, WayOut, closed
from callcenter.domain.numbers import BadNumber, Number, dialable, display, mask, read
from callcenter.domain.terms import RowKind, TaskRule, TaskState

DEFAULT_CLAIM, MOST_CLAIMED = 10, 100
"""Numbers that one claim takes unless it says otherwise, and at most."""
WHOLE = 100
"""What the percentages of a custom rule add up to."""


@dataclass(frozen=True, slots=True)
class Share:
    """One employee's part; `percent` counts in a custom rule only."""

    employee_id: int
    percent: int | None = None


# -- who gets how many -------------------------------------------------------------------------------------------------


def averages(count: int, people: Sequence[int]) -> list[tuple[int, int]]:
    """(employee, numbers) in the given order; what cannot be divided goes one each to the first of them."""
    if not people:
        return []
    each, rest = divmod(count, len(people))
    return [(one, each + (place < rest)) for place, one in enumerate(people)]


def portions(count: int, shares: Sequence[Share]) -> list[tuple[int, int]]:
    """(employee, numbers) by percentages; what rounding down leaves over goes one each to the first of them.

    Percentages that do not add up to 100 leave their part of the numbers to nobody.
    """
    wanted = sum(one.percent or 0 for one in shares)
    parts = [count * (one.percent or 0) // WHOLE for one in shares]
    rest = count * wanted // WHOLE - sum(parts)
    first = [place for place, one in enumerate(shares) if one.percent][:rest]
    return [(one.employee_id, parts[place] + (place in first)) for place, one in enumerate(shares)]


def allocation(count: int, rule: TaskRule, shares: Sequence[Share], everybody: Sequence[int]) -> list[tuple[int, int]]:
    """How many of a file's `count` numbers each employee gets, in order; the rest stays with the task.

    `everybody` are the employees who may dial now: whoever is chosen but has left since is passed over.
    """
    here = set(everybody)
    chosen = [one for one in shares if one.employee_id in here]
    match rule:
        case TaskRule.AVERAGE_ALL:
            return averages(count, everybody)
        case TaskRule.AVERAGE_CHOSEN:
            return averages(count, [one.employee_id for one in chosen])
        case TaskRule.CUSTOM:
            return portions(count, chosen)


def dealt(given: Iterable[tuple[int, int]]) -> Iterable[int]:
    """One employee for each number of the file, from its first row on."""
    for employee_id, count in given:
        for _ in range(count):
            yield employee_id


def fault_of(rule: TaskRule | None, shares: Sequence[Share]) -> str | None:
    """Why the shares do not fit the rule, as an error code; None when they do."""
    if rule in (None, TaskRule.AVERAGE_ALL):
        return None
    if not shares or len({one.employee_id for one in shares}) != len(shares):
        return "shares_needed"
    if rule is TaskRule.CUSTOM:
        percents = [one.percent or 0 for one in shares]
        if min(percents) < 1 or sum(percents) != WHOLE:
            return "percent_not_100"
    return None


# -- states ------------------------------------------------------------------------------------------------------------


def shown_state(kept: TaskState, total: int, dialled: int) -> TaskState:
    """A task in progress is finished once all its numbers are dialled (SPEC §D1.4)."""
    done = kept is TaskState.IN_PROGRESS and 0 < total <= dialled
    return TaskState.FINISHED if done else kept


# -- digits ------------------------------------------------------------------------------------------------------------


def masked(e164: str, region: str = "CN") -> str:
    """The number as dialled at home with its middle six digits hidden: `138******01` (SPEC §B9.4).

    Of eleven digits the first three and the last two stay. Other lengths hide the middle six of what there is and keep
    the last two at least.
    """
    return mask(dialable(e164, region))


def hides_digits(*, encrypted: bool, secret: bool, dialled: bool, main_account: bool) -> bool:
    """Whether somebody sees a number masked: until it is dialled, and never the enterprise account (SPEC §B9.1-3)."""
    return (encrypted or secret) and not dialled and not main_account


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody is told of a number: `number` is E.164, or both are what is left of it while it is masked."""

    number: str
    display: str
    masked: bool = False


def seen(e164: str, *, hidden: bool, main_account: bool, region: str = "CN") -> Seen:
    """The one rule for what of a number a viewer sees; `hidden`: as `hides_digits` says for who is no main account."""
    if hidden and not main_account:
        left = masked(e164, region)
        return Seen(left, left, masked=True)
    return Seen(e164, display(e164, region))


# -- files -------------------------------------------------------------------------------------------------------------


def number_of(typed: str, policy: Policy, region: str) -> tuple[Number | None, str]:
    """A cell's number and ''; or None and why no task may have it, as a code: no number, or not to be called."""
    try:
        number = read(typed, region)
    except BadNumber as refusal:
        return None, refusal.fault.value
    gate = closed(policy, number.e164, WayOut.TASK, region=region)
    return (None, gate.value) if gate is not None else (number, "")


def kind_of(
    number: str | None, earlier: Collection[str], listed: Callable[[str], bool], known: Callable[[str], bool]
) -> RowKind:
    """What becomes of a row: `earlier` are the file's numbers above it, `listed` tells of the company's blacklist and
    `known` of the numbers in its other tasks.

    The first row of a number speaks for it; each further one is a duplicate inside the file, whatever the first was.
    """
    if number is None:
        return RowKind.FORMAT_ERROR
    if number in earlier:
        return RowKind.DUPLICATE_FILE
    if listed(number):
        return RowKind.BLACKLIST
    return RowKind.DUPLICATE_SYSTEM if known(number) else RowKind.SUCCESS
