"""The AMI actions that go with our dialplan, as plain headers; whoever holds a link sends them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.trunks import TRUNK

Action = dict[str, str | list[str]]

_CALL_ID = re.compile(r"[A-Za-z0-9._-]{1,60}")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_EXTENSION = re.compile(r"[0-9]{0,8}")
_DISPLAY = re.compile(r"(\+?[0-9]{1,20})?")
_IDENTITY = re.compile(r"<sip:\+?[0-9]{1,24}@[A-Za-z0-9.\-]{1,120}>")
_SHOWN = re.compile(r"[+0-9*]{1,32}")
_CHANNEL = re.compile(r"[A-Za-z0-9/@._;-]{1,120}")
_TARGET = re.compile(r"agent-[0-9]{1,12}(-web)?|\+?[0-9]{2,20}")


def outside_channel(number: str, trunk: str = TRUNK) -> str:
    """What rings an outside phone: `number` as the trunk expects it."""
    _check(_NUMBER, number, "number")
    return f"PJSIP/{number}@{trunk}"


def line_channel(employee_id: int) -> str:
    """What reaches an agent on the open line (dialplans/12-line.conf)."""
    return f"Local/{int(employee_id)}@line-join/n"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every outbound call, however it is set up. Times are seconds.

    `limit_seconds` counts from the customer's answer; None is no limit. `display_number` is what the customer sees.
    `extension` are keys that are sent once the customer's side has answered (分机).
    """

    call_id: str
    number: str
    display_number: str = ""
    ring_seconds: int = 45
    limit_seconds: int | None = None
    record: bool = True
    trunk: str = TRUNK
    identity: str = ""
    """The value of P-Preferred-Identity where the carrier wants one; empty: it does not."""
    extension: str = ""

    def variables(self) -> list[str]:
        return [
            f"__CALL_ID={self.call_id}",
            f"TRUNK={self.trunk}",
            f"DISPLAY_NUMBER={self.display_number}",
            f"RING_SECONDS={self.ring_seconds}",
            f"LIMIT_SECONDS={'' if self.limit_seconds is None else self.limit_seconds}",
            f"RECORD={'yes' if self.record else 'no'}",
            f"EXTENSION={self.extension}",
        ]

    def check(self) -> None:
        _check(_CALL_ID, self.call_id, "call id")
        _check(_NUMBER, self.number, "number")
        _check(_DISPLAY, self.display_number, "display number")
        _check(_EXTENSION, self.extension, "extension")


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
    identity: str = "",
) -> Action:
    """As `agent_first_action`, with the terms one by one."""
    terms = Terms(call_id, number, display_number, ring_seconds, limit_seconds, record, trunk, identity)
    return agent_first_action(
        terms, agent_channel, shown_to_agent=shown_to_agent, agent_ring_seconds=agent_ring_seconds
    )


def agent_first_action(
    terms: Terms, agent_channel: str, *, shown_to_agent: str = "", agent_ring_seconds: int = 20
) -> Action:
    """Agent first: ring `agent_channel` (`PJSIP/agent-12-web`, `outside_channel(...)`), then dial the number.

    The agent's channel gets the call id as its unique id. With `line_channel(...)` nothing rings on the agent's side.
    """
    call_id, number = terms.call_id, terms.number
    terms.check()
    _check(_CHANNEL, agent_channel, "channel")
    # The phone's screen may get a masked number, so it is separate from the number dialled.
    shown = shown_to_agent or number
    _check(_SHOWN, shown, "shown number")
    variables = terms.variables()
    if agent_channel.startswith("PJSIP/agent-"):
        variables.append(f"PJSIP_HEADER(add,X-Call-Id)={call_id}")
    elif agent_channel.startswith("PJSIP/"):
        variables += _identity(terms)
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
        "Variable": variables,
    }


def customer_first_action(terms: Terms, agent: str, *, shown_to_agent: str, agent_ring_seconds: int = 20) -> Action:
    """Customer first: dial the customer, then ring `agent` (`agent-12-web`, or an outside number).

    The customer's channel gets the call id as its unique id.
    """
    terms.check()
    _check(_TARGET, agent, "phone or number")
    _check(_SHOWN, shown_to_agent, "shown number")
    shown = terms.display_number
    return {
        "Action": "Originate",
        "Channel": outside_channel(terms.number, terms.trunk),
        "ChannelId": terms.call_id,
        "Account": f"{terms.call_id}.customer",
        "Context": "customer-first",
        "Exten": agent,
        "Priority": "1",
        "CallerID": f'"{shown}" <{shown}>',
        "Timeout": str(terms.ring_seconds * 1000),
        "Async": "true",
        "Variable": [
            *terms.variables(),
            *_identity(terms),
            f"AGENT_RING_SECONDS={agent_ring_seconds}",
            f"SHOWN={shown_to_agent}",
        ],
    }


def open_line_action(line_id: str, employee_id: int, phone: str, ring_seconds: int = 20) -> Action:
    """Ring an agent's phone (`agent-12-web`) once; answered, it stays connected and waits for calls (P-07).

    The headers ask the phone to answer by itself: `X-Line` is for our browser phone, `Call-Info` for desk phones.
    """
    _check(_CALL_ID, line_id, "line id")
    _check(_TARGET, phone, "phone")
    return {
        "Action": "Originate",
        "Channel": f"PJSIP/{phone}",
        "ChannelId": line_id,
        "Account": f"line.{int(employee_id)}",
        "Context": "line",
        "Exten": "s",
        "Priority": "1",
        "CallerID": '"" <>',
        "Timeout": str(ring_seconds * 1000),
        "Async": "true",
        "Variable": [
            f"LINE_OF={int(employee_id)}",
            "PJSIP_HEADER(add,X-Line)=open",
            "PJSIP_HEADER(add,X-Auto-Answer)=1",
            "PJSIP_HEADER(add,Call-Info)=<sip:callcenter.invalid>\\;answer-after=0",
        ],
    }


def armed_entries(terms: Terms, company_id: int, callers: Sequence[str], until: int) -> list[tuple[str, str, str]]:
    """AstDB (family, key, value) with which the dialplan connects a call-through by itself (13-call-through.conf).

    `callers` are the ways in which the network may write the agent's outside phone; `until` is Unix time.
    """
    terms.check()
    limit = "" if terms.limit_seconds is None else str(terms.limit_seconds)
    record = "yes" if terms.record else "no"
    value = f"{until}:{terms.number}:{terms.display_number}:{terms.ring_seconds}:{limit}:{record}:{terms.extension}"
    # What is dialled first, who may ask for it last: a caller never finds half of it.
    return [
        ("arm", terms.call_id, value),
        *(("armed", f"{company_id}-{caller}", terms.call_id) for caller in callers),
    ]


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


def _identity(terms: Terms) -> list[str]:
    """Told to the carrier on a channel that we start there; on all others the dialplan does (00-shared.conf)."""
    if not terms.identity:
        return []
    _check(_IDENTITY, terms.identity, "identity")
    return [f"PJSIP_HEADER(add,P-Preferred-Identity)={terms.identity}"]


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"`{value[:80]!r}` is not a valid {what}.")
