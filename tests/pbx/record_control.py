"""Records `tests/ami/streams/control/` from a real Asterisk: `python -m tests.pbx.record_control [scenario ...]`.

One file per scenario: what our own manager.conf lets through while one call is controlled.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from callcenter.pbx import control
from callcenter.pbx.provision import EndpointSpec, write_endpoints, write_queues
from callcenter.pbx.stack import TelephonyStack
from tests.ami.record import STREAMS, tap
from tests.pbx.control_support import CUSTOMER, THIRD, Controlled, inbound, outbound, talk
from tests.pbx.support import Ami, telephony_settings

Scenario = Callable[[TelephonyStack, Ami, str], Awaitable[None]]
DID = "4008"


async def consulting(stack: TelephonyStack, ami: Ami, call_id: str, target: str = THIRD) -> Controlled:
    call = await outbound(stack, ami, call_id)
    await call.do(control.consult(call.agent, call.customer, target, display_number="4001"))
    await call.third_talks()
    await talk(0.5)
    return call


async def hold_resume(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await outbound(stack, ami, call_id)
    await call.do(control.hold(call.customer, call.agent))
    await call.placed("customer", "held")
    await talk(0.5)
    await call.do(control.resume(call.customer, call.agent))
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def consult_complete(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await consulting(stack, ami, call_id)
    await call.do(control.complete(call.customer, call.third, call.agent))
    await call.over("agent")
    await talk(0.5)
    await stack.carrier.hangup(CUSTOMER)
    await call.finish()


async def consult_cancel(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await consulting(stack, ami, call_id)
    await call.do(control.cancel(call.agent, call.customer, call.third))
    await call.over("third")
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def cancel_ringing(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await outbound(stack, ami, call_id)
    await call.do(control.consult(call.agent, call.customer, "13800000020"))
    await call.learn("third")
    await talk(0.5)
    await call.do(control.cancel(call.agent, call.customer, None))
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def swap(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await consulting(stack, ami, call_id, "agent-13")
    await call.do(control.swap(call.agent, call.customer, call.third))
    await talk(0.5)
    await call.do(control.swap(call.agent, call.third, call.customer))
    await talk(0.5)
    await call.do(control.complete(call.customer, call.third, call.agent))
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def consult_fails(stack: TelephonyStack, ami: Ami, call_id: str, number: str) -> None:
    call = await outbound(stack, ami, call_id)
    await call.do(control.consult(call.agent, call.customer, number, ring_seconds=1))
    await call.placed("customer", "talking")
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def consult_busy(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await consult_fails(stack, ami, call_id, "13800000021")


async def consult_no_answer(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await consult_fails(stack, ami, call_id, "13800000020")


async def hangup_while_consulting(stack: TelephonyStack, ami: Ami, call_id: str, party: str) -> None:
    call = await consulting(stack, ami, call_id)
    await stack.carrier.hangup(party)
    await talk(1)
    await stack.carrier.hangup(THIRD if party == CUSTOMER else CUSTOMER)
    await call.finish()


async def third_hangs_up(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await hangup_while_consulting(stack, ami, call_id, THIRD)


async def customer_hangs_up(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await hangup_while_consulting(stack, ami, call_id, CUSTOMER)


async def agent_hangs_up(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await hangup_while_consulting(stack, ami, call_id, "agent-12")


async def three_way(stack: TelephonyStack, ami: Ami, call_id: str, leaves: str = "agent") -> None:
    call = await consulting(stack, ami, call_id)
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await talk(0.5)
    await call.do(control.drop(call.channels[leaves]))
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def three_way_third_leaves(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await three_way(stack, ami, call_id, "third")


async def blind(stack: TelephonyStack, ami: Ami, call_id: str, target: str) -> None:
    call = await outbound(stack, ami, call_id)
    await call.do(control.blind_transfer(call.customer, call.agent, target, "agent-12"))
    await call.third_talks()
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def blind_number(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await blind(stack, ami, call_id, THIRD)


async def blind_phone(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await blind(stack, ami, call_id, "agent-13")


async def blind_queue(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    member = {"Queue": "q-2", "Interface": "PJSIP/agent-13"}
    await ami.send({"Action": "QueueAdd", **member})
    call = await outbound(stack, ami, call_id)
    await call.do(control.blind_transfer(call.customer, call.agent, "q-2", "agent-12"))
    await ami.wait("AgentConnect")
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()
    await ami.send({"Action": "QueueRemove", **member})


async def blind_returns(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await outbound(stack, ami, call_id)
    await call.do(control.blind_transfer(call.customer, call.agent, "13800000020", "agent-12", ring_seconds=1))
    await call.placed("customer", "return")
    await talk(1.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def blind_nobody(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await outbound(stack, ami, call_id)
    await stack.carrier.set_phone("agent-13", answer_after=None)
    await call.do(
        control.blind_transfer(call.customer, call.agent, "13800000021", "agent-13", return_seconds=1),
    )
    await call.finish()


async def inbound_consult_complete(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    await ami.send({"Action": "DBPut", "Family": "did", "Key": DID, "Val": "q-1"})
    await ami.send({"Action": "QueueAdd", "Queue": "q-1", "Interface": "PJSIP/agent-12"})
    call, _ = await inbound(stack, ami, DID)
    await call.do(control.consult(call.agent, call.customer, "agent-13"))
    await call.third_talks()
    await call.do(control.complete(call.customer, call.third, call.agent))
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()
    await ami.send({"Action": "QueueRemove", "Queue": "q-1", "Interface": "PJSIP/agent-12"})


async def supervised(stack: TelephonyStack, ami: Ami, call_id: str) -> Controlled:
    call = await outbound(stack, ami, call_id)
    await call.do(
        control.supervise(
            "listen",
            call_id=call_id,
            channel_id=f"{call_id}.s1",
            supervisor_phone="PJSIP/agent-13",
            agent_channel=call.agent,
        )
    )
    await call.learn("supervisor")
    await ami.wait("ChanSpyStart")
    return call


async def supervise(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await supervised(stack, ami, call_id)
    for mode in ("whisper", "barge", "listen"):
        await call.do(control.change_mode(call.channels["supervisor"], mode))
        await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


async def take_over(stack: TelephonyStack, ami: Ami, call_id: str) -> None:
    call = await supervised(stack, ami, call_id)
    await call.do(control.take_over(call.channels["supervisor"], call.customer, call.agent))
    await talk(0.5)
    await call.do(control.drop(call.customer))
    await call.finish()


SCENARIOS: tuple[Scenario, ...] = (
    hold_resume,
    consult_complete,
    consult_cancel,
    cancel_ringing,
    swap,
    consult_busy,
    consult_no_answer,
    third_hangs_up,
    customer_hangs_up,
    agent_hangs_up,
    three_way,
    three_way_third_leaves,
    blind_number,
    blind_phone,
    blind_queue,
    blind_returns,
    blind_nobody,
    inbound_consult_complete,
    supervise,
    take_over,
)


def name_of(scenario: Scenario) -> str:
    return str(getattr(scenario, "__name__", ""))


async def record(folder: Path, wanted: set[str]) -> None:
    """Runs the wanted scenarios (all, if none is named) and writes one stream each."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="control-record-") as data:
        async with TelephonyStack(telephony_settings(Path(data))) as stack:
            secrets = {12: "desk-secret-12", 13: "desk-secret-13"}
            await write_endpoints(stack.pbx, [EndpointSpec(n, secret, f"坐席{n}") for n, secret in secrets.items()])
            await write_queues(stack.pbx, ["q-1", "q-2"])
            for number, secret in secrets.items():
                await stack.carrier.add_phone(f"agent-{number}", secret, 550)
            for scenario in SCENARIOS:
                name = name_of(scenario)
                if wanted and name not in wanted:
                    continue
                async with Ami(stack.settings.ami_port, stack.pbx.secrets["ami_secret"], events=True) as ami:
                    reading = await tap(stack, folder / f"{name}.ami")
                    await scenario(stack, ami, name.replace("_", "-"))
                    await asyncio.sleep(0.3)
                    reading.cancel()
                    await asyncio.wait([reading])


if __name__ == "__main__":
    asyncio.run(record(STREAMS / "control", set(sys.argv[1:])))
