"""A real name is verified by a code that the employee scans or on the operator's word, and never otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from callcenter.features.people import verification_api
from callcenter.features.people.verification_codes import LIFE, TRIES
from callcenter.providers.real_names import MISMATCHED_NAME, ProviderUnavailable
from callcenter.store.base import metadata, utcnow
from callcenter.store.tables.people import audit, employee, verification_code
from callcenter.web.throttle import WRONG_CODES
from tests.web.support import Answer, Browser, Site, World, served
from tests.web.test_standing import _dial

NUMBER = "11010519491231002X"
"""The example of GB 11643."""
EVERYWHERE = {"all_companies": True}
PASSWORD = "long-enough-1"


class Asked:
    """STAND-IN for a provider: answers when it is let, and as it is told."""

    simulated = False

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.heard = asyncio.Event()
        self.problem: Exception | None = None
        self.questions: list[tuple[str, str]] = []

    async def check(self, name: str, identity_number: str) -> bool:
        self.questions.append((name, identity_number))
        self.heard.set()
        await self.free.wait()
        if self.problem is not None:
            raise self.problem
        return True


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(verification_api, "provider_for", lambda name: made)
    return made


async def hire(admin: Browser, login: str = "to-verify") -> int:
    given = {"login": login, "name": "本域待验", "password": PASSWORD, "role": "agent"}
    made = await admin.ask("POST", "/api/employees", given)
    assert (made.status, made.json["verification"]) == (201, "unverified")
    return int(made.json["id"])


async def shown(admin: Browser, employee_id: int) -> str:
    """The token of a code that is on the administrator's screen."""
    answer = await admin.ask("POST", f"/api/employees/{employee_id}/verification-code")
    assert answer.status == 201, answer.raw
    page, _, token = answer.json["link"].partition("#")
    assert page == f"{admin.url}/verify" and len(token) >= 43, "256 random bits, in the fragment"
    return str(token)


async def scan(phone: Browser, token: str) -> Answer:
    return await phone.ask("POST", "/api/verification", {"token": token})


async def check(phone: Browser, token: str, name: str = "林小雨", number: str = NUMBER, agreed: bool = True) -> Answer:
    body = {"token": token, "name": name, "identity_number": number, "agreed": agreed}
    return await phone.ask("POST", "/api/verification/check", body)


async def followed(admin: Browser, employee_id: int) -> tuple[str | None, str, str, str]:
    """State of the code, its problem, and the employee's name and verification."""
    one = (await admin.get(f"/api/employees/{employee_id}/verification-code")).json
    return one["state"], one["problem"], one["name"], one["verification"]


async def written(site: Site, company_id: int, employee_id: int) -> list[tuple[str, Any, dict[str, Any]]]:
    """Action, actor and details of what a company's log tells of an employee's verification."""
    query = select(audit).where(audit.c.company_id == company_id, audit.c.action.startswith("verification."))
    async with site.database.read() as connection:
        rows = (await connection.execute(query.order_by(audit.c.id))).all()
    return [(row.action, row.actor_id, row.details) for row in rows if row.object == str(employee_id)]


@contextlib.asynccontextmanager
async def people(site: Site) -> AsyncIterator[tuple[Browser, Browser]]:
    """The administrator, and the phone that scans: signed in as nobody."""
    async with site.browser("admin") as admin, site.browser() as phone:
        yield admin, phone


@pytest.mark.feature("O-05")
async def test_a_scanned_code_verifies_its_employee_under_the_real_name(site: Site) -> None:
    own = site.world.own
    async with people(site) as (admin, phone), site.browser() as fresh:
        new = await hire(admin)
        await fresh.sign_in("to-verify", PASSWORD)
        assert (await _dial(fresh)).code == "not_verified"
        assert await followed(admin, new) == (None, "", "本域待验", "unverified")
        token = await shown(admin, new)
        assert (await followed(admin, new))[0] == "waiting"

        told = await scan(phone, token)
        assert (told.status, told.json["company"], told.json["name"]) == (200, "本域公司", "本域待验")
        assert (told.json["simulated"], told.json["mismatched_name"]) == (True, MISMATCHED_NAME)
        assert (await followed(admin, new))[0] == "opened"
        assert (await _dial(fresh)).code == "not_verified", "a code that was opened proves nothing"

        done = await check(phone, token, " 林小雨 ", "１１０１０５ 19491231 002x")
        assert (done.status, done.json) == (200, {"name": "林小雨"})
        assert await followed(admin, new) == ("verified", "", "林小雨", "verified")
        listed = (await admin.get("/api/employees?q=to-verify")).json["items"]
        assert [(one["name"], one["verification"]) for one in listed] == [("林小雨", "verified")]
        assert (await _dial(fresh)).code == "no_seat", "the gate of the name is open"
        assert [one[:2] for one in await written(site, own.id, new)] == [
            ("verification.shown", own.people["admin"]),
            ("verification.passed", new),
        ]
        entries = (await admin.get("/api/audit?action=verification.passed")).json["items"]
        assert [one["about"]["name"] for one in entries] == ["林小雨"]
        lines = {line["field"]: line["values"][0]["value"] for line in entries[0]["lines"]}
        assert lines == {"name": "林小雨", "simulated": True}


