"""Lists of numbers as people really keep them: which column is what, and which rows are no numbers.

Nothing disappears: a row comes out as `Typed`, or as `Skipped` with the reason. Cells in columns that nobody knows go
into the remark with their title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import chain, islice

from callcenter.domain.delimited import is_damaged, mended
from callcenter.domain.titles import number_weight, role_of, title_of

LOOK = 200
"""Rows by which the columns are told."""
_HEADER_WITHIN = 50
_CERTAIN = 4
"""The weight of a number that cannot be a date or an amount."""
NAME, COMPANY, REMARK, NUMBER = 100, 200, 4000, 100
"""Letters that are kept of each; a row with more is refused, never cut."""
_OURS = frozenset({"行号", "具体原因", "失败原因"})
"""What the file of failed rows adds: sent back after repair, it is the list again."""
_WHOLE = re.compile(r"([0-9]{11,15})\.0+")
_POWER = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file; `line` counts from 1 in its sheet."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Typed:
    """A row of a list as somebody wrote it. `fault`: why it cannot be taken whatever its number is, as a code."""

    line: int
    number: str
    name: str = ""
    company: str = ""
    remark: str = ""
    sheet: str = ""
    fault: str = ""


CELL_FAULTS = frozenset({"no_number", "bad_characters", "too_long", "rounded"})
"""Every `fault` that `typed` finds."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is no number: `header`, or `before_header`."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where what stands. `numbers` are tried in their order, the others are kept in the remark."""

    numbers: tuple[int, ...]
    name: int | None = None
    company: int | None = None
    remark: int | None = None
    titles: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    header_line: int = 0
    """0 when the list has no header."""
    dropped: frozenset[int] = field(default_factory=frozenset)
    certain: bool = True
    """Whether anything looked like a number or the title of one."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Titles of the columns that go into the remark."""
        known = {self.name, self.company, self.remark, *self.numbers[:1], *self.dropped}
        return tuple(title for place, title in enumerate(self.titles) if title and place not in known)


def read(rows: Iterable[Row], sheet: str = "", layout: Layout | None = None) -> Iterator[Typed | Skipped]:
    """Every row that holds anything, in order. `layout` is what `layout_of` says of the first `LOOK` rows."""
    waiting = (row for row in rows if any(cell.strip() for cell in row.cells))
    head = list(islice(waiting, LOOK))
    found = layout or layout_of(head)
    for row in chain(head, waiting):
        if row.line < found.header_line:
            yield Skipped(row.line, "before_header")
        elif found.header and _texts(row) == found.header:
            yield Skipped(row.line, "header")
        else:
            yield typed(row, found, sheet)


def layout_of(head: Sequence[Row]) -> Layout:
    """Which column is what: by the header where there is one, else by what the cells look like."""
    header = _header(head)
    return _by_titles(header) if header is not None else _by_cells(head)


def typed(row: Row, layout: Layout, sheet: str = "") -> Typed:
    """What a row says; no cell with text is left out."""
    cells = [cell.replace("\x00", "").strip() for cell in row.cells]
    damaged = any(map(is_damaged, cells))
    texts = {place: mended(cell) for place, cell in enumerate(cells) if cell and place not in layout.dropped}
    number_at = next((place for place in layout.numbers if place in texts), None)
    number, fault = number_text(texts.pop(number_at)) if number_at is not None else ("", "no_number")
    name, company, remark = (
        "" if place is None else texts.pop(place, "") for place in (layout.name, layout.company, layout.remark)
    )
    others = [f"{_title(layout, place)}: {text}" for place, text in texts.items()]
    remark = "；".join([remark, *others] if remark else others)
    if damaged:
        fault = "bad_characters"
    elif len(name) > NAME or len(company) > COMPANY or len(remark) > REMARK or len(number) > NUMBER:
        fault = fault or "too_long"
    return Typed(row.line, number, name, company, remark, sheet, fault)


def number_text(cell: str) -> tuple[str, str]:
    """A number's cell as its digits were meant, and a fault: spreadsheets keep numbers as fractions and powers of ten.

    `13800000001.0` and `1.3800000001E+10` are exact. Of `1.38E+10` the last digits are lost: whom to call is not known.
    """
    text = cell.strip('"“”').strip()
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        return whole[1], ""
    if _POWER.fullmatch(text) is None:
        return text, ""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text, ""
    digits = re.sub(r"[eE].*|\.", "", text)
    exact = value == value.to_integral_value() and len(digits) > value.adjusted()
    return (str(int(value)), "") if exact else (text, "rounded")


# -- columns -----------------------------------------------------------------------------------------------------------


def _texts(row: Row) -> tuple[str, ...]:
    texts = [cell.strip() for cell in row.cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _header(head: Sequence[Row]) -> Row | None:
    """The row with the most titles that are known, a number's among them, above the first row with a number."""
    best, most = None, 0
    for row in head[:_HEADER_WITHIN]:
        weights = [number_weight(cell.strip()) for cell in row.cells]
        if max(weights, default=0) >= _CERTAIN:
            break
        roles = {role for cell in row.cells if (role := role_of(cell))}
        if "number" in roles and not any(weights) and len(roles) > most:
            best, most = row, len(roles)
    return best


def _by_titles(row: Row) -> Layout:
    header = _texts(row)
    roles = [role_of(cell) for cell in header]
    ours = {title_of(cell) for cell in header} >= {"行号", "失败原因"}
    dropped = frozenset(place for place, cell in enumerate(header) if ours and title_of(cell) in _OURS)
    name, company, remark = (roles.index(role) if role in roles else None for role in ("name", "company", "remark"))
    return Layout(
        numbers=tuple(place for place, role in enumerate(roles) if role == "number"),
        name=name,
        company=company,
        remark=remark,
        titles=header,
        header=header,
        header_line=row.line,
        dropped=dropped,
    )


def _by_cells(head: Sequence[Row]) -> Layout:
    """Without a header: the column that looks most like numbers, then name, company and remark from the left."""
    width = max((len(row.cells) for row in head), default=0)
    weights = [0] * width
    words = [0] * width
    for row in head:
        for place, cell in enumerate(row.cells):
            weights[place] += number_weight(cell.strip())
            words[place] += any(letter.isalpha() for letter in cell)
    first = next((place for place in range(width) if any(_cell(row, place) for row in head)), 0)
    number = max(range(width), key=lambda place: (weights[place], -place)) if any(weights) else first
    # A column of digits beside it is a count of the rows or a code, nobody's name.
    others = [place for place in range(width) if place != number and words[place]]
    name, company, remark, *_ = [*others, None, None, None]
    return Layout((number,), name, company, remark, certain=any(weights))


def _cell(row: Row, place: int) -> str:
    return row.cells[place].strip() if place < len(row.cells) else ""


def _title(layout: Layout, place: int) -> str:
    title = layout.titles[place] if place < len(layout.titles) else ""
    return title or f"第{place + 1}列"
