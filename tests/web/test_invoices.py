"""Invoices that a company asks from the platform (V-30)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.intake import files
from tests.web.support import PNG, Answer, Site
from tests.web.till import Till, form, opened

ORDINARY = {"tax_number": "91310000MA1K35X00X", "email": "cw@example.com"}
SPECIAL = {
    "tax_number": "91310000MA1K35X00X",
    "address": "上海市某路 1 号",
    "phone": "02160000000",
    "bank": "某银行",
    "bank_account": "6222000000000000",
    "receiver": "周敏",
    "receiver_phone": "13800000001",
    "receiver_address": "上海市某路 1 号",
}


async def ask(till: Till, ids: list[int], **given: Any) -> Answer:
    files = given.pop("files", {})
    fields = {
        "recharge_ids": ",".join(map(str, ids)),
        "kind": "ordinary",
        "title": "外域公司",
        "fields": json.dumps(ORDINARY),
    }
    return await form(till.customer, "/api/invoices", fields | given, **files)


async def open_ids(till: Till) -> list[int]:
    return [one["id"] for one in (await till.customer.get("/api/invoices/open-recharges")).json]


@pytest.mark.feature("V-30")
async def test_an_invoice_is_asked_for_whole_recharges(site: Site) -> None:
    async with opened(site) as till:
        first, second, third = [(await till.fill(amount))["id"] for amount in (1000, 2000, 4000)]
        pending = (await till.recharge(8000)).json["id"]
        assert await open_ids(till) == [third, second, first]
        assert (await ask(till, [first, pending])).code == "recharge_not_open"
        assert (await ask(till, [first, site.world.own.ids["recharge"]])).code == "recharge_not_open"
        assert (await ask(till, [first], amount="1")).code == "invalid", "the amount cannot be chosen"
        assert (await ask(till, [first], fields="{}")).code == "invoice_field_missing"
        assert (await ask(till, [first], kind="special")).code == "invoice_field_missing"
        assert (await ask(till, [first], title="别的公司")).code == "letter_missing"
        assert await open_ids(till) == [third, second, first]
        asked = await ask(till, [first, second], urgent="true", remark="请尽快")
        assert asked.status == 201, asked.raw
        assert (asked.json["amount"], asked.json["state"], asked.json["urgent"]) == (3000, "reviewing", True)
        assert await open_ids(till) == [third]
        assert (await ask(till, [first])).code == "recharge_not_open"
        invoiced = (await till.customer.get("/api/recharges", params={"invoiced": "yes"})).json
        assert {one["id"] for one in invoiced["items"]} == {first, second}
        other = await ask(
            till, [third], kind="special", fields=json.dumps(SPECIAL), title="别的公司", files={"letter": PNG}
        )
        assert other.status == 201, other.raw
        waiting = (await till.operator.get("/api/platform/invoices", params={"state": "reviewing"})).json["items"]
        (shown,) = [one for one in waiting if one["id"] == other.json["id"]]
        assert shown["letter"] and shown["fields"] == SPECIAL and shown["company"]["id"] == site.world.foreign.id
        letter = await till.operator.get(f"/api/platform/invoices/{other.json['id']}/letter")
        assert letter.raw == PNG


@pytest.mark.feature("V-30")
async def test_the_operator_answers_with_the_invoice_or_a_reason(site: Site) -> None:
    async with opened(site) as till:
        first, second = [(await till.fill(amount))["id"] for amount in (1000, 2000)]
        good, bad = (await ask(till, [first])).json["id"], (await ask(till, [second])).json["id"]
        path = "/api/platform/invoices/{}/answer"
        assert (await till.customer.get(f"/api/invoices/{good}/file")).status == 404
        sent = {"state": "invoiced", "courier": "顺丰", "courier_number": "SF1"}
        answered = await form(till.operator, path.format(good), sent, file=files.pdf(b"invoice"))
        assert answered.json["state"] == "invoiced" and answered.json["file"], answered.raw
        assert (await form(till.operator, path.format(good), sent, file=PNG)).code == "invoice_answered"
        assert (await form(till.operator, path.format(bad), {"state": "rejected"})).code == "invalid"
        why = {"state": "rejected", "answer": "税号有误"}
        assert (await form(till.operator, path.format(bad), why)).status == 200
        rows = {one["id"]: one for one in (await till.customer.get("/api/invoices")).json["items"]}
        assert (rows[good]["courier"], rows[good]["courier_number"]) == ("顺丰", "SF1")
        assert (rows[bad]["state"], rows[bad]["answer"]) == ("rejected", "税号有误")
        assert rows[good]["finished_at"] and (await till.customer.get(f"/api/invoices/{good}/file")).raw.startswith(
            b"%PDF"
        )
        assert await open_ids(till) == [second], "what was rejected may be asked for again"
        kept = list((site.services.settings.data_dir / "documents").iterdir())
        assert len(kept) == 1 + 2 + 1, "the world's paper, two proofs, one invoice; nothing of what was refused"