@pytest.mark.feature("O-05")
@pytest.mark.parametrize("why", ["unknown", "used", "replaced", "expired", "departed", "tried"])
async def test_of_every_code_that_opens_nothing_the_same_is_told(site: Site, why: str) -> None:
    async with people(site) as (admin, phone):
        new = await hire(admin)
        token = await shown(admin, new)
        assert (await scan(phone, token)).status == 200
        if why == "unknown":
            token = token[::-1]
        elif why == "used":
            assert (await check(phone, token)).status == 200
        elif why == "replaced":
            await shown(admin, new)
        elif why == "expired":
            await _older(site, new, LIFE)
        elif why == "departed":
            assert (await admin.ask("POST", f"/api/employees/{new}/depart", {})).status == 200
        else:
            for _ in range(TRIES):
                assert (await check(phone, token, MISMATCHED_NAME)).code == "identity_mismatch"
        before = await _verification(site, new)
        for answer in (await scan(phone, token), await check(phone, token), await check(phone, token, number="1")):
            told = (answer.status, answer.code, answer.json["error"]["details"])
            assert told == (404, "verification_over", {})
        assert await _verification(site, new) == before


async def test_a_code_is_good_until_its_last_moment(site: Site) -> None:
    async with people(site) as (admin, phone):
        new = await hire(admin)
        token = await shown(admin, new)
        await _older(site, new, LIFE - timedelta(minutes=1))
        assert (await check(phone, token)).status == 200


async def test_what_is_mistyped_may_be_corrected_and_says_what_is_wrong(site: Site) -> None:
    async with people(site) as (admin, phone):
        new = await hire(admin)
        token = await shown(admin, new)
        for number in ("11010519491231002", "110105194912310021", "99010519491231002X", "11010519490231002X", "abc"):
            for _ in range(2):
                assert (await check(phone, token, number=number)).code == "identity_invalid", number
        assert (await check(phone, token, agreed=False)).code == "consent_missing"
        assert (await check(phone, token, name="  ")).code == "invalid"
        assert (await followed(admin, new))[:2] == ("waiting", ""), "none of these was a try"
        wrong = await check(phone, token, MISMATCHED_NAME)
        assert (wrong.status, wrong.code) == (422, "identity_mismatch")
        assert await followed(admin, new) == ("refused", "identity_mismatch", "本域待验", "unverified")
        assert (await check(phone, token)).status == 200
        told = [(action, details) for action, _, details in await written(site, site.world.own.id, new)]
        assert told[1:] == [
            ("verification.failed", {"simulated": True, "reason": "identity_mismatch"}),
            ("verification.passed", {"simulated": True, "name": "林小雨"}),
        ]


@pytest.mark.feature("O-05")
async def test_many_at_once_get_no_more_tries_and_no_second_use(site: Site) -> None:
    async with people(site) as (admin, phone):
        new = await hire(admin)
        token = await shown(admin, new)
        wrong = await asyncio.gather(*(check(phone, token, MISMATCHED_NAME) for _ in range(3 * TRIES)))
        assert sorted(one.code for one in wrong) == ["identity_mismatch"] * TRIES + ["verification_over"] * 2 * TRIES
        token = await shown(admin, new)
        right = await asyncio.gather(*(check(phone, token) for _ in range(TRIES)))
        assert sorted(one.status for one in right) == [200] + [404] * (TRIES - 1)


@pytest.mark.feature("O-05")
@pytest.mark.parametrize("ending", ["replaced", "departed"])
async def test_what_ends_a_code_while_the_provider_is_asked_ends_it(site: Site, provider: Asked, ending: str) -> None:
    async with people(site) as (admin, phone):
        new = await hire(admin)
        asked = asyncio.create_task(check(phone, await shown(admin, new)))
        await provider.heard.wait()
        if ending == "replaced":
            await shown(admin, new)
        else:
            assert (await admin.ask("POST", f"/api/employees/{new}/depart", {})).status == 200
        provider.free.set()
        assert (await asked).code == "verification_over"
        assert await _verification(site, new) == "unverified"


