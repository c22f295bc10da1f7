"""What people mean when they search: one rule for names and one for numbers, for calls, customers and tasks."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from callcenter.domain.numbers import BadNumber, is_in_a_plan, normalise
from callcenter.domain.spelling import plain

FEWEST_DIGITS = 3
"""Fewer digits than these are no part of a number that anybody would look for."""
WHOLE_DIGITS = 11
LONGEST_KEY = 200
_PART = re.compile(r"[+\d\s\-().·/#*]+")


@dataclass(frozen=True, slots=True)
class NumberSearch:
    """A whole number in E.164, or digits that a number holds; neither: the text is no part of a number."""

    whole: str = ""
    part: str = ""

    def __bool__(self) -> bool:
        return bool(self.whole or self.part)


def search_key(text: str) -> str:
    """What spellings of one name share: width, case and spaces do not count (`田野（深圳）` is `田野(深圳)`)."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())[:LONGEST_KEY]


def number_search(text: str, region: str = "CN") -> NumberSearch:
    """A number, or a part of one, as it is shown or as it is typed, full width too.

    Dashes, spaces and brackets do not count, nor does the 0 of an area code, which E.164 does not have.
    """
    clean = plain(text)
    if not _PART.fullmatch(clean):
        return NumberSearch()
    try:
        whole = normalise(clean, region)
    except BadNumber:
        whole = ""
    digits = re.sub(r"\D", "", clean)
    # While a number is being typed its beginning may be a shorter one: only a plan's own of full length is whole.
    if len(digits) >= WHOLE_DIGITS and whole.startswith("+") and is_in_a_plan(whole):
        return NumberSearch(whole=whole)
    part = digits.lstrip("0") or digits
    return NumberSearch(part=part if len(part) >= FEWEST_DIGITS else "")
