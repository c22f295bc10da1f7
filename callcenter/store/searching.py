"""The search rule of `domain/searching.py` as conditions of a query."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false

from callcenter.domain.searching import number_search, search_key


def key_of(*columns: str) -> Any:
    """A column's default: the search key of what is written into `columns` of the same row."""

    def made(context: Any) -> str:
        values = context.get_current_parameters()
        return search_key("\n".join(values.get(one) or "" for one in columns))

    return made


def number_is_like(column: ColumnElement[Any], text: str, region: str) -> ColumnElement[bool]:
    """Rows whose number (E.164 or a service number) is what was typed, or holds its digits."""
    wanted = number_search(text, region)
    if wanted.whole:
        return column == wanted.whole
    return column.contains(wanted.part, autoescape=True) if wanted.part else false()


def key_is_like(key: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Rows whose search key holds what was typed."""
    wanted = search_key(text)
    return key.contains(wanted, autoescape=True) if wanted else false()
