"""A query on a company's rows that does not name `company_id` is a bug: it raises before it reaches the database.

Work that rightly spans companies (settlement, start-up, the platform operator) says so with
`execution_options(all_companies=True)`, which makes every such place easy to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import Delete, Update
from sqlalchemy.sql.elements import (
    AsBoolean,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ClauseElement,
    False_,
    Grouping,
)
from sqlalchemy.sql.schema import Column, Table
from sqlalchemy.sql.selectable import CTE, Alias, CompoundSelect, FromClause, Join, Select, Subquery

Tables = frozenset[Any]


class TenantLeak(RuntimeError):
    """A statement touches a company's rows without naming the company."""


def install_guard(engine: Engine) -> None:
    event.listen(engine, "before_cursor_execute", _check)


_checked: WeakSet[Any] = WeakSet()
"""Compiled statements that were looked at; SQLAlchemy keeps one for all statements of the same form."""


def _check(conn: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
    compiled = getattr(context, "compiled", None)
    # An insert that forgets the company is refused by NOT NULL already.
    if compiled is None or context.execution_options.get("all_companies") or compiled in _checked:
        return
    clause = compiled.statement
    if not isinstance(clause, Select | CompoundSelect | Update | Delete):
        return
    missing = unscoped(clause)
    if missing:
        raise TenantLeak(f"the statement names {', '.join(missing)} without its company_id: {clause}")
    _checked.add(compiled)


def unscoped(clause: ClauseElement) -> list[str]:
    """Company tables of the statement, or of any select inside it, that no condition ties to one company.

    A condition counts when the rows cannot be had without it: `company_id = <value>`, joined to the others by AND.
    Of tables joined to each other one is enough, the others are reached by key; tables that stand side by side each
    need their own. What can never be true gives nobody's rows: SQLAlchemy leaves the other conditions out beside it.
    """
    return sorted({str(table) for table in _leaks(clause, frozenset())})


def _leaks(clause: ClauseElement, outer: Tables) -> Iterator[FromClause]:
    if isinstance(clause, CompoundSelect):
        for part in clause.selects:
            yield from _leaks(part, outer)
    elif isinstance(clause, Update | Delete):
        table = clause.table
        owned = isinstance(table, Table) and "company_id" in table.c
        if owned and not _is_empty(clause) and table not in _named(clause.whereclause):
            yield table
        for inner in _selects_in(clause):
            yield from _leaks(inner, frozenset({table}))
    elif isinstance(clause, Select):
        yield from _select_leaks(clause, outer)
    else:
        for inner in _selects_in(clause):
            yield from _leaks(inner, outer)


def _select_leaks(select: Select[Any], outer: Tables) -> Iterator[FromClause]:
    named = _named(select.whereclause)
    roots = list(select.get_final_froms())
    tables: set[Any] = set()
    for root in roots:
        parts = list(_parts(root))
        tables |= {part for part in parts if not isinstance(part, Join)}
        for part in parts:
            if isinstance(part, Join):
                named |= _named(part.onclause)
    for root in roots:
        # A table of the enclosing select is named there.
        owned = [part for part in _parts(root) if _is_owned(part) and part not in outer]
        if owned and not _is_empty(select) and not any(part in named for part in owned):
            yield from owned
    for inner in _selects_in(select):
        yield from _leaks(inner, outer | tables)


def _is_empty(clause: Select[Any] | Update | Delete) -> bool:
    condition = clause.whereclause
    if isinstance(condition, AsBoolean) and condition.operator is operators.is_true:
        condition = condition.element
    return isinstance(condition, False_)


def _is_owned(part: FromClause) -> bool:
    return not isinstance(part, Join) and "company_id" in part.c


def _parts(source: FromClause) -> Iterator[FromClause]:
    """Joins and the tables in them; a subquery is a select of its own and is checked as one."""
    if isinstance(source, Join):
        yield source
        yield from _parts(source.left)
        yield from _parts(source.right)
    elif isinstance(source, Table) or (isinstance(source, Alias) and isinstance(source.element, Table)):
        yield source


def _selects_in(clause: ClauseElement) -> Iterator[ClauseElement]:
    """The selects directly inside a clause, wherever they stand; not those inside them."""
    stack = list(clause.get_children())
    seen: set[int] = set()
    while stack:
        element = stack.pop()
        if id(element) in seen:
            continue
        seen.add(id(element))
        if isinstance(element, Select | CompoundSelect):
            yield element
        elif isinstance(element, Subquery | CTE):
            yield element.element
        elif not isinstance(element, Table):
            stack += list(element.get_children())


def _named(condition: Any) -> set[Any]:
    """Tables whose `company_id` a condition sets equal to a value, looking through AND only."""
    if condition is None:
        return set()
    if isinstance(condition, Grouping):
        return _named(condition.element)
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        return set().union(*(_named(part) for part in condition.clauses))
    if isinstance(condition, BinaryExpression) and condition.operator is operators.eq:
        for column, value in ((condition.left, condition.right), (condition.right, condition.left)):
            if isinstance(column, Column) and column.name == "company_id" and isinstance(value, BindParameter):
                return {column.table}
    return set()
