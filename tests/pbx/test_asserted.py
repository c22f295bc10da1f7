"""Who calls, where the carrier asserts it: From is what the caller's equipment says, the assertion is the network's.

RFC 3325 lets a carrier send two identities, one of them a tel: URI, in one header or in two.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callcenter.pbx.stack import TelephonyStack
from tests.pbx.raw_sip import RawSip
from tests.pbx.support import Ami, probes

TRUSTING, SIMPLE = "asserting", "simple"
SAID, ASSERTED, OTHER = "13900000001", "13900000002", "13900000003"
PAI = "P-Asserted-Identity: "


@pytest_asyncio.fixture(scope="module")
async def carriers(stack: TelephonyStack) -> AsyncIterator[None]:
    kinds = {TRUSTING: {"trust_id_inbound": "yes", "set_var": "ASSERTS=yes"}, SIMPLE: {"trust_id_inbound": "no"}}
    async with probes(stack.pbx, kinds):
        yield


async def _caller(stack: TelephonyStack, ami: Ami, carrier: str, *headers: str) -> str:
    async with RawSip(stack.settings.sip_port) as client:
        await client.ask("INVITE", SAID, extra=(f"X-Probe: {carrier}", *headers))
    told = await ami.wait("NewAccountCode")
    await ami.gone(told["Uniqueid"])
    return str(told["CallerIDNum"])


@pytest.mark.live
@pytest.mark.usefixtures("carriers")
@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ((), SAID),
        ((f"{PAI}<sip:{ASSERTED}@carrier.example>",), ASSERTED),
        ((f'{PAI}"x" <sip:+86{ASSERTED}@carrier.example;user=phone>',), f"+86{ASSERTED}"),
        ((f"{PAI}<tel:+86{ASSERTED}>",), f"+86{ASSERTED}"),
        ((f"{PAI}tel:+86{ASSERTED}",), f"+86{ASSERTED}"),
        ((f"{PAI}<sip:{ASSERTED}@carrier.example>", f"{PAI}<tel:+86{OTHER}>"), ASSERTED),
        ((f"{PAI}<sip:{ASSERTED}@carrier.example>, <tel:+86{OTHER}>",), ASSERTED),
        ((f"{PAI}<tel:+86{ASSERTED}>", f"{PAI}<sip:{OTHER}@carrier.example>"), f"+86{ASSERTED}"),
        ((f"{PAI}<tel:+86-139-0000-0002>",), f"+86{ASSERTED}"),
        ((f"{PAI}<tel:+86{ASSERTED};phone-context=+86>",), f"+86{ASSERTED}"),
        (
            (f"{PAI}<sip:+86{ASSERTED}@x;user=phone;cpc=ordinary>,\r\n\t<tel:+86{OTHER};cpc=ordinary>",),
            f"+86{ASSERTED}",
        ),
        ((f"{PAI}<tel:+86{ASSERTED}>, <sip:{OTHER}@carrier.example>",), f"+86{ASSERTED}"),
        ((f'{PAI}"Wang, Li" <sip:{ASSERTED}@carrier.example>, <tel:+86{OTHER}>',), ASSERTED),
        ((f"{PAI}<sip:{ASSERTED}@carrier.example>, <tel:+86{OTHER}>", "Privacy: id"), "anonymous"),
        ((f"{PAI}<sip:carrier.example>",), SAID),
        ((f"{PAI}nonsense",), SAID),
    ],
)
async def test_the_first_asserted_identity_is_the_caller(
    stack: TelephonyStack, ami: Ami, headers: tuple[str, ...], caller: str
) -> None:
    assert await _caller(stack, ami, TRUSTING, *headers) == caller


@pytest.mark.live
@pytest.mark.usefixtures("carriers")
async def test_a_carrier_that_is_not_trusted_asserts_nothing(stack: TelephonyStack, ami: Ami) -> None:
    assert await _caller(stack, ami, SIMPLE, f"{PAI}<sip:{ASSERTED}@carrier.example>") == SAID
