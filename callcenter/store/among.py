"""`column IN (…)` with one parameter, however many values there are.

SQLAlchemy writes a placeholder for each value, and so a new text for each number of values, which the database has to
plan anew. Here the text stays the same: SQLite takes the values as JSON, PostgreSQL as an array.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Column, String, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NULLTYPE, TypeDecorator, TypeEngine

_encode = msgspec.json.Encoder().encode


class _Texts(TypeDecorator[Collection[str]]):
    """Any collection of strings, as one value of a statement."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else ARRAY(String()))

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:
        texts = sorted(value or ())
        return _encode(texts).decode() if dialect.name == "sqlite" else texts

    def bind_processor(self, dialect: Dialect) -> Any:
        # The array's own type would take a string for a list of letters; the driver takes lists as they are.
        return lambda value: self.process_bind_param(value, dialect)


class among(FunctionElement[Any]):
    """Whether a column of texts is one of those given for the parameter `name`; of none it never is."""

    type = NULLTYPE  # of a boolean SQLAlchemy would write `= 1` for SQLite, which then uses no index
    inherit_cache = True

    def __init__(self, column: Column[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=_Texts()))


@compiles(among)
def _array(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return f"({compiler.process(column, **options)} = ANY({compiler.process(values, **options)}))"


@compiles(among, "sqlite")
def _json(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    each = f"json_each({compiler.process(values, **options)})"
    return f"({compiler.process(column, **options)} IN (SELECT value FROM {each}))"  # noqa: S608
