"""How long a click takes to ring the agent's phone: the HTTP request on its way until the INVITE is there, against
the same Originate written to Asterisk's manager port by hand. Both sides take turns against one Asterisk."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid

from callcenter.demo.client import Client
from callcenter.pbx.actions import dial_out_action
from callcenter.pbx.ami_once import AmiConnection
from tests.bench.figures import Figure, Options, figure, percentile, spread
from tests.bench.rig import desk, installation, no_call, settle_down
from tests.bench.sip import BUSY, Phone
from tests.live.installation import DISPLAY

NUMBER = "13800000001"
WARM_UP = 10
PAUSE = 0.1


async def _rings(phone: Phone) -> float:
    return await asyncio.wait_for(phone.rang.get(), 10)


async def _click(client: Client, phone: Phone) -> float:
    began = time.monotonic()
    asking = asyncio.create_task(client.post("/api/calls", {"number": NUMBER}, **{"Idempotency-Key": uuid.uuid4().hex}))
    rang = await _rings(phone)
    await asking
    return rang - began


async def _originate(ami: AmiConnection, phone: Phone) -> float:
    action = dial_out_action(
        call_id=f"{int(time.time() * 1000):x}{secrets.token_hex(10)}",
        agent_channel=f"PJSIP/{phone.user}",
        number=NUMBER,
        display_number=DISPLAY,
        ring_seconds=45,
        limit_seconds=300,
    )
    began = time.monotonic()
    asking = asyncio.create_task(ami.action(action))
    rang = await _rings(phone)
    await asking
    return rang - began


async def _measure(count: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    async with installation(1) as made, desk(made, 0, BUSY) as (client, live, phone):
        secret = made.stack.pbx.secrets["ami_secret"]
        await client.put("/api/me/state", {"state": "ready"})
        async with AmiConnection(made.settings.ami_port, secret) as ami:
            for turn in range(WARM_UP + count):
                one = await _click(client, phone)
                await phone.quiet.wait()
                await no_call(live)
                await settle_down(PAUSE)
                other = await _originate(ami, phone)
                await phone.quiet.wait()
                await settle_down(PAUSE)
                if turn >= WARM_UP:
                    ours.append(one)
                    bare.append(other)
    return ours, bare


def run(options: Options | None = None) -> Figure:
    ours, bare = asyncio.run(_measure((options or Options()).clicks))
    note = f"p99 of {len(ours)} each, in turns; ours {spread(ours)}; Originate by hand {spread(bare)}"
    return figure("click", percentile(ours, 0.99) * 1000, percentile(bare, 0.99) * 1000, "ms", "<=1.3", note)
