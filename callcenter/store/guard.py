"""A query on a company's rows that does not name `company_id` is a bug: it raises before it reaches the database.

Work that rightly spans companies (settlement, start-up, the platform operator) says so with
`execution_options(all_companies=True)`, which makes every such place easy to find.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.schema import Column, Table
from sqlalchemy.sql.selectable import Join, Select


class TenantLeak(RuntimeError):
    """A statement touches a company's rows without naming the company."""


def install_guard(engine: Engine) -> None:
    event.listen(engine, "before_execute", _check)


_checked: dict[Any, bool] = {}


def _check(conn: Any, clause: Any, multiparams: Any, params: Any, options: Any) -> None:
    if options.get("all_companies") or not isinstance(clause, Select | Update | Delete | Insert):
        return
    if isinstance(clause, Insert):
        return  # NOT NULL on company_id already refuses an insert that forgets it
    key = clause._generate_cache_key()
    cache_key = key.key if key is not None else None
    if cache_key is not None and cache_key in _checked:
        return
    missing = _unscoped(clause)
    if missing:
        raise TenantLeak(f"the statement names {missing} without its company_id: {clause}")
    if cache_key is not None and len(_checked) < 5000:
        _checked[cache_key] = True


def _unscoped(clause: Select[Any] | Update | Delete) -> str:
    tables: set[str] = set()
    if isinstance(clause, Update | Delete):
        tables.add(str(clause.table))
        if "company_id" not in clause.table.c:
            tables.clear()
    else:
        for item in clause.get_final_froms():
            for element in visitors.iterate(item):
                if isinstance(element, Table) and "company_id" in element.c:
                    tables.add(element.name)
    if not tables:
        return ""
    conditions: list[ColumnElement[Any]] = [clause.whereclause] if clause.whereclause is not None else []
    if isinstance(clause, Select):
        for item in clause.get_final_froms():
            joins = (element for element in visitors.iterate(item) if isinstance(element, Join))
            conditions += [join.onclause for join in joins if join.onclause is not None]
    named = {
        element.table.name
        for condition in conditions
        for element in visitors.iterate(condition)
        if isinstance(element, Column) and element.name == "company_id" and isinstance(element.table, Table)
    }
    # One table named is enough: the others are joined to it by key.
    return "" if named else ", ".join(sorted(tables))
