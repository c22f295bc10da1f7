"""What the network called is the number that Python means, however and wherever the carrier writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callcenter.domain.called_numbers import spellings
from callcenter.domain.numbers import dialable
from callcenter.pbx.stack import TelephonyStack
from callcenter.pbx.trunks import TRUNK_HEADER, account_number
from tests.pbx.raw_sip import RawSip
from tests.pbx.support import Ami, probes, until

NUMBERS = ("+862160000101", "+8613800000077", "+864001234567", "95588")
HEADERS = ("To", "P-Called-Party-ID", "Diversion")
WANTED = "02160000101"


async def _know(ami: Ami) -> None:
    for number in NUMBERS:
        for one in spellings(number):
            await ami.send({"Action": "DBPut", "Family": "called", "Key": one, "Val": dialable(number)})


async def _called(ami: Ami, client: RawSip, uri_user: str, *extra: str, to: str = "") -> str:
    """The number for which the call was taken."""
    known = len(ami.seen("Newchannel"))
    assert (await client.ask("INVITE", "13900000001", uri_user=uri_user, to=to, extra=extra)).status == 404
    born = await until(lambda: ami.seen("Newchannel")[known:], f"a channel for {uri_user}")
    unique_id = born[0]["Uniqueid"]
    await ami.gone(unique_id)
    ended = ami.seen("Hangup", Uniqueid=unique_id)[0]
    assert (ended["Context"], ended["AccountCode"]) == ("inbound", f"{unique_id}.customer")
    return ended["Exten"]


@pytest.mark.live
async def test_python_and_dialplan_agree_on_every_spelling(stack: TelephonyStack, ami: Ami) -> None:
    await _know(ami)
    secret = f"{TRUNK_HEADER}: {stack.pbx.secrets['trunk_secret']}"
    async with RawSip(stack.settings.sip_port) as client:
        for number in NUMBERS:
            for one in sorted(spellings(number)):
                assert await _called(ami, client, one, secret) == dialable(number), one
        # As numbers come with parameters and separators; and a number that is not ours stays itself.
        for one in ("+862160000101;npdi=yes", "021-6000-0101", "%2B862160000101", "02160000101;phone-context=+86"):
            assert await _called(ami, client, one, secret) == WANTED, one
        assert await _called(ami, client, "02199999999", secret) == "02199999999"


@pytest_asyncio.fixture(scope="module")
async def trunks(stack: TelephonyStack) -> AsyncIterator[None]:
    async with probes(stack.pbx, {header: {"set_var": f"CALLED_IN={header}"} for header in HEADERS}):
        yield


@pytest.mark.live
@pytest.mark.parametrize("header", HEADERS)
async def test_the_called_number_is_found_where_the_carrier_puts_it(
    stack: TelephonyStack, ami: Ami, trunks: None, header: str
) -> None:
    await _know(ami)
    written = (
        "<sip:+862160000101@ims.example.com>",
        "<sip:862160000101@ims.example.com;user=phone>",
        "<sip:2160000101;npdi@ims.example.com>;reason=unconditional",
        '"021, 6000" <sip:02160000101@x>',
        "<tel:+86-21-6000-0101>",
    )
    odd = ("<sip:$%7bEXTEN%7d,s,1@x>", "<sip:abc@x>", "<sip:%2C5@x>")
    async with RawSip(stack.settings.sip_port) as client:
        for contact in ("contact", "10000"):
            for one in written:
                given = (f"X-Probe: {header}", *(() if header == "To" else (f"{header}: {one}",)))
                to = one if header == "To" else ""
                assert await _called(ami, client, contact, *given, to=to) == WANTED, one
        for one in odd:
            given = (f"X-Probe: {header}", *(() if header == "To" else (f"{header}: {one}",)))
            to = one if header == "To" else ""
            assert await _called(ami, client, "10000", *given, to=to) == "10000", one


def test_an_account_that_is_a_number_is_called_where_no_header_says_more() -> None:
    assert account_number("+862160000101@ims.example.com") == "862160000101"
    assert account_number("sh-trunk.7") == account_number("") == "0"
