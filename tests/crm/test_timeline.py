"""Notes and the timeline they share with calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from callcenter.domain.refusals import Refusal
from callcenter.store.database import Database
from callcenter.web.identity import Identity
from crm_bridge import timeline
from crm_bridge.customers import customers
from crm_bridge.notes import notes
from crm_bridge.notes.notes import NewNote, NoteChange
from crm_bridge.timeline import TimelineItem
from tests.crm.support import LI, NOW, OURS, STRANGER, THEIRS, WANG, file, new, past_call, who


async def write(
    database: Database, customer_id: int, text: str, me: Identity | None = None, at: datetime = NOW, open_: bool = False
) -> int:
    async with database.write() as connection:
        made = await notes.add(connection, me or who(), customer_id, NewNote(text=text, open=open_), at)
    assert isinstance(made.id, int)
    return made.id


async def change(database: Database, note_id: int, me: Identity, **values: Any) -> TimelineItem:
    async with database.write() as connection:
        return await notes.change(connection, me, note_id, NoteChange(**values))


async def remove(database: Database, note_id: int, me: Identity) -> None:
    async with database.write() as connection:
        await notes.remove(connection, me, note_id)


async def line(database: Database, customer_id: int, limit: int = 20, offset: int = 0) -> list[TimelineItem]:
    async with database.read() as connection:
        brief = (await customers.briefs(connection, OURS, [customer_id]))[customer_id]
        return await timeline.items(connection, OURS, brief, limit=limit, offset=offset)


async def refused(waiting: Any) -> str:
    with pytest.raises(Refusal) as caught:
        await waiting
    return caught.value.code


async def test_calls_and_notes_stand_in_one_line_the_newest_first(database: Database) -> None:
    one = await file(database, new("张三", "13800000001"))
    other = await file(database, new("李四", "13800000002"))
    await write(database, other, "别人的")
    ids: list[str | int] = []
    for hours in range(6, 0, -1):
        at = NOW - timedelta(hours=hours)
        if hours % 2:
            ids.append(await past_call(database, "+8613800000001", customer_id=one, started_at=at, note="聊得好"))
        else:
            ids.append(await write(database, one, f"第{hours}", at=at, open_=hours == 2))
    ids.reverse()
    found = await line(database, one)
    assert [item.id for item in found] == ids
    assert [item.kind for item in found] == ["call", "note"] * 3
    assert [item.open for item in found] == [False, True, False, False, False, False]
    assert found[0].call is not None
    assert found[0].call.note == "聊得好"
    assert found[0].call.customer is not None
    assert found[0].call.customer.name == "张三"
    assert found[0].employee is not None
    assert found[0].employee.name == "李雷"
    assert (found[1].text, found[1].call) == ("第2", None)
    pages = [item.id for offset in (0, 4) for item in await line(database, one, limit=4, offset=offset)]
    assert pages == ids
    async with database.read() as connection:
        assert await timeline.count(connection, OURS, one) == 6
        shown = await customers.view(connection, OURS, one)
    assert shown is not None
    assert (shown.calls_count, shown.contacts_count) == (3, 6)
    assert shown.last_contact_at == NOW - timedelta(hours=2)


async def test_a_colleague_closes_a_note_but_only_its_author_rewrites_it(database: Database) -> None:
    one = await file(database, new("张三", "13800000001"), who(WANG))
    await past_call(database, "+8613800000001", customer_id=one, employee_id=LI)
    written = await write(database, one, " 周五回电 ", who(WANG), open_=True)
    closed = await change(database, written, who(LI), open=False)
    assert (closed.text, closed.open) == ("周五回电", False)
    assert await refused(change(database, written, who(LI), text="改")) == "forbidden"
    assert await refused(remove(database, written, who(LI))) == "forbidden"
    assert (await change(database, written, who(LI, sees={WANG}), text="主管改")).text == "主管改"
    await remove(database, written, who(WANG))
    assert await refused(change(database, written, who(WANG), open=True)) == "not_found"


async def test_notes_on_customers_one_does_not_see_do_not_exist(database: Database) -> None:
    one = await file(database, new("张三", "13800000001"), who(WANG))
    written = await write(database, one, "x", who(WANG))
    for me in (who(LI), who(STRANGER, company_id=THEIRS, all_=True)):
        assert await refused(write(database, one, "y", me)) == "not_found"
        assert await refused(change(database, written, me, open=True)) == "not_found"
        assert await refused(remove(database, written, me)) == "not_found"


async def test_a_blank_note_is_none(database: Database) -> None:
    one = await file(database, new("张三", "13800000001"))
    assert await refused(write(database, one, " \n ")) == "invalid"
