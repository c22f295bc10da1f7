"""How people write telephone numbers: the text of one cell or field, cut into groups of digits and an extension.

Nothing here knows a numbering plan; `numbers.read` asks one. What cannot be one number is refused with the reason,
because digits that are joined or dropped in silence ring somebody else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class NumberFault(StrEnum):
    """Why a text is no telephone number; a stable word with texts in both languages (`FAULT_WORDS`)."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    """It holds letters or signs that no number has."""
    SEVERAL = "several"
    """It holds more than one number."""
    DECIMAL = "decimal"
    """A spreadsheet made a decimal or `1.38E+10` of it; digits may be lost."""
    AMBIGUOUS = "ambiguous"
    """One digit behind the number: an extension, or one of several lines."""
    LENGTH = "length"
    """Fewer or more digits than a number has."""
    UNKNOWN = "unknown"
    """No numbering plan knows it."""


FAULT_WORDS: dict[NumberFault, tuple[str, str]] = {
    NumberFault.EMPTY: ("没有号码", "no number"),
    NumberFault.NOT_A_NUMBER: ("不是电话号码", "not a telephone number"),
    NumberFault.SEVERAL: ("有多个号码，请分开填写", "more than one number"),
    NumberFault.DECIMAL: ("号码被表格变成了小数或科学计数法", "a spreadsheet turned it into a decimal"),
    NumberFault.AMBIGUOUS: ("末尾一位数字含义不明", "unclear single digit at the end"),
    NumberFault.LENGTH: ("位数不对", "wrong number of digits"),
    NumberFault.UNKNOWN: ("没有这样的号码", "no such number"),
}
"""(Chinese, English), for failed rows of files and for the page."""


class BadNumber(ValueError):
    """Not a telephone number: `typed` is what was written, `fault` why it is refused."""

    def __init__(self, typed: str, fault: NumberFault = NumberFault.UNKNOWN) -> None:
        super().__init__(typed)
        self.typed = typed
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Spelling:
    """A text that may be one number.

    `groups` are the runs of digits between dashes, the first with a leading `+` where one was written. `tail` says
    that the last group stood in brackets of its own, `extension` is what a word such as 转 or ext marked.
    """

    groups: tuple[str, ...]
    extension: str = ""
    tail: bool = False

    @property
    def digits(self) -> str:
        return "".join(self.groups)


LONGEST_TEXT = 64
"""Characters; no spelling of one number is longer."""

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
"""Full-width forms. Nothing else is folded: `²` and `①` look like digits of a number and are none."""
_QUOTES = "'\"`’‘“”"
_LABEL = re.compile(
    r"(?:tel|phone|mobile|mob|cell|fax|sip|call|联系电话|联系方式|电话号码|手机号码|手机号|固定电话|电话|手机|座机|固话|号码)"
    r"\s*[:.]?\s*(?=[+(\d])",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"(?P<rest>.*\d[)\s]*)[\s\-,;(]*"
    r"(?:转接|转|轉|分机号|分机|分機|内线|內線|;ext=|extension|extn|ext|x|#)"
    r"[\s.:号]*(?P<extension>\d{1,8})[\s)]*",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r";(?:phone-context|isub|cpc|user)=[^;]*", re.IGNORECASE)
_DECIMAL = re.compile(r"\+?\d+\.\d{1,2}|\d(?:\.\d+)?e\+?\d+", re.IGNORECASE)
_BETWEEN = re.compile(r"[,、;|&\n]|和|或|及|\bor\b|\band\b")
_AREA_SLASH = re.compile(r"\(?(0\d{2,3})\)?\s*/\s*(\d{7,8})")
_TRUNK_ZERO = re.compile(r"((?:\+|00)\d{1,3}\s*)\(\s*0\s*\)")
_IN_BRACKETS = re.compile(r"(.*\d)\s*\((\d+)\)")
_SIGNS = re.compile(r"[+\d\s\-().·/]+")


def spelling_of(typed: str) -> Spelling:
    """The groups of digits of `typed`; raises `BadNumber` for what cannot be one number."""
    text, extension = _without_extension(plain(typed))
    if not text:
        raise BadNumber(typed, NumberFault.EMPTY)
    if _DECIMAL.fullmatch(text):
        raise BadNumber(typed, NumberFault.DECIMAL)
    text = _AREA_SLASH.sub(r"\1-\2", text) if _AREA_SLASH.fullmatch(text) else text
    parts = [part for part in _BETWEEN.split(text.replace("/", "|")) if part.strip()]
    if len(parts) > 1 and all(any(map(str.isdecimal, part)) for part in parts):
        raise BadNumber(typed, NumberFault.SEVERAL)
    text = parts[0].strip() if parts else ""
    if len(text) > LONGEST_TEXT or not _SIGNS.fullmatch(text) or not any(map(str.isdecimal, text)):
        raise BadNumber(typed, NumberFault.NOT_A_NUMBER)
    return _groups(typed, text, extension)


def spaced_groups(typed: str) -> list[str]:
    """Runs of digits between spaces, for telling two numbers in one field from one with spaces inside."""
    return [group for group in re.split(r"\s+", plain(typed)) if group]


def plain(typed: str) -> str:
    """One kind of dash and space, no invisible marks, no label, none of what spreadsheets wrap around text."""
    kept = []
    for letter in typed.translate(_WIDE):
        kind = unicodedata.category(letter)
        if kind == "Pd" or letter == "−":
            kept.append("-")
        elif kind == "Zs" or letter in "\t\r":
            kept.append(" ")
        elif kind not in ("Cf", "Mn", "Me"):
            kept.append(letter)
    text = "".join(kept).strip().removeprefix("=").strip(_QUOTES + " \n")
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    return text.strip(_QUOTES + " \n,;、|/")


def _without_extension(text: str) -> tuple[str, str]:
    found = _MARKED.fullmatch(text)
    if found is not None:
        text, extension = found["rest"], found["extension"]
    else:
        extension = ""
    return _PARAMETER.sub("", text).strip(), extension


def _groups(typed: str, text: str, extension: str) -> Spelling:
    text = _TRUNK_ZERO.sub(r"\1", text)
    bracketed = _IN_BRACKETS.fullmatch(text)
    tail = bracketed is not None and not extension
    if bracketed is not None and tail:
        text = f"{bracketed[1]}-{bracketed[2]}"
    text = re.sub(r"[().·\s]", "", text)
    plus, rest = ("+", text[1:]) if text.startswith("+") else ("", text)
    if "+" in rest:
        raise BadNumber(typed, NumberFault.SEVERAL if plus or rest[:1].isdecimal() else NumberFault.NOT_A_NUMBER)
    groups = [group for group in rest.split("-") if group]
    groups[0] = plus + groups[0]
    return Spelling(tuple(groups), extension, tail)
