"""PostgreSQL: one writer at a time in all processes together, and connections that may die at any moment.

The product reads and then writes inside one transaction, and relies on nobody writing in between, as SQLite's
`BEGIN IMMEDIATE` promises. Here a lock of the database's own (advisory, held to the end of the transaction) promises
the same; see docs/decisions/0017.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import URL, BigInteger, NullPool, bindparam, event, func, select
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from callcenter.store.errors import DatabaseUnavailable

T = TypeVar("T")
log = logging.getLogger(__name__)

WRITER: Final = 0x63616C6C
"""The lock that whoever writes holds; locks of this kind are per database."""
REACH_SECONDS: Final = 5.0
"""How long a transaction that has not begun waits for a database that is away: a restart takes less."""
ASK_AGAIN_SECONDS: Final = 0.2
START_SECONDS: Final = 30.0
"""The same at the start of the program."""
OUTCOME_SECONDS: Final = 15.0
"""How long one waits to hear what became of a commit whose answer was lost."""
CONNECT_SECONDS: Final = 5.0
STATEMENT_SECONDS: Final = 60.0
"""A database whose machine vanished never answers and closes nothing: a statement is given up after this time."""
SESSION: Final = {
    "application_name": "callcenter",
    "jit": "off",  # the product's statements are short; compiling one takes longer than running it
    "lock_timeout": "10s",
    # A process that freezes inside a transaction must not keep all others from writing for ever.
    "idle_in_transaction_session_timeout": "60s",
}
_GONE_STATES = ("08", "57P0", "53300", "55P03", "25P03")
"""SQLSTATEs or their beginnings: the connection is lost, the server stops, starts or is full, or a lock is held."""
_IN_THE_FUTURE = "22023"
_LOCK = select(func.pg_advisory_xact_lock(bindparam("key", WRITER, BigInteger)), func.txid_current())
_OUTCOME = select(func.txid_status(bindparam("transaction", type_=BigInteger)))


def open_engine(url: URL) -> AsyncEngine:
    """Connections for readers, and one for the writer."""
    engine = create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=CONNECT_SECONDS,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            "server_settings": SESSION,
            # Every statement of the calls' way is prepared once for each connection.
            "prepared_statement_cache_size": 500,
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """The pool takes another one; asking the server each time, as `pool_pre_ping` does, costs three journeys to it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@contextlib.asynccontextmanager
async def writing(engine: AsyncEngine, queue: asyncio.Lock) -> AsyncIterator[AsyncConnection]:
    """One write transaction, the only one of the database; committed at the end of the block.

    Raises `DatabaseUnavailable` when it could not be, and then nothing of it was written. Writers of one process stand
    in `queue`, so that they keep their order and leave the connections to the readers.
    """
    deadline = time.monotonic() + REACH_SECONDS
    async with queue, contextlib.AsyncExitStack() as cleanup:
        transaction = 0

        async def begin(connection: AsyncConnection) -> None:
            nonlocal transaction
            transaction = int((await connection.execute(_LOCK)).one()[1])

        connection = await _reach(engine, cleanup, deadline, begin)
        with _translated():
            yield connection
        try:
            await connection.commit()
        except Exception as error:
            if not is_gone(error):
                raise
            if not await _was_committed(engine, transaction):
                raise DatabaseUnavailable("the database went away before it had kept the changes") from error


@contextlib.asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One snapshot; raises `DatabaseUnavailable`."""
    deadline = time.monotonic() + REACH_SECONDS
    async with contextlib.AsyncExitStack() as cleanup:
        connection = await _reach(engine, cleanup, deadline, _nothing)
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with _translated():
            yield connection


@contextlib.asynccontextmanager
async def migrating(url: URL) -> AsyncIterator[AsyncConnection]:
    """A write transaction in which tables may change, on a connection of its own whose statements may take their time.

    A server that is still starting, as after the machine was switched on, is waited for.
    """
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    try:
        async with contextlib.AsyncExitStack() as cleanup:
            connection = await _reach(engine, cleanup, time.monotonic() + START_SECONDS, _lock)
            yield connection
            await connection.commit()
    finally:
        await engine.dispose()


async def _reach(
    engine: AsyncEngine,
    cleanup: contextlib.AsyncExitStack,
    deadline: float,
    begin: Callable[[AsyncConnection], Awaitable[None]],
) -> AsyncConnection:
    """A connection on which `begin` went well; what is away is asked again until the deadline, and once in any case."""
    while True:
        try:
            async with contextlib.AsyncExitStack() as attempt:
                connection = await engine.connect()
                attempt.push_async_callback(_give_back, connection)
                await begin(connection)
                cleanup.push_async_exit(attempt.pop_all())
                return connection
        except Exception as error:
            if not is_gone(error):
                raise
            if time.monotonic() > deadline:
                raise DatabaseUnavailable("the database cannot be reached") from error
        await asyncio.sleep(ASK_AGAIN_SECONDS)


async def _give_back(connection: AsyncConnection) -> None:
    """Rolls back what was not committed; on a connection that is dead there is nothing to roll back."""
    closing = asyncio.create_task(connection.close())
    try:
        await asyncio.shield(closing)
    except Exception as error:
        if not is_gone(error):
            raise
        with contextlib.suppress(Exception):
            await connection.invalidate()
            await connection.close()


async def _lock(connection: AsyncConnection) -> None:
    await connection.execute(_LOCK)


async def _nothing(_connection: AsyncConnection) -> None:
    return None


async def _was_committed(engine: AsyncEngine, transaction: int) -> bool:
    """What became of a transaction whose commit was not answered; the server keeps that through a crash.

    A crash forgets the number of a transaction of which nothing had reached the disk: it lies in the future again. No
    writer of this process takes it meanwhile, they stand in the queue. Raises `DatabaseUnavailable` when nobody can
    say: then the transaction may have been kept.
    """
    deadline = time.monotonic() + OUTCOME_SECONDS
    while True:
        async with contextlib.AsyncExitStack() as cleanup:
            connection = await _reach(engine, cleanup, deadline, _nothing)
            with _translated():
                outcome = await _outcome(connection, transaction)
        if outcome != "in progress":
            log.warning("the answer to a commit was lost; the database says: %s", outcome)
            return bool(outcome == "committed")
        if time.monotonic() > deadline:
            raise DatabaseUnavailable("nobody knows yet whether the changes were kept")
        await asyncio.sleep(ASK_AGAIN_SECONDS)


async def _outcome(connection: AsyncConnection, transaction: int) -> str | None:
    try:
        found: str | None = (await connection.execute(_OUTCOME, {"transaction": transaction})).scalar()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _IN_THE_FUTURE:
            raise
        return "unknown"
    return found


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """A connection that dies in the middle of the work becomes `DatabaseUnavailable`."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if not is_gone(error):
            raise
        raise DatabaseUnavailable("the database went away") from error


def is_gone(error: BaseException) -> bool:
    """Whether an error says that the database cannot be used now, and not that a statement was wrong."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DBAPIError) and seen.connection_invalidated:
            return True
        if isinstance(seen, (PoolTimeout, OSError, asyncpg.ConnectionDoesNotExistError)):
            return True
        state = getattr(seen, "sqlstate", None)
        if isinstance(state, str) and state.startswith(_GONE_STATES):
            return True
        if isinstance(seen, asyncpg.InterfaceError) and "closed" in str(seen):
            return True
        seen = seen.orig if isinstance(seen, DBAPIError) and seen.orig is not seen else seen.__cause__
    return False
