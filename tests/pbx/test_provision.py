"""Endpoints, trunks, queues and the short-lived credentials of browsers."""

from __future__ import annotations

import pytest

from callcenter.pbx import provision
from callcenter.pbx.actions import dial_out_action, warn_tone_action
from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.render import render
from callcenter.pbx.stack import TelephonyStack
from callcenter.pbx.trunks import TrunkSpec, trunk_config
from tests.pbx.sip_client import register_over_websocket
from tests.pbx.support import Ami


@pytest.mark.live
async def test_a_browser_credential_works_until_it_is_deleted_and_needs_no_reload(
    stack: TelephonyStack, ami: Ami
) -> None:
    port = stack.settings.pbx_http_port
    name = provision.web_endpoint(12)
    family, key, value = provision.web_credential_db_entry(12, "short-lived")
    assert await register_over_websocket(port, name, "short-lived") >= 400

    await ami.send({"Action": "DBPut", "Family": family, "Key": key, "Val": value})
    assert await register_over_websocket(port, name, "wrong") == 401
    assert await register_over_websocket(port, name, "short-lived") == 200
    await ami.wait("ContactStatus", AOR=name)

    _, _, replaced = provision.web_credential_db_entry(12, "another")
    await ami.send({"Action": "DBPut", "Family": family, "Key": key, "Val": replaced})
    assert await register_over_websocket(port, name, "short-lived") == 401
    assert await register_over_websocket(port, name, "another") == 200

    await ami.send({"Action": "DBDel", "Family": family, "Key": key})
    assert await register_over_websocket(port, name, "another") >= 400
    assert "short-lived" not in await stack.pbx.cli("database show")


@pytest.mark.live
async def test_a_browser_credential_opens_no_other_endpoint(stack: TelephonyStack, ami: Ami) -> None:
    family, key, value = provision.web_credential_db_entry(12, "mine")
    await ami.send({"Action": "DBPut", "Family": family, "Key": key, "Val": value})
    assert await register_over_websocket(stack.settings.pbx_http_port, provision.web_endpoint(13), "mine") >= 400
    assert await register_over_websocket(stack.settings.pbx_http_port, provision.phone_endpoint(12), "mine") == 401
    await ami.send({"Action": "DBDel", "Family": family, "Key": key})


@pytest.mark.live
async def test_new_endpoints_and_queues_leave_a_talking_call_alone(stack: TelephonyStack, ami: Ami) -> None:
    await stack.carrier.set_phone("agent-12", answer_after=0.2)
    await ami.originate(dial_out_action(call_id="steady", agent_channel="PJSIP/agent-12", number="13800000002"))
    await ami.wait("BridgeEnter", Uniqueid="steady")
    text = (stack.pbx.etc / provision.AGENTS_FILE).read_text("utf-8")
    specs = [provision.EndpointSpec(number, f"desk-secret-{number}", "坐席") for number in (12, 13, 99)]
    await provision.write_endpoints(stack.pbx, specs)
    await provision.write_queues(stack.pbx, ["q-1", "q-2", "q-9"])
    assert "agent-99-web" in await stack.pbx.cli("pjsip show endpoints")
    assert "q-9" in await stack.pbx.cli("queue show")
    await provision.write_endpoints(stack.pbx, specs[:2])
    await provision.write_queues(stack.pbx, ["q-1", "q-2"])
    assert "agent-99" not in await stack.pbx.cli("pjsip show endpoints")
    assert not ami.seen("Hangup", Uniqueid="steady")
    assert "agent-12" in text


async def test_a_trunk_with_a_password_registers_and_is_known_by_its_address() -> None:
    text = trunk_config(TrunkSpec("sip.example.com:5080", "02155550000", "pass word"))
    assert "match = sip.example.com\n" in text
    assert "type = registration" in text and "client_uri = sip:02155550000@sip.example.com:5080" in text
    assert "password = pass word" in text


@pytest.mark.parametrize(
    "spec",
    [
        TrunkSpec("host\n[evil]"),
        TrunkSpec("host;x"),
        TrunkSpec("host", "user\r\nx", "p"),
        TrunkSpec("host", "user", "a;b"),
        TrunkSpec("host", name="a]b"),
    ],
)
async def test_a_trunk_cannot_smuggle_configuration(spec: TrunkSpec) -> None:
    with pytest.raises(UnsafeValue):
        trunk_config(spec)


async def test_templates_refuse_values_with_line_breaks_and_forget_none() -> None:
    assert render("port = {{port}}", {"port": "5160"}) == "port = 5160"
    for value in ("1\n[x]", "1\r", "1\0", "1;2"):
        with pytest.raises(UnsafeValue):
            render("port = {{port}}", {"port": value})
    with pytest.raises(KeyError):
        render("port = {{port}}", {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("call_id", "a b"),
        ("call_id", "x" * 61),
        ("number", "138\r\nAction: Command"),
        ("number", "1380000,evil"),
        ("display_number", "010)System(x"),
        ("agent_channel", "PJSIP/agent-12,x"),
    ],
)
async def test_actions_refuse_values_that_could_change_them(field: str, value: str) -> None:
    good = {"call_id": "c", "agent_channel": "PJSIP/agent-12", "number": "13800000001", "display_number": ""}
    with pytest.raises(UnsafeValue):
        dial_out_action(**{**good, field: value})  # type: ignore[arg-type]


async def test_the_warning_goes_to_exactly_one_channel() -> None:
    assert warn_tone_action("PJSIP/agent-12-00000001")["Data"].startswith("PJSIP/agent-12-00000001,")
    with pytest.raises(UnsafeValue):
        warn_tone_action("PJSIP/agent-12-00000001,w")
