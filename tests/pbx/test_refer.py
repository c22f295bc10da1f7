"""The transfer key of a desk phone: refused, and the call goes on as if nobody had pressed it."""

from __future__ import annotations

import pytest

from callcenter.pbx.actions import dial_out_action
from callcenter.pbx.provision import EndpointSpec, write_endpoints
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.sip_client import DeskPhone
from tests.pbx.support import Ami

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    "target",
    [
        "sip:13800000002@{pbx}",
        "sip:agent-13@{pbx}",
        "sip:*43@{pbx}",
        "sip:13800000002@192.0.2.1",
        "sip:13800000002@{pbx}?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db",
    ],
)
async def test_a_phones_own_transfer_is_refused_and_the_call_untouched(
    stack: TelephonyStack, ami: Ami, target: str
) -> None:
    specs = [EndpointSpec(number, f"desk-secret-{number}", f"坐席{number}") for number in (12, 13, 14)]
    await write_endpoints(stack.pbx, specs)
    phone = DeskPhone("agent-14", "desk-secret-14", stack.settings.sip_port)
    await phone.open()
    try:
        await ami.originate(dial_out_action(call_id="refer", agent_channel="PJSIP/agent-14", number="13800000003"))
        customer = await ami.channel_of("refer.customer")
        await ami.wait("BridgeEnter", Uniqueid=customer["Uniqueid"])
        born = len(ami.seen("Newchannel"))
        assert await phone.refer(target.format(pbx=f"127.0.0.1:{stack.settings.sip_port}"), 101) >= 400
        # The call still does what it did: a hold, which comes after it in the same dialog, is taken.
        await phone.set_direction("sendonly", 103)
        await ami.wait("Hold", Uniqueid="refer")
        assert len(ami.seen("Newchannel")) == born and not ami.seen("Hangup") and not ami.seen("BridgeLeave")
        await stack.carrier.hangup("13800000003")
        await ami.gone("refer")
    finally:
        phone.close()
        await write_endpoints(stack.pbx, specs[:2])
