"""Direct numbers from the application to their return, and what they cost (SPEC §B8.4-B8.8, §C11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from callcenter import due
from callcenter.domain.events import LinkState
from callcenter.domain.terms import AgentState, Device, Mode
from callcenter.features.numbers.tables import number_fee
from callcenter.ledger.packages import Packages
from callcenter.store.base import utcnow
from callcenter.store.tables.numbers import outside_number
from tests.web.support import Answer, Browser, Site
from tests.web.till import Till, opened, sheet

IDENTITY = "11010519491231002X"
PROMPT = "账户余额不足, 请先联系管理员充值后再拨打。"


class Numbers:
    """The customer's direct numbers; the agent and the administrator are the customer's."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.agent_id = till.site.world.foreign.people["agent"]
        self.seat_id = till.site.world.foreign.ids["seat"]

    async def asked(self, count: int = 1, fee: int = 800) -> int:
        """Asks for so many numbers; there is money for their first month."""
        await self.till.prices(number_month=fee)
        await self.till.fill(fee * count)
        for index in range(count):
            body = {"code": f"9{index}{utcnow():%f}"}
            await self.till.customer.ask("POST", "/api/seats", body)
        asked = await self.till.buy("/api/number-applications", {"quantity": count, "region": "上海"})
        assert asked.status == 201, asked.raw
        return int(asked.json["id"])

    async def dispatched(self, count: int = 1, fee: int = 800, digits: str = "") -> list[int]:
        """Asks for so many numbers and gets them; `digits` is the first one's number."""
        application_id = await self.asked(count, fee)
        numbers = [{"number": f"0216{utcnow():%f}{index}", "iccid": f"8986{index}"} for index in range(count)]
        numbers[0]["number"] = digits or numbers[0]["number"]
        path = f"/api/platform/number-applications/{application_id}/dispatch"
        done = await self.till.operator.ask("POST", path, {"numbers": numbers})
        assert done.json["state"] == "dispatched", done.raw
        found = (await self.listed(state="dispatched"))[:count]
        return [one["id"] for one in found]

    async def listed(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.till.customer.get("/api/direct-numbers", params=query)
        assert answer.status == 200, answer.raw
        return list(answer.json["items"])

    async def assign(self, *ids: int) -> Answer:
        body = {"ids": list(ids), "employee_id": self.agent_id}
        return await self.till.customer.ask("POST", "/api/direct-numbers/assign", body)

    async def step(self, number_id: int, what: str, body: dict[str, Any] | None = None) -> Answer:
        return await self.till.customer.ask("POST", f"/api/direct-numbers/{number_id}/{what}", body or {})

    async def state(self, number_id: int) -> str:
        return next(str(one["state"]) for one in await self.listed() if one["id"] == number_id)

    async def free_seat(self) -> None:
        """Takes the number off the agent's seat that the world gave it."""
        company_id = self.till.site.world.foreign.id
        async with self.till.site.database.write() as connection:
            await connection.execute(
                update(outside_number)
                .where(outside_number.c.company_id == company_id, outside_number.c.seat_id == self.seat_id)
                .values(seat_id=None)
            )


async def take(agent: Browser, number_id: int, identity: str = IDENTITY) -> Answer:
    return await agent.ask("POST", f"/api/direct-numbers/{number_id}/activate", {"identity": identity})


@pytest.mark.feature("T-06")
async def test_a_number_goes_from_dispatched_to_bound_step_by_step(site: Site) -> None:
    async with opened(site) as till, site.browser("agent", "foreign") as agent:
        numbers = Numbers(till)
        await numbers.free_seat()
        (number_id,) = await numbers.dispatched()
        bind = {"seat_id": numbers.seat_id}
        assert await numbers.state(number_id) == "dispatched"
        assert (await numbers.step(number_id, "bind", bind)).code == "number_not_activated"
        assert [one["id"] for one in await numbers.listed(assigned="no")] == [number_id]
        assert (await numbers.assign(number_id)).status == 200
        assert await numbers.state(number_id) == "assigned" and not await numbers.listed(assigned="no")
        assert (await numbers.step(number_id, "bind", bind)).code == "number_not_activated"
        by_the_old_page = await till.customer.ask("PATCH", f"/api/outside-numbers/{number_id}", bind)
        assert by_the_old_page.code == "number_not_activated"
        switched = await till.customer.ask("PATCH", f"/api/outside-numbers/{number_id}", {"state": "active"})
        assert switched.code == "number_not_activated"
        # SPEC §B8.6: the enterprise account's press has no effect before the employee took the number.
        assert (await numbers.step(number_id, "activate")).code == "number_not_taken"
        waiting = (await agent.get("/api/my/direct-numbers")).json
        assert number_id in [one["id"] for one in waiting if one["state"] == "assigned"]
        assert (await take(agent, number_id)).json["state"] == "activated"
        assert (await numbers.step(number_id, "activate")).json["state"] == "activated"
        assert (await take(agent, number_id)).code == "number_activated"
        assert (await numbers.step(number_id, "bind", bind)).json["state"] == "bound"
        assert [one["seat"]["id"] for one in await numbers.listed(state="bound")] == [numbers.seat_id]
        assert site.engine.core.directory.outside[site.world.foreign.id][-1].seat_id == numbers.seat_id
        assert (await numbers.step(number_id, "unbind")).json["state"] == "activated"
        gone = await till.customer.ask("DELETE", f"/api/outside-numbers/{number_id}")
        assert gone.code == "number_of_platform"
        log = (await till.customer.get(f"/api/direct-numbers/{number_id}/log")).json
        assert [one["what"] for one in log] == ["unbound", "bound", "activated", "assigned", "dispatched"]


async def test_a_seat_shows_one_direct_number_and_a_number_has_one_seat(site: Site) -> None:
    async with opened(site) as till, site.browser("agent", "foreign") as agent:
        numbers = Numbers(till)
        await numbers.free_seat()
        ids = await numbers.dispatched(2)
        await numbers.assign(*ids)
        for one in ids:
            await take(agent, one)
        assert (await numbers.step(ids[0], "bind", {"seat_id": numbers.seat_id})).status == 200
        assert (await numbers.step(ids[1], "bind", {"seat_id": numbers.seat_id})).code == "seat_has_number"
        other = site.world.foreign.other["seat"]
        assert (await numbers.step(ids[0], "bind", {"seat_id": other})).code == "number_bound"
        assert (await numbers.step(ids[1], "bind", {"seat_id": site.world.own.ids["seat"]})).code == "seat_unknown"


@pytest.mark.feature("T-07")
async def test_one_identity_card_activates_five_numbers(site: Site) -> None:
    async with opened(site) as till, site.browser("agent", "foreign") as agent:
        numbers = Numbers(till)
        ids = await numbers.dispatched(6)
        await numbers.assign(*ids)
        for number_id in ids[:5]:
            assert (await take(agent, number_id)).status == 200
        sixth = await take(agent, ids[5], IDENTITY.lower())
        assert (sixth.status, sixth.code) == (409, "identity_used_up")
        assert await numbers.state(ids[5]) == "assigned"
        assert (await take(agent, ids[5], "110105194912310038")).status == 200
    kept = (site.services.settings.data_dir / "callcenter.db").read_bytes()
    kept += (site.services.settings.data_dir / "callcenter.db-wal").read_bytes()
    assert IDENTITY.encode() not in kept, "the card's number is nowhere"


@pytest.mark.feature("V-24")
async def test_what_is_frozen_for_a_number_is_taken_with_it_or_comes_back(site: Site) -> None:
    async with opened(site) as till:
        await till.prices(number_month=800)
        await till.fill(1700)
        seats = (await till.customer.get("/api/seats")).json["total"]
        many = {"quantity": seats + 1, "region": ""}
        assert (await till.buy("/api/number-applications", many)).code == "quantity_above_seats"
        asked = await till.buy("/api/number-applications", {"quantity": 2, "region": "上海"}, "k")
        again = await till.buy("/api/number-applications", {"quantity": 2, "region": "上海"}, "k")
        assert again.json["id"] == asked.json["id"]
        wallet = await till.wallet()
        assert (wallet["balance"], wallet["frozen"], asked.json["frozen"]) == (100, 1600, 1600)
        poor = await till.buy("/api/number-applications", {"quantity": 1, "region": ""})
        assert (poor.status, poor.code) == (402, "balance_too_low")
        path = f"/api/platform/number-applications/{asked.json['id']}"
        taken = await till.operator.ask("POST", f"{path}/dispatch", {"numbers": [{"number": "13800020000"}] * 2})
        assert taken.code == "number_twice"
        three = [{"number": f"0216000777{index}"} for index in range(3)]
        assert (await till.operator.ask("POST", f"{path}/dispatch", {"numbers": three})).code == "too_many_numbers"
        one = await till.operator.ask("POST", f"{path}/dispatch", {"numbers": three[:1]})
        assert (one.json["dispatched"], one.json["state"], one.json["frozen"]) == (1, "pending", 800)
        wallet = await till.wallet()
        assert (wallet["balance"], wallet["frozen"]) == (100, 800)
        entries = (await till.customer.get("/api/wallet/entries", params={"kind": "dispatch"})).json["items"]
        assert [(row["account"], row["amount"]) for row in entries] == [("frozen", -800)]
        refused = await till.operator.ask("POST", f"{path}/refuse", {"reason": "没有更多号码"})
        assert (refused.json["state"], refused.json["answer"]) == ("dispatched", "没有更多号码")
        wallet = await till.wallet()
        assert (wallet["balance"], wallet["frozen"]) == (900, 0)
        assert (await till.operator.ask("POST", f"{path}/refuse", {"reason": "x"})).code == "application_closed"


@pytest.mark.feature("V-24")
async def test_a_fee_that_the_wallet_cannot_pay_blocks_dialling(site: Site) -> None:
    """C16-14: wallet 5.00, fee 8.00: -3.00, and the agents are told why they cannot dial."""
    async with opened(site) as till, site.browser("agent", "foreign") as agent:
        await Numbers(till).dispatched(fee=800)
        await till.fill(500)
        assert (await dial(agent)).code == "not_logged_in", "the gate of the money is open"
        await due.run_due(site.database, utcnow() + timedelta(days=31))
        await site.services.telephony.changed()
        wallet = await till.wallet()
        assert (wallet["balance"], wallet["blocked"]) == (-300, True)
        answer = await dial(agent)
        assert (answer.status, answer.code) == (402, "balance_negative")
        assert answer.json["error"]["message"]["zh"] == PROMPT
        async with site.browser("agent") as stranger:
            assert (await dial(stranger)).code == "not_logged_in", "another company's money is its own"
        await till.fill(299)
        assert (await dial(agent)).code == "balance_negative"
        await till.fill(1)
        assert (await till.wallet())["balance"] == 0
        assert (await dial(agent)).code == "not_logged_in"


@pytest.mark.feature("V-25")
async def test_the_log_of_fees_and_its_file_follow_the_filter(site: Site) -> None:
    async with opened(site) as till:
        numbers = Numbers(till)
        ids = await numbers.dispatched(2)
        await till.fill(10_000)
        now = utcnow()
        for days in (31, 62):
            await due.run_due(site.database, now + timedelta(days=days))
        everything = (await till.customer.get("/api/number-fees", params={"page_size": "200"})).json
        pairs = [(row["number"], row["month"]) for row in everything["items"]]
        assert len(pairs) == len(set(pairs)) >= 2 * len(ids) and everything["total_amount"] == 800 * len(pairs)
        assert all(row["applicant"] and row["dispatched_at"] and row["applied_at"] for row in everything["items"])
        number = everything["items"][0]["number"]
        later = (now + timedelta(days=1)).isoformat()
        wanted = {"q": number[-8:], "from": later}
        some = (await till.customer.get("/api/number-fees", params=wanted)).json
        assert {row["number"] for row in some["items"]} == {number} and 0 < some["total"] < everything["total"]
        rows = sheet(await till.customer.get("/api/number-fees/export", params=wanted))[1:]
        assert [(row[0], row[1], round(row[5] * 100)) for row in rows] == [
            (one["display"], one["month"], one["amount"]) for one in some["items"]
        ]
        month = update(number_fee).where(number_fee.c.company_id == site.world.foreign.id).values(amount=1)
        async with site.database.write() as connection:
            await connection.execute(month)
        assert (await till.customer.get("/api/number-fees")).json["total_amount"] == len(pairs)


@pytest.mark.feature("T-08")
async def test_a_number_given_back_works_to_the_end_of_its_month(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Approved on the 20th: on the 28th the dial is told, on the 1st it is refused."""
    zone = ZoneInfo("Asia/Shanghai")
    async with opened(site) as till, site.browser("agent", "foreign") as agent:
        numbers = Numbers(till)
        await numbers.free_seat()
        (number_id,) = await numbers.dispatched()
        await numbers.assign(number_id)
        await take(agent, number_id)
        await numbers.step(number_id, "bind", {"seat_id": numbers.seat_id})
        assert (await numbers.step(number_id, "leave", {"reason": "不再需要"})).json["hint"] == "leave_reviewing"
        assert (await numbers.step(number_id, "leave")).code == "number_leaving"
        waiting = (await till.operator.get("/api/platform/number-leaves")).json["items"]
        assert [(one["id"], one["reason"]) for one in waiting] == [(number_id, "不再需要")]
        month = utcnow().astimezone(zone).replace(day=20, hour=10) + timedelta(days=31)
        twentieth = month.replace(day=20)
        monkeypatch.setattr("callcenter.features.platform.numbers_api.utcnow", lambda: twentieth.astimezone(UTC))
        review = f"/api/platform/direct-numbers/{number_id}/leave-review"
        approved = await till.operator.ask("POST", review, {"approve": True})
        assert approved.json["state"] == "leaving" and approved.json["hint"] == "leaving"
        assert (await till.operator.ask("POST", review, {"approve": True})).code == "number_leaving"
        first = (twentieth.replace(day=1) + timedelta(days=32)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        assert datetime.fromisoformat(approved.json["leaves_at"]) == first

        await site.services.port(Packages).grant(
            company_id=site.world.foreign.id,
            employee_id=numbers.agent_id,
            name="畅享包",
            mode=Mode.DIRECT,
            minutes=100,
            days=100,
            now=utcnow(),
        )
        ready(site, numbers)
        on_the_28th = await dial_at(site, agent, twentieth.replace(day=28))
        assert (on_the_28th.status, on_the_28th.json.get("hint")) == (201, "number_leaving"), on_the_28th.raw
        call_id = on_the_28th.json["call_id"]
        assert site.engine.core.registry.calls[call_id].company_number == approved.json["number"]
        site.engine.core.registry.forget(site.engine.core.registry.calls[call_id])
        ready(site, numbers)
        on_the_1st = await dial_at(site, agent, first.replace(hour=9))
        assert on_the_1st.code == "no_bound_number", "though nobody has read the directory again"
        await due.run_due(site.database, first.astimezone(UTC))
        assert await numbers.state(number_id) == "retired"
        switched = await till.customer.ask("PATCH", f"/api/outside-numbers/{number_id}", {"state": "active"})
        assert switched.code == "number_retired"
        log = (await till.customer.get(f"/api/direct-numbers/{number_id}/log")).json
        assert [one["what"] for one in log][:3] == ["retired", "leave_approved", "leave_asked"]
        await till.fill(10_000)
        (again,) = await numbers.dispatched(digits=approved.json["number"])
        assert (await numbers.assign(again)).status == 200, "whoever has the number next begins anew"
        assert (await numbers.state(number_id), await numbers.state(again)) == ("retired", "assigned")
        taken = await till.operator.ask(
            "POST",
            f"/api/platform/number-applications/{await numbers.asked()}/dispatch",
            {
                "numbers": [{"number": approved.json["number"]}],
            },
        )
        assert taken.code == "number_taken", "in use once, whoever has had it before"


async def test_a_refused_return_leaves_the_number_as_it_was(site: Site) -> None:
    async with opened(site) as till:
        numbers = Numbers(till)
        (number_id,) = await numbers.dispatched()
        review = f"/api/platform/direct-numbers/{number_id}/leave-review"
        assert (await numbers.step(number_id, "leave")).code == "number_not_assigned"
        await numbers.assign(number_id)
        assert (await till.operator.ask("POST", review, {"approve": False})).code == "number_not_leaving"
        await numbers.step(number_id, "leave")
        refused = await till.operator.ask("POST", review, {"approve": False})
        assert (refused.json["state"], refused.json["hint"]) == ("assigned", None)


async def dial(agent: Browser, key: str = "") -> Answer:
    headers = {"Idempotency-Key": key or f"dial-{utcnow().timestamp()}"}
    return await agent.ask("POST", "/api/calls", {"number": "13912345678"}, headers=headers)


async def dial_at(site: Site, agent: Browser, moment: datetime) -> Answer:
    site.engine.core.now = lambda: moment.astimezone(UTC)
    return await dial(agent)


def ready(site: Site, numbers: Numbers) -> None:
    """The agent sits at the desk with a phone; there is no Asterisk behind it."""
    site.engine.core.link_state = LinkState.LIVE
    one = site.engine.core.registry.agents[numbers.agent_id]
    one.state, one.call_id = AgentState.READY, None
    one.contacts = frozenset({(Device.BROWSER, "test")})
