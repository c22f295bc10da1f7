"""Every way out asks where the call goes; nothing out of scope is opened by calling it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from sqlalchemy import insert, select

from callcenter.domain.agents import Agent
from callcenter.domain.destinations import WayOut
from callcenter.domain.dial_tasks import number_of
from callcenter.domain.gates import GateClosed
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Gate, Mode
from callcenter.engine.outbound.ways_out import WaysOut
from callcenter.store.base import utcnow
from callcenter.store.policies import read_policy
from callcenter.store.tables.calls import leg
from callcenter.store.tables.inbound import inbound_number
from callcenter.store.tables.people import audit
from callcenter.store.tables.tasks import dial_task_number
from crm_bridge.customers.tables import customer
from tests.web.support import Browser, Site
from tests.web.tasks import good

ABROAD, SATELLITE, PREMIUM, EMERGENCY = "+14155552671", "+881612345678", "125901234", "120"
OPEN = {"countries": ["US"], "calls_per_day": 0, "calls_per_number": 0, "forwarded_at_once": 3}


async def dial(browser: Browser, key: str, **body: Any) -> str:
    return (await browser.ask("POST", "/api/calls", body, headers={"Idempotency-Key": key})).code


async def test_only_home_can_be_dialled_until_a_country_is_opened(site: Site) -> None:
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        for number in (ABROAD, SATELLITE, PREMIUM, "+18765551234"):
            assert await dial(agent, f"closed-{number}", number=number) == "destination_closed", number
        assert await dial(agent, "help", number=EMERGENCY) not in ("destination_closed", "emergency_by_hand")

        assert (await good(admin, "PUT", "/api/settings/destinations", OPEN))["countries"] == ["US"]
        assert await dial(agent, "open", number=ABROAD) != "destination_closed"
        for number in (SATELLITE, PREMIUM, "+18765551234", "+19005551234"):
            assert await dial(agent, f"still-{number}", number=number) == "destination_closed", number
        assert (await admin.ask("PUT", "/api/settings/destinations", OPEN | {"countries": ["QQ"]})).code == (
            "country_unknown"
        )
        assert (await agent.ask("PUT", "/api/settings/destinations", OPEN)).code == "forbidden"
        assert (await admin.ask("PUT", "/api/settings/destinations", OPEN | {"premium": True})).code == "invalid"
    async with site.database.read() as connection:
        written = select(audit.c.details).where(
            audit.c.company_id == site.world.own.id, audit.c.action == "destinations.changed"
        )
        assert "countries" in (await connection.execute(written)).scalars().one()["changes"]
    assert not site.pbx.originated()


async def test_a_task_never_dials_an_emergency_number(site: Site) -> None:
    own = site.world.own
    async with site.database.write() as connection:
        made = await connection.execute(
            insert(dial_task_number)
            .values(
                company_id=own.id,
                task_id=own.ids["dial_task"],
                import_id=1,
                number=EMERGENCY,
                assignee_id=own.people["agent"],
                created_at=utcnow(),
            )
            .returning(dial_task_number.c.id)
        )
        number_id = made.scalar_one()
    async with site.browser("agent") as agent:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        assert await dial(agent, "from-a-task", task_number_id=number_id) == "emergency_by_hand"
    assert not site.pbx.originated()


@pytest.mark.parametrize(
    ("number", "code"),
    [(ABROAD, "destination_closed"), (SATELLITE, "destination_closed"), (EMERGENCY, "emergency_by_hand")],
)
async def test_no_employees_phone_lies_where_calls_may_not_go(site: Site, number: str, code: str) -> None:
    async with site.browser("admin") as admin:
        seat = {"code": "Z-1", "mode": "callback", "bound_phone": number}
        assert (await admin.ask("POST", "/api/seats", seat)).code == code
        [made] = await good(admin, "POST", "/api/seats", seat | {"bound_phone": "13810009999"})
        assert (await admin.ask("PATCH", f"/api/seats/{made['id']}", {"bound_phone": number})).code == code
        path = f"/api/groups/{site.world.own.ids['group']}"
        overflow = {"overflow": "number", "overflow_number": number}
        assert (await admin.ask("PATCH", path, overflow)).code == code


async def test_no_employees_phone_and_no_task_is_a_number_on_which_the_company_is_called(site: Site) -> None:
    own = site.world.own
    async with site.database.read() as connection:
        query = select(inbound_number.c.number).where(inbound_number.c.company_id == own.id)
        number = (await connection.execute(query)).scalars().first()
        policies = [await read_policy(connection, one) for one in (own.id, site.world.foreign.id)]
        assert number in policies[0].own and number not in policies[1].own
    assert site.engine.core.directory.companies[own.id].policy == policies[0]
    async with site.browser("admin") as admin:
        seat = {"code": "Z-2", "mode": "callback", "bound_phone": number}
        assert (await admin.ask("POST", "/api/seats", seat)).code == "own_number_by_hand"
        overflow = {"overflow": "number", "overflow_number": number}
        answer = await admin.ask("PATCH", f"/api/groups/{own.ids['group']}", overflow)
        assert answer.code == "own_number_by_hand"
    assert site.engine.ways_out.closed(own.id, str(number), WayOut.CALLBACK) is Gate.OWN_NUMBER_BY_HAND
    assert number_of(str(number), policies[0], "CN") == (None, "own_number_by_hand")


async def test_only_the_operator_opens_dear_numbers_and_satellites(site: Site) -> None:
    own = site.world.own
    path = f"/api/platform/companies/{own.id}"
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        view = await good(admin, "GET", "/api/settings/destinations")
        assert (view["premium"], view["satellite"], view["home"]) == (False, False, "CN")
        changed = await good(admin, "PATCH", path, {"premium_open": True, "satellite_open": True})
        assert (changed["premium_open"], changed["satellite_open"]) == (True, True)
        for number in (SATELLITE, PREMIUM):
            assert await dial(agent, f"opened-{number}", number=number) != "destination_closed"


async def test_another_spelling_leads_round_no_blacklist(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        await good(admin, "POST", "/api/blacklist", {"number": "138 1000 7777", "reason": "不再来电"})
        for typed in ("8613810007777", "008613810007777", "+8613810007777", "01381000 7777"):
            assert (await admin.ask("POST", "/api/blacklist", {"number": typed})).code == "number_taken", typed
        monkeypatch.setattr(Agent, "has_phone", Mock(return_value=True))
        for key, typed in enumerate(("8613810007777", "0086 13810007777", "13810007777 转 1", "1795113810007777")):
            assert await dial(agent, f"blocked-{key}", number=typed) == "blacklisted", typed
        assert (site.world.own.id, normalise_or_raw("+86 138-1000-7777")) in site.engine.core.directory.blacklist


async def test_limits_of_the_day_are_gates(site: Site) -> None:
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        await good(admin, "PUT", "/api/settings/destinations", OPEN | {"calls_per_number": 1})
        site.engine.ways_out.left(site.world.own.id, "+8613911112222")
        spelled = ("139 1111 2222", "+86 139-1111-2222", "008613911112222", "860 139 1111 2222", "13911112222 转 8")
        for key, typed in enumerate(spelled):
            assert await dial(agent, f"twice-{key}", number=typed) == "number_limit_reached", typed
        assert await dial(agent, "other", number="139 1111 2223") != "number_limit_reached"
        await good(admin, "PUT", "/api/settings/destinations", OPEN | {"calls_per_day": 1})
        assert await dial(agent, "any", number="139 1111 2223") == "day_limit_reached"


async def test_what_is_refused_or_never_starts_uses_nothing_of_the_limits(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, own, number = site.engine, site.world.own, "+8613911112222"
    person = own.people["agent"]
    one = Mock(id="c", company_id=own.id, mode=Mode.DIRECT)

    while_asked = []

    async def unpaid(**_: Any) -> None:
        while_asked.append(engine.ways_out.closed(own.id, number, WayOut.BY_HAND))
        raise GateClosed(Gate.MINUTES_USED_UP)

    async def fails(_: int | None) -> None:
        raise Refusal("phones_unavailable")

    async with site.browser("agent") as agent, site.browser("admin") as admin:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        await good(admin, "PUT", "/api/settings/destinations", OPEN | {"calls_per_number": 1})
        monkeypatch.setattr(engine.core.packages, "reserve", unpaid)
        rules = engine.core.directory.companies[own.id]
        engine.core.directory.companies[own.id] = replace(rules, window=(time.min, time.max))
        monkeypatch.setattr(Agent, "has_phone", Mock(return_value=True))
        first = await dial(agent, "unpaid", number=number)
        with pytest.raises(Refusal, match="minutes_used_up"):
            await engine.control._paid(one, number, person, fails)
        with pytest.raises(Refusal):
            held = AsyncMock(return_value=Mock(minutes=1, limit=timedelta(minutes=1)))
            monkeypatch.setattr(engine.core.packages, "reserve", held)
            await engine.control._paid(one, number, person, fails)
        assert first == "minutes_used_up"
    # Whoever dials in this very moment is not let past.
    assert while_asked == [Gate.NUMBER_LIMIT_REACHED] * 2
    assert engine.ways_out.closed(own.id, number, WayOut.BY_HAND) is None
    await engine.control._paid(one, number, person, AsyncMock())
    assert engine.ways_out.closed(own.id, number, WayOut.BY_HAND) is Gate.NUMBER_LIMIT_REACHED


async def test_who_was_consulted_counts_as_a_dial_after_a_restart_too(site: Site) -> None:
    own = site.world.own
    async with site.browser("admin") as admin:
        before = (await good(admin, "GET", "/api/settings/destinations"))["dialled_today"]
        async with site.database.write() as connection:
            [call_id] = (
                await connection.execute(select(leg.c.call_id).where(leg.c.company_id == own.id).limit(1))
            ).scalars()
            for key, channel in (("third-1", "PJSIP/trunk-1-0000"), ("third-2", "PJSIP/agent-5-0000")):
                made = {"id": key, "company_id": own.id, "call_id": call_id, "role": "third", "channel": channel}
                await connection.execute(insert(leg).values(**made, state="ended", started_at=utcnow()))
        assert (await good(admin, "GET", "/api/settings/destinations"))["dialled_today"] == before + 1
        restarted = WaysOut(site.engine.core, "CN")
        await restarted.load()
        await good(admin, "PUT", "/api/settings/destinations", OPEN | {"calls_per_day": before + 1})
    assert restarted.closed(own.id, "+8613911112222", WayOut.BY_HAND) is Gate.DAY_LIMIT_REACHED


async def test_a_colleagues_customer_out_of_scope_is_not_opened_by_calling(site: Site) -> None:
    own = site.world.own
    async with site.database.write() as connection:
        now = utcnow()
        made = await connection.execute(
            insert(customer)
            .values(
                company_id=own.id,
                kind="personal",
                name="本域别人的客户",
                owner_id=own.people["admin"],
                created_at=now,
                updated_at=now,
            )
            .returning(customer.c.id)
        )
        hidden = made.scalar_one()
    async with site.browser("agent") as agent:
        await good(agent, "PUT", "/api/me/state", {"state": "ready"})
        assert (await agent.get(f"/api/customers/{hidden}")).code == "not_found"
        for customer_id in (hidden, site.world.foreign.ids["customer"], 999_999):
            code = await dial(agent, f"of-{customer_id}", number="13911113333", customer_id=customer_id)
            assert code == "customer_unknown", "one answer for all three: nothing is told"
        assert (await agent.get(f"/api/customers/{hidden}")).code == "not_found"
