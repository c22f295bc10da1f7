"""Commits a batch of facts: journal, call and leg rows, agent states, all in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Insert, Table, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call, Leg
from callcenter.domain.clock import Step
from callcenter.domain.facts import Fact
from callcenter.domain.terms import (
    AgentState,
    CallState,
    Direction,
    Disposition,
    EndReason,
    LegOrder,
    LegState,
    Mode,
    Role,
    Source,
)
from callcenter.engine.directory import EVERYWHERE
from callcenter.ledger import clock_steps
from callcenter.ledger.clock_steps import Seen
from callcenter.store.database import Database
from callcenter.store.tables.calls import agent_state, agent_state_log, call, call_quality, journal, leg


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact with its company and moment, ready for the journal."""

    company_id: int
    at: datetime
    fact: Fact


_BLANK = Call("", 0, Direction.INBOUND, "", datetime.min)
"""Names the columns of a row, whatever the call."""


class Writer:
    """The engine's only way into the database for live state."""

    def __init__(self, database: Database) -> None:
        self._db = database
        # Made once: building a statement costs more than running it.
        self._calls = self._upsert(call, call_row(_BLANK), "id")
        self._legs = self._upsert(leg, leg_row(_BLANK, Leg("", Role.AGENT)), "id")
        self._agents = self._upsert(agent_state, agent_row(Agent(0, 0, "")), "employee_id")
        self._states = insert(agent_state_log)
        self._journal = insert(journal)
        make = sqlite_insert if database.is_sqlite else postgresql_insert
        # A phone that is measured twice (a line that served several calls) keeps its first figures.
        self._quality = make(call_quality).on_conflict_do_nothing()

    async def commit(
        self,
        entries: Sequence[Entry],
        calls: Iterable[Call],
        agents: Iterable[Agent],
        states: Iterable[Agent] = (),
        measured: Sequence[Mapping[str, Any]] = (),
        steps: Sequence[tuple[Step, Seen]] = (),
    ) -> None:
        """Writes facts and the present state of what they touched; `states` are agents whose state changed."""
        call_rows, leg_rows = [], []
        for one in calls:
            call_rows.append(call_row(one))
            leg_rows += [leg_row(one, part) for part in one.legs.values()]
        agent_rows = [agent_row(one) for one in agents]
        log_rows = [
            {
                "company_id": one.company_id,
                "employee_id": one.employee_id,
                "state": one.state.value,
                "reason": one.reason,
                "at": one.since,
                "by_id": one.set_by,
            }
            for one in states
            if one.since is not None
        ]
        if not (entries or call_rows or agent_rows or log_rows or measured or steps):
            return
        async with self._db.write() as connection:
            for step, seen in steps:
                await clock_steps.note(connection, step, seen)
            for statement, rows in (
                (self._calls, call_rows),
                (self._legs, leg_rows),
                (self._agents, agent_rows),
                (self._states, log_rows),
                (self._journal, [journal_row(entry) for entry in entries]),
                (self._quality, list(measured)),
            ):
                if rows:
                    await connection.execute(statement, rows)

    async def open_calls(self) -> list[Call]:
        """Calls that had not ended when the last engine stopped, with their legs."""
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(call).where(call.c.ended_at.is_(None)).execution_options(**EVERYWHERE)
            )
            found = {row.id: _call_of(row) for row in rows.all()}
            legs = select(leg).where(leg.c.call_id.in_(list(found))).execution_options(**EVERYWHERE)
            for row in (await connection.execute(legs)).all():
                found[row.call_id].legs[row.id] = _leg_of(row)
        return list(found.values())

    async def ended_call(self, company_id: int, call_id: str, *, charged: bool = False) -> Call | None:
        """A call that is over, without its legs; None when there is none, or unless `charged` when it was charged."""
        query = select(call).where(call.c.company_id == company_id, call.c.id == call_id, call.c.ended_at.is_not(None))
        async with self._db.read() as connection:
            row = (await connection.execute(query)).first()
        return _call_of(row) if row is not None and (charged or row.billing == "open") else None

    async def agent_states(self) -> dict[int, Any]:
        async with self._db.read() as connection:
            rows = await connection.execute(select(agent_state).execution_options(**EVERYWHERE))
            return {row.employee_id: row for row in rows.all()}

    def _upsert(self, table: Table, row: dict[str, Any], key: str) -> Insert:
        """Inserts rows with these columns; where the key is there already, the columns are set."""
        make = sqlite_insert if self._db.is_sqlite else postgresql_insert
        statement = make(table)
        values = {name: statement.excluded[name] for name in row if name != key}
        return statement.on_conflict_do_update(index_elements=[key], set_=values)


