"""Money comes in: offline with a review, online by a code; and every movement of the wallet can be seen."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from callcenter.features.money.tables import recharge
from callcenter.settings import Settings
from callcenter.store.base import utcnow
from callcenter.store.documents import LARGEST
from tests.intake import files
from tests.web.support import PNG, Site
from tests.web.till import form, opened, sheet


@pytest.mark.feature("V-21")
async def test_an_offline_recharge_counts_when_it_is_approved(site: Site) -> None:
    async with opened(site) as till:
        first = await till.recharge(12_345, remark="六月")
        assert first.status == 201 and first.json["state"] == "pending" and first.json["proof"]
        refused = (await till.recharge(777)).json
        assert (await till.wallet())["balance"] == 0
        assert (await till.customer.get("/api/recharges")).json["total_approved"] == 0
        (waiting, also) = [
            one
            for one in (await till.operator.get("/api/platform/recharges", params={"state": "pending"})).json["items"]
            if one["company"]["id"] == site.world.foreign.id and one["id"] in (first.json["id"], refused["id"])
        ]
        assert {waiting["id"], also["id"]} == {first.json["id"], refused["id"]}
        path = "/api/platform/recharges/{}/review"
        no_reason = await till.operator.ask("POST", path.format(refused["id"]), {"approve": False})
        assert no_reason.code == "invalid"
        rejected = await till.operator.ask(
            "POST", path.format(refused["id"]), {"approve": False, "reason": "与凭证不符"}
        )
        assert (rejected.json["state"], rejected.json["reject_reason"]) == ("rejected", "与凭证不符")
        approved = await till.operator.ask("POST", path.format(first.json["id"]), {"approve": True})
        assert approved.json["state"] == "approved"
        again = await till.operator.ask("POST", path.format(first.json["id"]), {"approve": True})
        assert again.code == "recharge_reviewed"
        assert (await till.wallet())["balance"] == 12_345
        listed = (await till.customer.get("/api/recharges")).json
        assert listed["total_approved"] == 12_345
        rejected_only = (await till.customer.get("/api/recharges", params={"state": "rejected"})).json
        assert [one["id"] for one in rejected_only["items"]] == [refused["id"]]
        assert rejected_only["total_approved"] == 0
        notices = (await till.customer.get("/api/notices")).json
        assert {one["kind"] for one in notices} >= {"recharge_done", "recharge_rejected"}


async def test_a_proof_is_a_picture_or_a_pdf_and_comes_back_as_a_download(site: Site) -> None:
    async with opened(site) as till:
        bad = await form(till.customer, "/api/recharges", {"amount": "100"}, proof=b"MZ" + bytes(100))
        assert (bad.status, bad.code) == (422, "document_invalid")
        large = await form(till.customer, "/api/recharges", {"amount": "100"}, proof=PNG + bytes(LARGEST))
        assert large.code == "document_invalid"
        assert (await form(till.customer, "/api/recharges", {"amount": "100"})).code == "document_missing"
        assert (await till.customer.ask("POST", "/api/recharges", {"amount": 100})).code == "invalid"
        negative = await form(till.customer, "/api/recharges", {"amount": "-1"}, proof=PNG)
        assert negative.code == "invalid"
        bank = await form(till.customer, "/api/recharges", {"amount": "1", "channel": "bank"}, proof=PNG)
        assert bank.code == "invalid", "a bank transfer needs its remark"
        pdf = files.pdf(b"a receipt")
        made = (await form(till.customer, "/api/recharges", {"amount": "100"}, proof=pdf)).json
        for browser, prefix in ((till.customer, "/api"), (till.operator, "/api/platform")):
            answer = await browser.get(f"{prefix}/recharges/{made['id']}/proof")
            assert answer.raw == pdf and answer.headers["Content-Type"] == "application/pdf"
            assert answer.headers["Content-Disposition"] == f'attachment; filename="proof-{made["number"]}.pdf"'
        kept = [one.name for one in (site.services.settings.data_dir / "documents").iterdir()]
        assert all(len(name) == 36 for name in kept), "random names, and nothing of what was refused"
        assert len(kept) == 2


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"anything"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="amount"\r\n\r\n\xff\xfe\r\n--x--',
        ),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="amount"\r\n\r\n12'),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y--\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="remark"\r\n\r\na\0b\r\n--x--',
        ),
        ("application/json", b"{}"),
    ],
)
async def test_a_form_that_is_none_is_refused(site: Site, kind: str, body: bytes) -> None:
    async with opened(site) as till:
        answer = await till.customer.ask("POST", "/api/recharges", data=body, headers={"Content-Type": kind})
        assert (answer.status, answer.code) in ((422, "invalid"), (422, "document_missing")), answer.raw
        assert (await till.customer.get("/api/recharges", params={"state": "approved"})).json["total"] == 0


async def test_requests_at_the_same_moment_spend_only_what_is_there(site: Site) -> None:
    async with opened(site) as till:
        await till.fill(1000)
        body = {"direction": "in", "amount": 300}
        answers = await asyncio.gather(*(till.buy("/api/ai-wallet/transfer", body) for _ in range(6)))
        assert sorted(one.status for one in answers) == [200, 200, 200, 402, 402, 402]
        same = await asyncio.gather(
            *(till.buy("/api/ai-wallet/transfer", {"direction": "out", "amount": 200}, "one") for _ in range(5))
        )
        assert {one.status for one in same} == {200}
        wallet = await till.wallet()
        assert (wallet["balance"], wallet["ai_balance"]) == (300, 700)


@pytest.mark.feature("V-22")
async def test_an_online_recharge_is_paid_by_its_code_and_only_in_time(site: Site) -> None:
    async with opened(site) as till:
        body = {"channel": "alipay", "amount": 5000}
        made = await till.buy("/api/recharges/online", body, "one")
        assert made.status == 201 and made.json["pay_code"].startswith("SIMULATED")
        again = await till.buy("/api/recharges/online", body, "one")
        assert again.json["id"] == made.json["id"] and again.json["pay_code"] == made.json["pay_code"]
        other = await till.buy("/api/recharges/online", {"channel": "wechat", "amount": 5000}, "one")
        assert other.code == "key_reused"
        late = (await till.buy("/api/recharges/online", body)).json
        over = update(recharge).where(recharge.c.company_id == site.world.foreign.id, recharge.c.id == late["id"])
        async with site.database.write() as connection:
            await connection.execute(over.values(code_expires_at=utcnow() - timedelta(seconds=1)))
        async with site.browser() as anybody:  # the provider has no session here
            for _ in range(2):
                paid = await anybody.ask("POST", f"/api/payments/simulator/{made.json['pay_code']}", {})
                assert (paid.status, paid.json) == (200, {"state": "approved"})
            answer = await anybody.ask("POST", f"/api/payments/simulator/{late['pay_code']}", {})
            assert (answer.status, answer.code) == (410, "payment_expired")
        assert (await till.wallet())["balance"] == 5000
        assert (await till.customer.get(f"/api/recharges/{late['id']}")).json["state"] == "void"


@pytest.mark.feature("V-22")
async def test_a_bank_transfer_needs_an_account_a_remark_and_a_receipt(site: Site) -> None:
    """Account data are shown before, and what was sent waits for the review (SPEC §C8.3)."""
    async with opened(site) as till:
        fields = {"amount": "4200", "channel": "bank", "remark": "合同 7 号"}
        none = {"payee": "", "bank": "", "account": ""}
        account = {"payee": "某公司", "bank": "某银行", "account": "6222 0000"}
        path = "/api/platform/bank-account"
        assert (await till.operator.ask("PUT", path, none)).status == 200
        closed = await form(till.customer, "/api/recharges", fields, proof=PNG)
        assert (closed.status, closed.code) == (409, "bank_unavailable")
        half = await till.operator.ask("PUT", path, account | {"bank": " "})
        assert half.code == "invalid"
        assert (await till.operator.ask("PUT", path, account)).json == account
        assert (await till.customer.get("/api/bank-account")).json == account
        assert (await till.customer.ask("PUT", path, none)).code == "forbidden"
        silent = await form(till.customer, "/api/recharges", fields | {"remark": " "}, proof=PNG)
        assert silent.code == "invalid"
        assert (await form(till.customer, "/api/recharges", fields)).code == "document_missing"
        made = await form(till.customer, "/api/recharges", fields, proof=PNG)
        assert (made.json["channel"], made.json["state"], made.json["remark"]) == ("bank", "pending", "合同 7 号")
        assert (await till.wallet())["balance"] == 0


async def test_money_for_a_code_that_had_run_out_is_booked_or_paid_back(site: Site) -> None:
    """It is on the operator's list once, however often the provider says it, and is dealt with once."""
    async with opened(site) as till:
        late = [(await till.buy("/api/recharges/online", {"channel": "alipay", "amount": 5000})).json for _ in range(2)]
        over = update(recharge).where(
            recharge.c.company_id == site.world.foreign.id, recharge.c.id.in_([one["id"] for one in late])
        )
        async with site.database.write() as connection:
            await connection.execute(over.values(code_expires_at=utcnow() - timedelta(seconds=1)))
        for one in (*late, *late):
            answer = await till.customer.ask("POST", f"/api/payments/simulator/{one['pay_code']}", {})
            assert answer.code == "payment_expired"
        path = "/api/platform/stray-payments"
        waiting = (await till.operator.get(path, params={"state": "open"})).json["items"]
        first, second = [next(row for row in waiting if row["number"] == one["number"]) for one in late]
        assert (first["amount"], first["asked"], first["company"]["id"]) == (5000, 5000, site.world.foreign.id)
        assert (await till.wallet())["balance"] == 0
        booked = await till.operator.ask("POST", f"{path}/{first['id']}/book", {})
        assert (booked.status, booked.json["state"], (await till.wallet())["balance"]) == (200, "booked", 5000)
        assert (await till.customer.get(f"/api/recharges/{late[0]['id']}")).json["state"] == "approved"
        assert (await till.customer.get("/api/recharges")).json["total_approved"] == 5000
        silent = await till.operator.ask("POST", f"{path}/{second['id']}/refund", {"note": " "})
        assert silent.code == "invalid"
        back = await till.operator.ask("POST", f"{path}/{second['id']}/refund", {"note": "原路退回 20261121"})
        assert (back.json["state"], back.json["note"]) == ("refunded", "原路退回 20261121")
        for one, what in ((first, "book"), (first, "refund"), (second, "book")):
            body = {"note": "再来"} if what == "refund" else {}
            again = await till.operator.ask("POST", f"{path}/{one['id']}/{what}", body)
            assert again.code == "payment_settled"
        assert (await till.wallet())["balance"] == 5000
        told = {one["kind"] for one in (await till.customer.get("/api/notices")).json}
        assert {"recharge_done", "recharge_refunded"} <= told
        log = (await till.operator.get("/api/audit", params={"action": "payment."})).json["items"]
        assert {(one["action"], one["object"]) for one in log} >= {
            ("payment.booked", first["number"]),
            ("payment.refunded", second["number"]),
        }
        assert (await till.customer.get(path)).code == "forbidden"


