"""Brings the database to the newest schema with Alembic; safe to repeat."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from callcenter import declared
from callcenter.store.base import metadata
from callcenter.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def config_for(connection: Connection) -> Config:
    """Alembic's configuration, made in code: there is no ini file to keep in step."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


async def upgrade(database: Database) -> None:
    """Runs every migration that the database has not seen."""
    async with database.migrate() as connection:
        await connection.run_sync(lambda sync: command.upgrade(config_for(sync), "head"))


async def make_revision(database: Database, message: str) -> None:
    """Writes a new migration from the difference between the tables in code and an upgraded database."""
    declared.modules()  # a table that nobody has imported would be dropped
    async with database.write() as connection:
        await connection.run_sync(
            lambda sync: command.revision(config_for(sync), message, autogenerate=True, rev_id=None)
        )