async def test_neither_number_nor_token_is_kept_or_logged(
    site: Site, provider: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even when the provider fails with them in its words; what fails is no try and is told as such."""
    provider.free.set()
    with caplog.at_level(logging.DEBUG):
        async with people(site) as (admin, phone):
            new = await hire(admin)
            token = await shown(admin, new)
            for problem in (ProviderUnavailable(), ValueError(f"GET /check?number={NUMBER}&token={token}")):
                provider.problem = problem
                for _ in range(TRIES):
                    failed = await check(phone, token)
                    assert (failed.status, failed.code) == (503, "provider_unavailable")
            provider.problem = None
            assert (await check(phone, token)).status == 200
    assert provider.questions == [("林小雨", NUMBER)] * (2 * TRIES + 1)
    rows: list[Any] = []
    async with site.database.read() as connection:
        for table in metadata.sorted_tables:
            rows += (await connection.execute(select(table).execution_options(**EVERYWHERE))).all()
    kept = f"{rows!r} {caplog.text}"
    assert "ValueError" in caplog.text and "林小雨" in repr(rows), "there was something to look through"
    assert NUMBER[:17] not in kept and token not in kept


async def test_who_tries_codes_waits(site: Site) -> None:
    async with people(site) as (admin, phone):
        token = await shown(admin, await hire(admin))
        for turn in range(WRONG_CODES):
            wrong = await (scan(phone, f"guess-{turn}") if turn % 2 else check(phone, f"guess-{turn}"))
            assert wrong.code == "verification_over"
        for answer in (await scan(phone, "another"), await check(phone, "another"), await scan(phone, token)):
            assert (answer.status, answer.code) == (429, "too_many_codes")
            assert 0 < answer.json["error"]["details"]["retry_after"] <= 15 * 60
        assert (await phone.sign_in("own-agent")).status == 200, "who scans does not keep anybody from signing in"


async def test_codes_are_for_those_who_are_there_and_are_shown_by_who_may_edit_people(site: Site) -> None:
    async with people(site) as (admin, _), site.browser("supervisor") as head:
        new = await hire(admin)
        path = f"/api/employees/{new}/verification-code"
        for method in ("GET", "POST"):
            assert (await head.ask(method, path)).code == "forbidden"
            foreign = f"/api/employees/{site.world.foreign.people['agent']}/verification-code"
            assert (await admin.ask(method, foreign)).code == "not_found"
        assert (await admin.ask("POST", f"/api/employees/{new}/depart", {})).status == 200
        assert (await admin.ask("POST", path)).code == "already_departed"


async def test_the_link_leads_to_where_people_reach_us(template: Path, world: World, tmp_path: Path) -> None:
    changes = {"public_origin": "https://cc.example.com/"}
    async with served(template, world, tmp_path, **changes) as site, site.browser("admin") as admin:
        answer = await admin.ask("POST", f"/api/employees/{world.own.people['agent']}/verification-code")
        assert answer.json["link"].startswith("https://cc.example.com/verify#")


@pytest.mark.feature("O-05")
async def test_without_a_provider_the_operator_vouches(template: Path, world: World, tmp_path: Path) -> None:
    own, theirs = world.own, world.foreign
    async with served(template, world, tmp_path, real_names="off") as site, people(site) as (admin, _):
        new = await hire(admin)
        refused = await admin.ask("POST", f"/api/employees/{new}/verification-code")
        assert (refused.status, refused.code) == (409, "verification_unavailable")
        assert (await admin.ask("POST", f"/api/platform/employees/{new}/verify")).status == 204
        assert await _verification(site, new) == "verified"
        assert await written(site, own.id, new) == [("verification.vouched", own.people["admin"], {"name": "本域待验"})]

        agent = theirs.people["agent"]
        async with site.browser("admin", "foreign") as tenant:
            await tenant.ask("PATCH", f"/api/employees/{agent}", {"verification": "unverified"})
            path = f"/api/platform/employees/{agent}/verify"
            assert (await tenant.ask("POST", path)).code == "forbidden"
            assert (await admin.ask("POST", path)).status == 204
            assert await _verification(site, agent) == "verified"
            told = (await tenant.get("/api/audit?action=verification.vouched")).json["items"]
            assert [(one["actor"], one["ip"], one["about"]["name"]) for one in told] == [(None, "", "外域agent")]
        said = {"name": "外域agent", "company": "外域公司"}
        assert await written(site, own.id, agent) == [("verification.vouched", own.people["admin"], said)]
        assert (await admin.ask("POST", f"/api/employees/{new}/depart", {})).status == 200
        assert (await admin.ask("POST", f"/api/platform/employees/{new}/verify")).code == "already_departed"
        assert (await admin.ask("POST", "/api/platform/employees/987654/verify")).code == "not_found"


async def _verification(site: Site, employee_id: int) -> str:
    query = select(employee.c.verification).where(employee.c.id == employee_id).execution_options(**EVERYWHERE)
    async with site.database.read() as connection:
        return str((await connection.execute(query)).scalar_one())


async def _older(site: Site, employee_id: int, by: timedelta) -> None:
    """As if the code had been shown that much earlier."""
    mine = (verification_code.c.company_id == site.world.own.id, verification_code.c.employee_id == employee_id)
    async with site.database.write() as connection:
        row = (await connection.execute(select(verification_code).where(*mine))).one()
        assert row.expires_at - row.created_at == LIFE and row.created_at <= utcnow()
        values = {"created_at": row.created_at - by, "expires_at": row.expires_at - by}
        await connection.execute(update(verification_code).where(*mine).values(**values))
