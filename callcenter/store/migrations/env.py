"""Alembic's entry: runs on the connection and metadata that `callcenter.store.migrate` hands in."""

from typing import Any, Literal

from alembic import context

from callcenter.store.base import UtcDateTime

config = context.config


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Migrations must not change when our own types do: they are written in SQLAlchemy's plain ones."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime()"
    return False


context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadata"],
    render_as_batch=True,
    render_item=render_item,
)
context.run_migrations()
