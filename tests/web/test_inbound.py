"""Groups, numbers, hours and announcements: what makes no sense is refused, and the rest is kept as given."""

from __future__ import annotations

import io
import wave
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from callcenter.store.tables.calls import call
from callcenter.store.tables.inbound import callback_request
from tests.web.support import Browser, Site


def _tone(seconds: float = 0.5, rate: int = 16_000) -> bytes:
    """A WAV file at another rate than telephones use."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(4 * int(rate * seconds)))
    return held.getvalue()


async def _group(browser: Browser, **rules: Any) -> dict[str, Any]:
    answer = await browser.ask("POST", "/api/groups", {"name": "新组", **rules})
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.json
    return made


async def test_a_group_keeps_its_rules_and_its_members_levels(site: Site) -> None:
    people = [site.world.own.people["agent"], site.world.own.people["other"]]
    async with site.browser("admin") as browser:
        made = await _group(browser, member_ids=people, levels={str(people[1]): 3}, strategy="fewest_calls", weight=5)
        assert made["levels"] == {str(people[0]): 1, str(people[1]): 3}
        assert (made["strategy"], made["weight"], made["greeting"]) == ("fewest_calls", 5, "ringback")
        path = f"/api/groups/{made['id']}"
        changed = (await browser.ask("PATCH", path, {"member_ids": people[1:]})).json
        assert changed["levels"] == {str(people[1]): 3}, "who stays keeps the level"
        group = site.engine.core.directory.groups[made["id"]]
        assert group.levels == {people[1]: 3} and group.weight == 5, "the engine knows"
        assert (await browser.ask("PATCH", path, {"strategy": "ring_all"})).json["queue"] == f"q-{made['id']}"
        assert site.engine.core.directory.groups[made["id"]].queue == f"q-{made['id']}-all"


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"callback_offered": True}, "greeting_must_be_music"),
        ({"announce_seconds": 30}, "greeting_must_be_music"),
        ({"overflow": "group"}, "group_unknown"),
        ({"overflow": "number", "overflow_number": "13900009999"}, "overflow_number_unknown"),
        ({"overflow": "number", "overflow_number": "x"}, "number_invalid"),
        ({"levels": {"1": 6}}, "invalid"),
        ({"levels": {"x": 1}}, "employee_unknown"),
        ({"ring_seconds": 0}, "invalid"),
        ({"strategy": "random"}, "invalid"),
    ],
)
async def test_rules_that_make_no_sense_are_refused(site: Site, rules: dict[str, Any], code: str) -> None:
    async with site.browser("admin") as browser:
        answer = await browser.ask("POST", "/api/groups", {"name": "新组", "member_ids": [], **rules})
        assert answer.code == code, answer.raw


async def test_groups_cannot_overflow_in_a_circle_nor_lose_their_overflow(site: Site) -> None:
    async with site.browser("admin") as browser:
        first = await _group(browser)
        second = await _group(browser, name="第二组", overflow="group", overflow_group_id=first["id"])
        rules = {"overflow": "group", "overflow_group_id": second["id"]}
        assert (await browser.ask("PATCH", f"/api/groups/{first['id']}", rules)).code == "overflow_loop"
        own = {"overflow": "group", "overflow_group_id": first["id"]}
        assert (await browser.ask("PATCH", f"/api/groups/{first['id']}", own)).code == "overflow_loop"
        assert (await browser.ask("DELETE", f"/api/groups/{first['id']}")).code == "group_is_overflow"


async def test_callers_overflow_to_the_phone_of_an_employee(site: Site) -> None:
    agent = site.world.own.people["agent"]
    async with site.browser("admin") as browser:
        changed = await browser.ask("PATCH", f"/api/employees/{agent}", {"phone": "139 0000 0009"})
        assert changed.status == 200, changed.raw
        made = await _group(browser, overflow="number", overflow_number="13900000009")
        assert made["overflow_number"] == "+8613900000009"
        assert site.engine.core.directory.groups[made["id"]].overflow_employee_id == agent


async def test_a_group_with_requests_stays_until_they_are_dealt_with(site: Site) -> None:
    async with site.browser("admin") as browser:
        made = await _group(browser)
        async with site.database.write() as connection:
            named = select(callback_request).where(callback_request.c.company_id == site.world.own.id)
            row = dict((await connection.execute(named)).mappings().first() or {})
            del row["id"]
            row |= {"group_id": made["id"], "open_key": f"{made['id']}:x"}
            await connection.execute(insert(callback_request).values(**row))
        assert (await browser.ask("DELETE", f"/api/groups/{made['id']}")).code == "group_has_callbacks"


async def test_numbers_keep_hours_and_hours_are_kept_for_them(site: Site) -> None:
    async with site.browser("admin") as browser:
        day = [{"start": "09:00", "end": "18:00"}]
        week = {"1": day}
        made = await browser.ask("POST", "/api/hours", {"name": "工作日", "weekly": week})
        assert made.status == 201
        assert made.json["weekly"] == {str(one): [] for one in range(1, 8)} | {"1": day}
        path = f"/api/numbers/{site.world.own.ids['number']}"
        rules = {"hours_id": made.json["id"], "priority": 3, "closed_action": "voicemail"}
        changed = await browser.ask("PATCH", path, rules)
        assert {key: changed.json[key] for key in rules} == rules
        assert (await browser.ask("DELETE", f"/api/hours/{made.json['id']}")).code == "hours_in_use"
        listed = next(one for one in (await browser.get("/api/hours")).json if one["id"] == made.json["id"])
        assert listed["numbers"] == [changed.json["number"]]
        assert (await browser.ask("PATCH", path, {"hours_id": None})).json["hours_id"] is None
        assert (await browser.ask("DELETE", f"/api/hours/{made.json['id']}")).status == 204
        bad = {"name": "坏", "weekly": {"1": [{"start": "18:00", "end": "09:00"}]}}
        assert (await browser.ask("POST", "/api/hours", bad)).code == "hours_invalid"


async def test_an_announcement_is_converted_heard_and_replaced(site: Site) -> None:
    async with site.browser("admin") as browser:
        path = f"{site.url}/api/prompts/voicemail?name=feierabend.wav"
        async with browser.http.put(path, data=_tone(0.5)) as answer:
            made = await answer.json()
            assert answer.status == 200, made
        assert (made["kind"], made["name"], made["duration"]) == ("voicemail", "feierabend.wav", 0.5)
        heard = await browser.get("/api/prompts/voicemail/audio")
        with wave.open(io.BytesIO(heard.raw), "rb") as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        async with browser.http.put(f"{site.url}/api/prompts/voicemail", data=_tone(1.0)) as answer:
            assert (await answer.json())["duration"] == 1.0
        assert [one["kind"] for one in (await browser.get("/api/prompts")).json] == ["greeting", "voicemail"]
        bodies = ((b"", "audio_invalid"), (b"no sound at all", "audio_invalid"), (bytes(11_000_000), "too_large"))
        for body, code in bodies:
            async with browser.http.put(f"{site.url}/api/prompts/closed", data=io.BytesIO(body)) as answer:
                assert (await answer.json())["error"]["code"] == code
        async with browser.http.put(f"{site.url}/api/prompts/jingle", data=_tone()) as answer:
            assert answer.status == 404
        assert (await browser.ask("DELETE", "/api/prompts/voicemail")).status == 204
        assert (await browser.get("/api/prompts/voicemail/audio")).status == 404


async def test_a_playlist_is_not_followed_out_of_the_file(site: Site) -> None:
    """An upload that names other files must not make the server read them."""
    async with site.browser("admin") as browser:
        hls = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n/etc/hostname\n"
        for playlist in (hls, b"ffconcat version 1.0\nfile /etc/hostname\n"):
            async with browser.http.put(f"{site.url}/api/prompts/closed", data=playlist) as answer:
                assert (await answer.json())["error"]["code"] == "audio_invalid"


async def test_a_new_group_does_not_inherit_what_a_deleted_one_had(site: Site) -> None:
    """The database may give an id out again."""
    company_id, call_id = site.world.own.id, site.world.own.ids["call_id"]
    mine = (call.c.company_id == company_id, call.c.id == call_id)
    async with site.browser("admin") as browser:
        made = await _group(browser)
        async with site.database.write() as connection:
            await connection.execute(update(call).where(*mine).values(group_id=made["id"]))
        assert (await browser.ask("DELETE", f"/api/groups/{made['id']}")).status == 204
        async with site.database.read() as connection:
            assert (await connection.execute(select(call.c.group_id).where(*mine))).scalar_one() is None
