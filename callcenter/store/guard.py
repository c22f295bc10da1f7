"""A query on a company's rows that does not name `company_id` is a bug: it raises before it reaches the database.

Work that rightly spans companies (settlement, start-up, the platform operator) says so with
`execution_options(all_companies=True)`, which makes every such place easy to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Update
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.schema import Column, Table
from sqlalchemy.sql.selectable import Alias, FromClause, Join, Select

CHECKED_LIMIT = 5000


class TenantLeak(RuntimeError):
    """A statement touches a company's rows without naming the company."""


def install_guard(engine: Engine) -> None:
    event.listen(engine, "before_execute", _check)


_checked: set[Any] = set()


def _check(conn: Any, clause: Any, multiparams: Any, params: Any, options: Any) -> None:
    # An insert that forgets the company is refused by NOT NULL already.
    if options.get("all_companies") or not isinstance(clause, Select | Update | Delete):
        return
    made = clause._generate_cache_key()
    key = made.key if made is not None else None
    if key is not None and key in _checked:
        return
    missing = unscoped(clause)
    if missing:
        raise TenantLeak(f"the statement names {', '.join(missing)} without its company_id: {clause}")
    if key is not None and len(_checked) < CHECKED_LIMIT:
        _checked.add(key)


def unscoped(clause: Select[Any] | Update | Delete) -> list[str]:
    """Company tables of the statement, or of a select inside it, that no condition ties to a company.

    Of tables joined to each other one is enough: the others are reached by key.
    """
    if isinstance(clause, Update | Delete):
        table = clause.table
        owned = isinstance(table, Table) and "company_id" in table.c
        return [str(table)] if owned and not _names_company(clause.whereclause) else []
    found: list[str] = []
    for element in visitors.iterate(clause):
        if isinstance(element, Select):
            found += _unscoped_select(element)
    return sorted(set(found))


def _unscoped_select(select: Select[Any]) -> list[str]:
    tables: list[str] = []
    named = _names_company(select.whereclause)
    for source in select.get_final_froms():
        for part in _parts(source):
            if isinstance(part, Join):
                named = named or _names_company(part.onclause)
            elif "company_id" in part.c:
                tables.append(str(part))
    return [] if named else tables


def _parts(source: FromClause) -> Iterator[FromClause]:
    """Joins and the tables in them; a subquery is a select of its own and is checked as one."""
    if isinstance(source, Join):
        yield source
        yield from _parts(source.left)
        yield from _parts(source.right)
    elif isinstance(source, Table) or (isinstance(source, Alias) and isinstance(source.element, Table)):
        yield source


def _names_company(condition: ColumnElement[Any] | None) -> bool:
    if condition is None:
        return False
    return any(isinstance(element, Column) and element.name == "company_id" for element in visitors.iterate(condition))
