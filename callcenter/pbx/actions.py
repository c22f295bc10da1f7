"""The AMI actions that go with our dialplan, as plain headers; whoever holds a link sends them."""

from __future__ import annotations

import re

from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.provision import TRUNK

Action = dict[str, str | list[str]]

_CALL_ID = re.compile(r"[A-Za-z0-9._-]{1,60}")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_DISPLAY = re.compile(r"(\+?[0-9]{1,20})?")
_CHANNEL = re.compile(r"[A-Za-z0-9/@._;-]{1,120}")


def dial_out_action(
    *,
    call_id: str,
    agent_channel: str,
    number: str,
    display_number: str = "",
    shown_to_agent: str = "",
    agent_ring_seconds: int = 20,
    ring_seconds: int = 45,
    limit_seconds: int | None = None,
    record: bool = True,
    trunk: str = TRUNK,
) -> Action:
    """Direct mode: ring `agent_channel` (`PJSIP/agent-12-web`), then dial `number` over the trunk.

    The agent's channel gets `call_id` as its unique id; `limit_seconds` counts from the customer's answer.
    """
    _check(_CALL_ID, call_id, "call id")
    _check(_CHANNEL, agent_channel, "channel")
    _check(_NUMBER, number, "number")
    _check(_DISPLAY, display_number, "display number")
    # The phone's screen may get a masked number, so it is separate from the number dialled.
    shown = shown_to_agent or number
    _check(re.compile(r"[+0-9*]{1,32}"), shown, "shown number")
    return {
        "Action": "Originate",
        "Channel": agent_channel,
        "ChannelId": call_id,
        "Account": f"{call_id}.agent",
        "Context": "dial-out",
        "Exten": number,
        "Priority": "1",
        "CallerID": f'"{shown}" <{shown}>',
        "Timeout": str(agent_ring_seconds * 1000),
        "Async": "true",
        "Variable": [
            f"__CALL_ID={call_id}",
            f"TRUNK={trunk}",
            f"DISPLAY_NUMBER={display_number}",
            f"RING_SECONDS={ring_seconds}",
            f"LIMIT_SECONDS={'' if limit_seconds is None else limit_seconds}",
            f"RECORD={'yes' if record else 'no'}",
            f"PJSIP_HEADER(add,X-Call-Id)={call_id}",
        ],
    }


def warn_tone_action(agent_channel: str) -> dict[str, str]:
    """Play two beeps to the agent alone; `agent_channel` is a full channel name, e.g. `PJSIP/agent-12-0000000a`."""
    _check(_CHANNEL, agent_channel, "channel")
    return {
        "Action": "Originate",
        "Channel": "Local/s@warn-tone/n",
        "Application": "ChanSpy",
        # q: no announcement; W: speak to this channel without hearing it; u: exactly this channel; E, S: end with it.
        "Data": f"{agent_channel},quWES",
        "Timeout": "5000",
        "Async": "true",
    }


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"`{value[:80]!r}` is not a valid {what}.")
