"""SIP from whoever reaches the port: nobody is taken for somebody, and no answer tells which names exist."""

from __future__ import annotations

import re

import pytest

from callcenter.pbx import provision
from callcenter.pbx.provision import phone_endpoint, web_endpoint
from callcenter.pbx.render import TEMPLATES
from callcenter.pbx.stack import TelephonyStack
from callcenter.pbx.trunks import TRUNK, TRUNK_HEADER, TrunkSpec, trunk_config
from tests.pbx.conftest import SECRETS
from tests.pbx.raw_sip import Answer, RawSip
from tests.pbx.support import Ami

FOREIGN = "127.0.0.2"
"""Another address than the simulated network's and the phones'."""
METHODS = ("INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY", "INFO", "UPDATE")
NAMES = (TRUNK, phone_endpoint(12), web_endpoint(12), "agent-999", "nobody", "02155550001", "anonymous")


async def _answers(client: RawSip, method: str, password: str | None) -> dict[str, Answer]:
    return {name: await client.ask(method, name, password=password) for name in NAMES}


@pytest.mark.live
@pytest.mark.parametrize("host", ["127.0.0.1", FOREIGN])
@pytest.mark.parametrize("method", METHODS)
async def test_a_name_opens_nothing_and_all_names_are_answered_alike(
    stack: TelephonyStack, ami: Ami, method: str, host: str
) -> None:
    async with RawSip(stack.settings.sip_port, host) as client:
        for password in (None, "wrong"):
            answers = await _answers(client, method, password)
            assert {answer.status for answer in answers.values()} == {401}
            assert len({answer.shape for answer in answers.values()}) == 1, answers
    assert not ami.seen("Newchannel")


@pytest.mark.live
@pytest.mark.parametrize("method", ["ACK", "BYE", "CANCEL"])
async def test_requests_of_calls_that_do_not_exist_tell_nothing(stack: TelephonyStack, method: str) -> None:
    async with RawSip(stack.settings.sip_port, FOREIGN) as client:
        shapes = set()
        for name in NAMES:
            try:
                shapes.add((await client.ask(method, name, timeout=0.5)).shape)
            except TimeoutError:
                shapes.add(())
        assert len(shapes) == 1


@pytest.mark.live
async def test_an_agents_secret_opens_no_other_name(stack: TelephonyStack, ami: Ami) -> None:
    own, secret = phone_endpoint(12), SECRETS[12]
    async with RawSip(stack.settings.sip_port, FOREIGN) as client:
        for method in ("INVITE", "REGISTER"):
            for name in (phone_endpoint(13), TRUNK, "nobody"):
                assert (await client.ask(method, name, password=secret, proof_of=own)).status == 401
        others = [await client.ask("REGISTER", own, to=to, password=secret) for to in (phone_endpoint(13), "nobody")]
        assert others[0].status == others[1].status != 200
        assert others[0].shape == others[1].shape
    assert not ami.seen("Newchannel")


@pytest.mark.live
async def test_the_simulated_network_is_known_by_its_secret_alone(stack: TelephonyStack, ami: Ami) -> None:
    async with RawSip(stack.settings.sip_port) as client:
        wrong = await client.ask("INVITE", "13900000001", extra=(f"{TRUNK_HEADER}: guessed",))
        assert wrong.status == 401 and not ami.seen("Newchannel")
        right = f"{TRUNK_HEADER}: {stack.pbx.secrets['trunk_secret']}"
        assert (await client.ask("INVITE", "13900000001", uri_user="02100000000", extra=(right,))).status == 404
        await ami.wait("Hangup", Context="inbound")


def test_every_endpoint_says_how_it_may_be_known() -> None:
    """A trunk never by a name; everybody who is known by a name has to prove it."""
    assert "identify_by = ip\n" in trunk_config(TrunkSpec("192.0.2.1"))
    assert "identify_by = header\n" in trunk_config(TrunkSpec("127.0.0.1:5260", header_secret="secret"))
    sections = re.split(r"\n(?=\[)", (TEMPLATES / "pbx" / "pjsip.conf").read_text("utf-8"))
    agent = next(one for one in sections if one.startswith("[agent](!)"))
    assert "identify_by = username\n" in agent
    made = provision._agent(provision.EndpointSpec(7, "secret", "x"), "key")
    for section in re.split(r"\n(?=\[)", made):
        if "(agent-phone)" in section or "(agent-browser)" in section:
            assert "\nauth = agent-7" in section
