"""Imports files of numbers in the background, a few rows at a time, so that calls go on beside it (SPEC §D4)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import dial_tasks as rules
from callcenter.domain.destinations import Policy
from callcenter.domain.dial_tasks import Share
from callcenter.domain.numbers import Number
from callcenter.domain.refusals import Refusal
from callcenter.domain.tables import CELL_FAULTS, Typed
from callcenter.domain.terms import RowKind, TaskRule, TaskState
from callcenter.features.tasks import dial_tasks
from callcenter.intake.limits import Note
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.policies import read_policy
from callcenter.store.tables.inbound import blacklist
from callcenter.store.tables.tasks import dial_task, dial_task_failed_row, dial_task_import, dial_task_number

log = logging.getLogger(__name__)

SLICE = 200
"""Rows that are worked on in one go: some ten milliseconds of the event loop."""
MOST_WAITING = 20
"""Files of one company that are being imported or wait for it."""
SKIPPED = ("before_header", "sheet_hidden", "sheet_without_numbers")
"""Notes on rows that hold something and are no numbers."""
REST = 0.004
"""Seconds between two of them that belong to everybody else."""
_FAILED = insert(dial_task_failed_row)
_NUMBERS = insert(dial_task_number)


class Rows(Protocol):
    """What is imported: an opened file (`intake.Table`), or rows of one that failed before."""

    rows: int
    notes: tuple[Note, ...]

    def __iter__(self) -> Iterator[Typed]: ...

    def close(self) -> None: ...


class FailedRows:
    """The rows of a file that were not imported, as they were, to be imported once more (SPEC §D4.2)."""

    def __init__(self, kept: Sequence[Any]) -> None:
        self._kept = kept
        self.rows = len(kept)
        self.notes: tuple[Note, ...] = ()

    def __iter__(self) -> Iterator[Typed]:
        for one in self._kept:
            # What was wrong with the cells stays so; everything else is judged anew.
            fault = one.reason if one.reason in CELL_FAULTS else ""
            yield Typed(one.line, one.number, one.name, one.company, one.remark, one.sheet, fault)

    def close(self) -> None: ...


@dataclass(slots=True)
class Order:
    """What to import: who asked, into which task, and the rows; the importer closes them, also when it refuses."""

    company_id: int
    task_id: int
    operator_id: int
    file_name: str
    table: Rows
    id: int = 0


@dataclass(slots=True)
class _Sorted:
    """A file's rows after they were looked at."""

    good: list[tuple[Number, Typed]] = field(default_factory=list)
    kinds: Counter[RowKind] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