def call_row(one: Call) -> dict[str, Any]:
    """The columns the engine owns; settlement, notes and recordings own the others."""
    return {
        "id": one.id,
        "company_id": one.company_id,
        "direction": one.direction.value,
        "mode": one.mode.value,
        "leg_order": one.leg_order.value,
        "source": one.source.value,
        "employee_id": one.employee_id,
        "customer_id": one.customer_id,
        "group_id": one.group_id,
        "number": one.number,
        "company_number": one.company_number,
        "caller_id_reason": one.caller_id_reason,
        "state": one.state.value,
        "started_at": one.started_at,
        "answered_at": one.answered_at,
        "ended_at": one.ended_at,
        "disposition": one.disposition.value if one.disposition else None,
        "end_reason": one.end_reason.value if one.end_reason else None,
        "paid_until": one.paid_until,
        "package_id": one.package_id,
        "queued_at": one.queued_at,
        "task_number_id": one.task_number_id,
    }


def leg_row(one: Call, part: Leg) -> dict[str, Any]:
    return {
        "id": part.id,
        "company_id": one.company_id,
        "call_id": one.id,
        "role": part.role.value,
        "employee_id": part.employee_id,
        "number": part.number,
        "channel": part.channel,
        "state": part.state.value,
        "started_at": part.started_at,
        "answered_at": part.answered_at,
        "ended_at": part.ended_at,
        "cause": part.cause,
        "place": part.place,
    }


def agent_row(one: Agent) -> dict[str, Any]:
    return {
        "employee_id": one.employee_id,
        "company_id": one.company_id,
        "state": one.state.value,
        "reason": one.reason,
        "since": one.since,
        "after_state": one.after_call.value,
        "after_reason": one.after_reason,
        "wrap_up_ends_at": one.wrap_up_ends_at,
        "unanswered": one.unanswered,
    }


def journal_row(entry: Entry) -> dict[str, Any]:
    body = msgspec.to_builtins(entry.fact)
    return {
        "company_id": entry.company_id,
        "at": entry.at,
        "call_id": body.pop("call_id"),
        "kind": type(entry.fact).__name__,
        "body": body,
    }


def restore_agent(one: Agent, row: Any) -> None:
    """Puts an agent back into the state that was stored."""
    one.state, one.reason, one.since = AgentState(row.state), row.reason, row.since
    one.after_call, one.after_reason = AgentState(row.after_state), row.after_reason
    one.wrap_up_ends_at, one.unanswered = row.wrap_up_ends_at, row.unanswered


def _call_of(row: Any) -> Call:
    return Call(
        id=row.id,
        company_id=row.company_id,
        direction=Direction(row.direction),
        number=row.number,
        started_at=row.started_at,
        mode=Mode(row.mode),
        leg_order=LegOrder(row.leg_order),
        source=Source(row.source),
        employee_id=row.employee_id,
        customer_id=row.customer_id,
        group_id=row.group_id,
        company_number=row.company_number,
        caller_id_reason=row.caller_id_reason,
        state=CallState(row.state),
        state_since=row.answered_at or row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        disposition=Disposition(row.disposition) if row.disposition else None,
        paid_until=row.paid_until,
        package_id=row.package_id,
        queued_at=row.queued_at,
        task_number_id=row.task_number_id,
        # Whether it still was is not kept; its customer's leg, when there is one, shows it again.
        number_hidden=row.task_number_id is not None,
    )


def _leg_of(row: Any) -> Leg:
    return Leg(
        id=row.id,
        role=Role(row.role),
        number=row.number,
        channel=row.channel,
        employee_id=row.employee_id,
        state=LegState(row.state),
        started_at=row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        cause=row.cause,
        place=row.place,
    )
