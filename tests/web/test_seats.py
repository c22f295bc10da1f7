"""Seats and outside numbers through the API: what is taken, what is refused, what is kept of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from callcenter.store.tables.people import audit
from tests.web.support import Browser, Site


async def add_numbers(browser: Browser, *numbers: str, kind: str = "direct", **more: Any) -> list[dict[str, Any]]:
    answer = await browser.ask("POST", "/api/outside-numbers", {"numbers": list(numbers), "kind": kind, **more})
    assert answer.status == 201, answer.raw
    made: list[dict[str, Any]] = answer.json
    return made


async def add_seat(browser: Browser, **given: Any) -> dict[str, Any]:
    answer = await browser.ask("POST", "/api/seats", given)
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.json[0]
    return made


async def actions(site: Site) -> list[str]:
    query = select(audit.c.action).where(audit.c.company_id == site.world.own.id).order_by(audit.c.id)
    async with site.database.read() as connection:
        return list((await connection.execute(query)).scalars())


async def test_seats_are_added_one_by_one_or_many_with_the_next_codes(site: Site) -> None:
    async with site.browser("admin") as admin:
        one = await add_seat(admin, code="A-1", mode="callback", bound_phone="138 1000 0001")
        assert (one["code"], one["mode"], one["bound_phone"]) == ("A-1", "callback", "+8613810000001")
        assert one["bound_phone_display"] == "138 1000 0001"
        many = (await admin.ask("POST", "/api/seats", {"count": 3})).json
        assert [seat["code"] for seat in many] == ["8001", "8002", "8003"]
        assert [seat["code"] for seat in (await admin.ask("POST", "/api/seats", {"count": 2})).json] == ["8004", "8005"]
        for given, code in (
            ({"code": "8001"}, "code_taken"),
            ({"code": "B", "bound_phone": "13810000001"}, "phone_taken"),
            ({"code": "B", "bound_phone": "12"}, "number_invalid"),
            ({"code": "B", "employee_id": site.world.foreign.people["agent"]}, "employee_unknown"),
            ({"code": "B", "employee_id": site.world.own.people["agent"]}, "employee_has_seat"),
            ({"code": "B", "count": 2}, "invalid"),
        ):
            assert (await admin.ask("POST", "/api/seats", given)).code == code
        found = (await admin.get("/api/seats?q=1381000")).json
        assert [seat["code"] for seat in found["items"]] == ["A-1"]
        assert "seat.created" in await actions(site)


async def test_a_seat_is_given_away_taken_back_and_deleted(site: Site) -> None:
    async with site.browser("admin") as admin:
        person = site.world.own.people["admin"]
        seat = await add_seat(admin, code="7001")
        path = f"/api/seats/{seat['id']}"
        assert seat["code"] in [one["code"] for one in (await admin.get("/api/seats?filter=unassigned")).json["items"]]
        assert (await admin.ask("PATCH", path, {"employee_id": person})).json["employee"]["id"] == person
        assert (await admin.ask("DELETE", path)).code == "seat_assigned"
        other = site.world.own.people["supervisor"]
        assert (await admin.ask("PATCH", path, {"employee_id": other})).code == "seat_assigned"
        assert (await admin.ask("PATCH", path, {"employee_id": None, "leg_order": "customer_first"})).status == 200
        [number] = await add_numbers(admin, "02160009001")
        await admin.ask("PATCH", f"/api/outside-numbers/{number['id']}", {"seat_id": seat["id"]})
        assert (await admin.ask("DELETE", path)).status == 204
        listed = (await admin.get("/api/outside-numbers?q=02160009001")).json["items"]
        assert listed[0]["seat"] is None, "a number whose seat is gone is free"
        assert {"seat.changed", "seat.deleted", "outside_number.bound"} <= set(await actions(site))


async def test_numbers_are_added_all_or_none_with_their_region(site: Site) -> None:
    async with site.browser("admin") as admin:
        made = await add_numbers(admin, "021-6000 9001", "01065529001", "+86 571 8888 9001")
        assert {one["number"]: one["region"] for one in made} == {
            "+862160009001": "上海市",
            "+861065529001": "北京市",
            "+8657188889001": "浙江省杭州市",
        }
        [typed] = await add_numbers(admin, "4008889001", kind="telecom", region="全国")
        assert (typed["kind"], typed["region"]) == ("telecom", "全国")
        answer = await admin.ask(
            "POST",
            "/api/outside-numbers",
            {"numbers": ["02160009002", "12", "02160009001", "02160009003", "021 60009003"], "kind": "direct"},
        )
        assert answer.code == "rows_invalid"
        rows = answer.json["error"]["details"]["rows"]
        assert [(row["row"], row["code"]) for row in rows] == [
            (1, "number_invalid"),
            (2, "number_taken"),
            (4, "number_twice"),
        ]
        assert (await admin.get("/api/outside-numbers?q=02160009002")).json["total"] == 0


async def test_one_seat_one_number_of_a_kind(site: Site) -> None:
    async with site.browser("admin") as admin:
        first, second = await add_seat(admin, code="7001"), await add_seat(admin, code="7002")
        one, two = await add_numbers(admin, "02160009001", "02160009002")
        [telecom] = await add_numbers(admin, "02160009003", kind="telecom")

        async def bind(number: dict[str, Any], seat_id: int | None) -> Any:
            return await admin.ask("PATCH", f"/api/outside-numbers/{number['id']}", {"seat_id": seat_id})

        assert (await bind(one, first["id"])).json["seat"]["code"] == "7001"
        assert (await bind(one, first["id"])).status == 200, "bound already"
        assert (await bind(one, second["id"])).code == "number_bound"
        assert (await bind(two, first["id"])).code == "seat_has_number"
        assert (await bind(telecom, first["id"])).status == 200, "another kind"
        assert (await bind(two, site.world.foreign.ids["seat"])).code == "seat_unknown"
        assert (await admin.ask("DELETE", f"/api/outside-numbers/{one['id']}")).code == "number_bound"
        await admin.ask("PATCH", f"/api/outside-numbers/{two['id']}", {"state": "inactive"})
        assert (await bind(two, second["id"])).code == "number_inactive"
        assert (await bind(one, None)).json["seat"] is None
        assert (await admin.ask("DELETE", f"/api/outside-numbers/{one['id']}")).status == 204


async def test_many_bindings_at_once_are_all_or_none(site: Site) -> None:
    async with site.browser("admin") as admin:
        for code in ("7001", "7002"):
            await add_seat(admin, code=code)
        await add_numbers(admin, "02160009001", "02160009002", "02160009003")
        pairs = [
            {"number": "02160009001", "seat": "7001"},
            {"number": "02160009002", "seat": "7001"},
            {"number": "02160009003", "seat": "7009"},
            {"number": "02160009009", "seat": "7002"},
            {"number": "x", "seat": "7002"},
        ]
        answer = await admin.ask("POST", "/api/outside-numbers/bindings", {"pairs": pairs})
        assert answer.code == "rows_invalid"
        assert [(row["row"], row["code"]) for row in answer.json["error"]["details"]["rows"]] == [
            (1, "seat_has_number"),
            (2, "seat_unknown"),
            (3, "number_unknown"),
            (4, "number_invalid"),
        ]
        listed = (await admin.get("/api/outside-numbers?q=0216000900")).json["items"]
        assert [one["seat"] for one in listed] == [None, None, None], "nothing of it was kept"
        good = [pairs[0], {"number": "02160009002", "seat": "7002"}]
        assert (await admin.ask("POST", "/api/outside-numbers/bindings", {"pairs": good})).json == {"bound": 2}
        unbound = (await admin.get("/api/seats?filter=unbound&q=700")).json
        assert unbound["total"] == 0


async def test_a_supervisor_sees_the_seats_of_the_department_only(site: Site) -> None:
    async with site.browser("supervisor") as boss:
        listed = (await boss.get("/api/seats")).json["items"]
        assert [one["employee"]["id"] for one in listed] == [site.world.own.people["agent"]]
        assert (await boss.ask("POST", "/api/seats", {"count": 1})).code == "forbidden"
    async with site.browser("agent") as agent:
        assert (await agent.get("/api/seats")).code == "forbidden"
        assert (await agent.get("/api/me")).json["seat"]["id"] == site.world.own.ids["seat"]


async def test_a_package_covers_two_modes(site: Site) -> None:
    async with site.browser("admin") as admin:
        given = {"employee_id": site.world.own.people["agent"], "name": "双模", "minutes": 10, "days": 5}
        both = (await admin.ask("POST", "/api/packages", {**given, "mode": "callback", "also_mode": "direct"})).json
        assert (both["mode"], both["also_mode"]) == ("callback", "direct")
        same = (await admin.ask("POST", "/api/packages", {**given, "mode": "point", "also_mode": "point"})).json
        assert (same["mode"], same["also_mode"]) == ("point", None)


async def test_the_access_number_takes_no_calls_of_a_group(site: Site) -> None:
    async with site.browser("admin") as admin:
        settings = (await admin.get("/api/settings/company")).json
        led = "02160008000"
        given = {"number": led, "group_id": site.world.own.ids["group"]}
        assert (await admin.ask("POST", "/api/numbers", given)).status == 201
        answer = await admin.ask("PUT", "/api/settings/company", {**settings, "access_number": led})
        assert answer.code == "access_number_taken"
        assert (
            await admin.ask("PUT", "/api/settings/company", {**settings, "access_number": "02160009009"})
        ).status == 200
        taken = {"number": "02160009009", "group_id": site.world.own.ids["group"]}
        assert (await admin.ask("POST", "/api/numbers", taken)).code == "access_number_taken"
