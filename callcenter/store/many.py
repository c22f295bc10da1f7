"""One statement for many rows at the driver's own speed.

For a batch SQLAlchemy does more work in Python for each row than SQLite does to write it. Here a statement is compiled
once and the rows go to the driver as tuples; on other databases it is run in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Insert, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from callcenter.store.guard import TenantLeak, unscoped

Row = tuple[Any, ...]


class Many:
    """An insert or update with a parameter for each of `names`; the guard looks at it when it is made."""

    def __init__(self, statement: Insert | Update, names: Sequence[str], *, all_companies: bool = False) -> None:
        if isinstance(statement, Update) and not all_companies and (leaks := unscoped(statement)):
            raise TenantLeak(f"the statement names {', '.join(leaks)} without its company_id: {statement}")
        self._statement = statement.execution_options(all_companies=all_companies)
        self._names = list(names)
        self._text = ""
        self._for_driver: Callable[[Row], Row] | None = None

    async def run(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Once for each row; each has a value for every name, in their order."""
        if not rows:
            return
        if connection.dialect.name != "sqlite":
            await connection.execute(self._statement, [dict(zip(self._names, row, strict=True)) for row in rows])
            return
        if self._for_driver is None:
            self._compile(connection.dialect)
        assert self._for_driver is not None
        await connection.exec_driver_sql(self._text, [self._for_driver(row) for row in rows])

    def _compile(self, dialect: Dialect) -> None:
        assert isinstance(dialect, DefaultDialect)
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        wanted = list(compiled.positiontup or ())
        constants = {name: compiled.binds[name].value for name in wanted if name not in self._names}
        have = [*self._names, *constants]
        in_order = itemgetter(*[have.index(name) for name in wanted])
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in wanted}
        found = [(have.index(name), kind.bind_processor(dialect)) for name, kind in types.items()]
        changes = [(at, change) for at, change in found if change is not None]
        added = tuple(constants.values())

        def for_driver(row: Row) -> Row:
            values = [*row, *added]
            for at, change in changes:
                values[at] = change(values[at])
            return cast(Row, in_order(values))

        self._text, self._for_driver = compiled.string, for_driver