class Importer:
    """Works on one file after the other: which of two is the duplicate must not depend on luck."""

    def __init__(self, database: Database, region: str) -> None:
        self._db = database
        self._region = region
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()

    async def recover(self) -> None:
        """What the last run did not finish has failed; imported again, its rows turn out as duplicates."""
        stopped = update(dial_task_import).where(dial_task_import.c.state == dial_tasks.RUNNING)
        async with self._db.write() as connection:
            await connection.execute(
                stopped.values(state="failed", reason="stopped", ended_at=utcnow()).execution_options(
                    all_companies=True
                )
            )

    async def failed_rows(self, company_id: int, import_id: int) -> FailedRows:
        """The rows of an import that failed, in the order of the file."""
        kept = dial_task_failed_row
        query = select(kept).where(kept.c.company_id == company_id, kept.c.import_id == import_id).order_by(kept.c.id)
        async with self._db.read() as connection:
            return FailedRows((await connection.execute(query)).all())

    async def submit(self, order: Order) -> int:
        """Takes the file on and returns its import's id; raises `task_not_normal` (SPEC §D1.4), `task_running`."""
        try:
            order.id = await self._begin(order)
        except BaseException:
            order.table.close()
            raise
        work = asyncio.create_task(self._import(order))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        return order.id

    async def _begin(self, order: Order) -> int:
        values = {
            "company_id": order.company_id,
            "task_id": order.task_id,
            "file_name": order.file_name[:200],
            "operator_id": order.operator_id,
            "skipped": sum(one.count for one in order.table.notes if one.why in SKIPPED),
            "notes": [_told(one) for one in order.table.notes],
            "created_at": utcnow(),
        }
        async with self._db.write() as connection:
            if (await self._task(connection, order)).state != TaskState.NORMAL.value:
                raise Refusal("task_not_normal")
            if await self._waiting(connection, order.company_id) >= MOST_WAITING:
                raise Refusal("task_running")
            row = await connection.execute(insert(dial_task_import).values(**values).returning(dial_task_import.c.id))
            return int(row.scalar_one())

    async def _waiting(self, connection: AsyncConnection, company_id: int) -> int:
        query = select(func.count()).where(
            dial_task_import.c.company_id == company_id, dial_task_import.c.state == dial_tasks.RUNNING
        )
        return int((await connection.execute(query)).scalar_one())

    async def idle(self) -> None:
        """Waits until everything taken on so far is done."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        for work in self._running:
            work.cancel()
        await self.idle()

    # -- one file --------------------------------------------------------------------------------------------------

    async def _import(self, order: Order) -> None:
        async with self._turn:
            try:
                if not order.table.rows:
                    await self._note(order, notes=[*map(_told, order.table.notes), _told(Note("no_rows", 0))])
                found = await self._sort(order)
                await self._fill(order, found)
                await self._note(order, state="done", ended_at=utcnow())
            except Exception:
                log.exception("the import %d of company %d failed", order.id, order.company_id)
                await self._note(order, state="failed", reason="internal", ended_at=utcnow())
            finally:
                order.table.close()

    async def _sort(self, order: Order) -> _Sorted:
        """Looks at every row; those that cannot be imported are written down with the reason."""
        found, earlier = _Sorted(), set[str]()
        async with self._db.read() as connection:
            policy = await read_policy(connection, order.company_id)
        for rows in _sliced(order.table):
            numbered = [(*self._number(row, policy), row) for row in rows]
            new = {number.e164 for number, _, _ in numbered if number} - earlier
            known = await self._known(order.company_id, new)
            listed = await self._listed(order.company_id, new)
            failed: list[dict[str, Any]] = []
            for number, reason, row in numbered:
                e164 = number.e164 if number is not None else None
                kind = rules.kind_of(e164, earlier, listed.__contains__, known.__contains__)
                found.kinds[kind] += 1
                if e164 is not None:
                    earlier.add(e164)
                if kind is RowKind.SUCCESS and number is not None:
                    found.good.append((number, row))
                else:
                    found.reasons[reason] += bool(reason)
                    failed.append(_failed_row(order, kind, reason, row))
            if failed:
                async with self._db.write() as connection:
                    await connection.execute(_FAILED, failed)
            await asyncio.sleep(REST)
        wrong = {kind.value: found.kinds[kind] for kind in RowKind if kind is not RowKind.SUCCESS}
        reasons = {reason: count for reason, count in found.reasons.items() if reason}
        await self._note(order, total=found.kinds.total(), reasons=reasons, **wrong)
        return found

    def _number(self, row: Typed, policy: Policy) -> tuple[Number | None, str]:
        """The number that a row stands for, or None and why it cannot be imported."""
        return (None, row.fault) if row.fault else rules.number_of(row.number, policy, self._region)

    async def _listed(self, company_id: int, numbers: set[str]) -> set[str]:
        """Those of the numbers that the company has on its blacklist."""
        query = select(blacklist.c.number).where(blacklist.c.company_id == company_id, blacklist.c.number.in_(numbers))
        async with self._db.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def _known(self, company_id: int, numbers: set[str]) -> set[str]:
        """Those of the numbers that a task of the company has already; a deleted task has none."""
        query = (
            select(dial_task_number.c.number)
            .join(dial_task, dial_task.c.id == dial_task_number.c.task_id)
            .where(
                dial_task_number.c.company_id == company_id,
                dial_task_number.c.number.in_(numbers),
                dial_task.c.deleted_at.is_(None),
            )
        )
        async with self._db.read() as connection:
            return {row.number for row in (await connection.execute(query)).all()}

    async def _fill(self, order: Order, found: _Sorted) -> None:
        """Puts the good rows into the task, each with whom it is for (SPEC §D3.3: this file, and no other)."""
        async with self._db.read() as connection:
            assignees = await self._assignees(connection, order, len(found.good))
        done = 0
        for part in _sliced(zip(found.good, assignees, strict=False)):
            now = utcnow()
            done += len(part)
            async with self._db.write() as connection:
                rows = [_number_row(order, number, row, assignee, now) for (number, row), assignee in part]
                await connection.execute(_NUMBERS, rows)
                await connection.execute(_of(order).values(success=done))
            await asyncio.sleep(REST)

    async def _assignees(self, connection: AsyncConnection, order: Order, count: int) -> Iterator[int | None]:
        """For each number in turn whose it is; without end."""
        task = await self._task(connection, order)
        if task.secret:
            return itertools.repeat(task.creator_id)
        if task.rule is None:
            return itertools.repeat(None)
        shares = await dial_tasks.shares_of(connection, order.company_id, order.task_id)
        staff = await dial_tasks.dialling_staff(connection, order.company_id)
        given = rules.allocation(
            count, TaskRule(task.rule), [Share(one.employee_id, one.percent) for one in shares], staff
        )
        return itertools.chain(rules.dealt(given), itertools.repeat(None))

    async def _task(self, connection: AsyncConnection, order: Order) -> Any:
        query = select(dial_task).where(dial_task.c.company_id == order.company_id, dial_task.c.id == order.task_id)
        return (await connection.execute(query)).one()

    async def _note(self, order: Order, **values: Any) -> None:
        async with self._db.write() as connection:
            await connection.execute(_of(order).values(**values))


def _of(order: Order) -> Any:
    return update(dial_task_import).where(
        dial_task_import.c.company_id == order.company_id, dial_task_import.c.id == order.id
    )


def _sliced(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    waiting = iter(rows)
    while part := list(itertools.islice(waiting, SLICE)):
        yield part


def _told(note: Note) -> dict[str, Any]:
    """A note as it is kept."""
    return {
        "why": note.why,
        "count": note.count,
        "sheet": note.sheet,
        "first": note.lines[0],
        "last": note.lines[1],
        "columns": list(note.columns),
    }


def _failed_row(order: Order, kind: RowKind, reason: str, row: Typed) -> dict[str, Any]:
    return {
        "company_id": order.company_id,
        "import_id": order.id,
        "line": row.line,
        "kind": kind.value,
        "reason": reason,
        "sheet": row.sheet[:100],
        "number": row.number,
        "name": row.name,
        "company": row.company,
        "remark": row.remark,
    }


def _number_row(order: Order, number: Number, row: Typed, assignee: int | None, now: Any) -> dict[str, Any]:
    return {
        "company_id": order.company_id,
        "task_id": order.task_id,
        "import_id": order.id,
        "number": number.e164,
        "extension": number.extension,
        "name": row.name,
        "company": row.company,
        "remark": row.remark,
        "assignee_id": assignee,
        "assigned_at": now if assignee is not None else None,
        "created_at": now,
    }