def test_nobody_simulates_payments_where_calls_are_real() -> None:
    assert Settings(trunk_host="sip.example.com").payment_provider == ""
    assert Settings(payments="off").payment_provider == ""
    assert Settings().payment_provider == "simulator"


async def test_without_a_provider_there_is_no_online_payment(site: Site) -> None:
    async with opened(site) as till:
        made = (await till.buy("/api/recharges/online", {"channel": "alipay", "amount": 1})).json
        object.__setattr__(
            site.services, "settings", Settings(data_dir=site.services.settings.data_dir, payments="off")
        )
        answer = await till.buy("/api/recharges/online", {"channel": "alipay", "amount": 1})
        assert answer.code == "payment_unavailable"
        refused = await till.customer.ask("POST", f"/api/payments/simulator/{made['pay_code']}", {})
        assert refused.status == 404
        assert (await till.wallet())["balance"] == 0


async def test_every_movement_is_listed_with_what_was_left(site: Site) -> None:
    async with opened(site) as till:
        first = await till.fill(10_000)
        await till.buy("/api/ai-wallet/transfer", {"direction": "in", "amount": 3000})
        await till.fill(500)
        entries = (await till.customer.get("/api/wallet/entries", params={"account": "wallet"})).json
        assert [(one["amount"], one["balance_after"]) for one in entries["items"]] == [
            (500, 7500),
            (-3000, 7000),
            (10_000, 10_000),
        ]
        assert entries["items"][-1]["reference"] == {
            "type": "recharge",
            "id": first["id"],
            "number": first["number"],
        }
        only = (await till.customer.get("/api/wallet/entries", params={"kind": "ai_in"})).json
        assert [(one["account"], one["amount"]) for one in only["items"]] == [("ai_wallet", 3000), ("wallet", -3000)]
        assert (await till.customer.get("/api/wallet/entries", params={"to": "2020-01-01T00:00:00Z"})).json[
            "total"
        ] == 0
        rows = sheet(await till.customer.get("/api/wallet/entries/export", params={"account": "wallet"}))
        assert [row[3] for row in rows[1:]] == [5.0, -30.0, 100.0]
        async with site.browser("agent", "foreign") as agent:
            assert (await agent.get("/api/wallet")).code == "forbidden"
