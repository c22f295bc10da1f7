"""Notes that wait to be done, across customers."""

from __future__ import annotations

from callcenter.store.database import Database
from crm_bridge.notes import notes
from crm_bridge.notes.notes import NewNote, NoteChange, NoteQuery
from tests.crm.support import LI, NOW, file, new, who

SOMEBODY_ELSE = LI + 1


async def test_open_notes_are_listed_in_scope_and_found_by_words_or_name(database: Database) -> None:
    first = await file(database, new("王芳", "13800000001"))
    second = await file(database, new("刘洋", "13800000002"))
    async with database.write() as connection:
        quote = await notes.add(connection, who(), first, NewNote(text="回复报价", open=True), NOW)
        await notes.add(connection, who(), second, NewNote(text="已说明", open=False), NOW)
        await notes.add(connection, who(SOMEBODY_ELSE, all_=True), second, NewNote(text="别人的", open=True), NOW)
    async with database.read() as connection:
        mine = await notes.listing(connection, who(), NoteQuery(open=True))
        everything = await notes.listing(connection, who(all_=True), NoteQuery())
        by_word = await notes.listing(connection, who(), NoteQuery(q="报价"))
        by_name = await notes.listing(connection, who(), NoteQuery(q="刘"))
    assert [(one.text, one.customer.name) for one in mine.items] == [("回复报价", "王芳")]
    assert everything.total == 3
    assert [one.text for one in by_word.items] == ["回复报价"]
    assert [one.text for one in by_name.items] == ["已说明"]
    async with database.write() as connection:
        await notes.change(connection, who(), int(quote.id), NoteChange(open=False))
    async with database.read() as connection:
        assert (await notes.listing(connection, who(), NoteQuery(open=True))).total == 0
