"""One statement for many rows at the driver's own speed.

For a batch SQLAlchemy does more work in Python for each row than SQLite does to write it. Here a statement is compiled
once and the rows go to the driver as tuples; on other databases it is run in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from callcenter.store.guard import TenantLeak, unscoped

Row = Mapping[str, Any]


class Many:
    """An insert or update with a parameter for each of `names`; the guard looks at it when it is made."""

    def __init__(self, statement: Insert | Update, names: Sequence[str], *, all_companies: bool = False) -> None:
        if isinstance(statement, Update) and not all_companies and (leaks := unscoped(statement)):
            raise TenantLeak(f"the statement names {', '.join(leaks)} without its company_id: {statement}")
        self._statement = statement.execution_options(all_companies=all_companies)
        self._names = list(names)
        self._text = ""
        self._values: Callable[[Row], tuple[Any, ...]] | None = None

    async def run(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Once for each row; each has a value for every name."""
        if not rows:
            return
        if connection.dialect.name != "sqlite":
            await connection.execute(self._statement, rows)
            return
        if self._values is None:
            self._compile(connection.dialect)
        assert self._values is not None
        await connection.exec_driver_sql(self._text, [self._values(row) for row in rows])

    def _compile(self, dialect: Dialect) -> None:
        assert isinstance(dialect, DefaultDialect)
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        places: list[tuple[str, Any, Callable[[Any], Any] | None]] = []
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            places.append((name, bind.value, bind.type.dialect_impl(dialect).bind_processor(dialect)))
        given = frozenset(self._names)

        def values(row: Row) -> tuple[Any, ...]:
            return tuple(
                [
                    (row[name] if change is None else change(row[name])) if name in given else constant
                    for name, constant, change in places
                ]
            )

        self._text, self._values = compiled.string, values
