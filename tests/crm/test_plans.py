"""Statements that run while somebody waits must find their rows by index, however many customers a company has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from callcenter.store.database import Database
from crm_bridge.bridge import CrmBridge
from crm_bridge.customers import customers, filing
from crm_bridge.customers.filing import GivenNumber
from crm_bridge.customers.matching import match
from tests.crm.support import LI, OURS, edit, file, new, past_call, ringing, who
from tests.crm.test_timeline import write

TABLES = ("customer", "customer_number", "customer_tag", "note", "call", "employee", "agent_group")


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile."""
    seen: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            seen.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", keep)
    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", keep)


async def slow_steps(database: Database, seen: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Steps that read a whole table, all that a company has, or all that an employee did."""
    if not database.is_sqlite:
        pytest.skip("reads the plans of SQLite")
    found: list[tuple[str, str]] = []
    async with database.read() as connection:
        for statement, parameters in seen:
            rows = parameters if isinstance(parameters, list) else [parameters]
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", rows[0])
            for row in plan.all():
                whole = row.detail.removeprefix("SCAN ").split(" ")[0] in TABLES
                wide = row.detail.endswith(("(company_id=?)", "(company_id=? AND employee_id=?)"))
                if whole or wide:
                    found.append((row.detail, statement))
    return found


async def test_a_pop_reads_by_index_only(database: Database) -> None:
    one = await file(database, new("张三", "13800000001", tags=["a"]))
    await past_call(database, "+8613800000001", customer_id=one)
    await write(database, one, "周五回电", open_=True)
    bridge = CrmBridge(database, lambda customer_id, name: (customer_id, name))
    with statements(database) as seen:
        assert (await bridge.pop(ringing("+8613800000001", group_id=5), LI))["customer"]["id"] == one
        await bridge.who_is(OURS, "+8613800000001")
        await bridge.call_ended(ringing("+8613800000001"))
    assert len(seen) <= 12
    assert await slow_steps(database, seen) == []


async def test_opening_and_filing_read_by_index_only(database: Database) -> None:
    with statements(database) as seen:
        one = await file(database, new("张三", "13800000001", tags=["a"]))
        firm = await file(database, new("甲厂", kind="enterprise"))
        numbers = [GivenNumber(number="13800000001"), GivenNumber(number="13800000002")]
        await edit(database, one, numbers=numbers, tags=["b"], remark="x")
        await edit(database, firm, name="乙厂")
        async with database.read() as connection:
            await customers.require(connection, who(), one)
            await match(connection, OURS, "13800000001", condition=customers.visible(who()))
        async with database.write() as connection:
            await filing.remove(connection, who(), one)
    assert await slow_steps(database, seen) == []
