"""What the network and phones may call: numbers. Anything else gets no call, no jump, no dial.

The contexts are read from the files that Asterisk has, so a context that is added later is attacked by itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callcenter.pbx.provision import QueueSpec, queue_config
from callcenter.pbx.render import DIALPLANS, TEMPLATES
from callcenter.pbx.stack import TelephonyStack
from callcenter.pbx.trunks import TRUNK_HEADER
from tests.pbx.raw_sip import RawSip
from tests.pbx.support import Ami, probes

DID = "02155550001"
NASTY = (
    f"{DID},5",
    f"{DID},s,1",
    f"{DID}%2C5",
    f"{DID}%2cinbound%2c{DID}%2c7",
    f"{DID}%3B5",
    f"{DID};npdi=yes",
    f"{DID}%22",
    f"{DID}%27--",
    f"{DID}%0dX",
    f"{DID}%0d%0aEvent:%20Hangup",
    f"{DID}%0a",
    f"{DID}%00",
    f"{DID}&13800000001",
    f"{DID}/x",
    f"{DID}%40trunk-1",
    f"{DID}$%7bEXTEN%7d",
    f"{DID}$%5b1%2b1%5d",
    f"{DID}%7bx%7d",
    f"{DID})",
    f"{DID}(b)",
    f"{DID}\\,5",
    f"{DID}^5",
    f"{DID}|5",
    f"{DID}%E5%8F%B7",
    f"{DID}１",
    "%EF%BC%90%EF%BC%92%EF%BC%91%EF%BC%95%EF%BC%95",
    "1" * 300,
    "+" + "1" * 300,
    "+",
    "++8613800000001",
    "1+3800000001",
    "abc",
    "s",
    "i",
    "t",
    "h",
    "T",
    "_X.",
    "agent-12",
    "q-1",
    "ring",
    "joined",
    "*72%2C13800000001",
    "#",
    "*",
    "1",
    "",
)
CALLERS = (
    '139","x',
    "139%22%2C%24%7bEPOCH%7d",
    "139%27--",
    "139%2Cs%2C1",
    "139&140",
    "139$%7bSHELL(id)%7d",
    "139%0d%0aEvent:%20Hangup%0d%0aX:%20y",
    "%E5%8F%B7",
    "8" * 300,
)
NAMES = ('x\\" <sip:1@2>', "a,b", "${CALLERID(num)}", "$[1/0]", "'); DROP TABLE cel; --", "甲" * 100)


def entry_contexts(*folders: Path) -> set[str]:
    """Every context that an endpoint or a queue lets somebody into."""
    found = {"queue-keys"} if "context = queue-keys" in queue_config(QueueSpec("q-1", callback=True)) else set()
    for folder in folders:
        for path in [*folder.glob("pjsip*.conf"), *folder.glob("queues*.conf")]:
            found |= set(re.findall(r"^context\s*=\s*(\S+)", path.read_text("utf-8"), re.MULTILINE))
    return found


def dialplan(*folders: Path) -> dict[str, list[str]]:
    """Context -> its lines, as the files have them."""
    contexts: dict[str, list[str]] = {}
    lines: list[str] = []
    for path in sorted(path for folder in folders for path in folder.glob("*.conf")):
        for line in path.read_text("utf-8").splitlines():
            if named := re.match(r"\[([^]]+)\]", line):
                lines = contexts.setdefault(named[1], [])
            elif not line.startswith(";"):
                lines.append(line)
    return contexts


def reachable(contexts: dict[str, list[str]], name: str) -> set[str]:
    """A context and all that it includes."""
    included = {line.split("=>")[1].strip() for line in contexts[name] if line.startswith("include")}
    return {name}.union(*(reachable(contexts, one) for one in included))


def test_entry_contexts_let_nothing_in_but_numbers() -> None:
    contexts = dialplan(DIALPLANS)
    entries = entry_contexts(TEMPLATES / "pbx")
    assert {"from-trunk", "from-agent", "queue-keys"} <= entries
    for entry in entries:
        for name in reachable(contexts, entry):
            patterns = re.findall(r"exten => (_[^,]*),1,(.*)", "\n".join(contexts[name]))
            for pattern, does in patterns:
                open_ended = not re.fullmatch(r"_[+*#]?[XZN0-9]+", pattern)
                assert not open_ended or does.startswith("Hangup("), f"{name}: {pattern}"
            named = set(re.findall(r"exten => ([a-zA-Z]),", "\n".join(contexts[name])))
            assert not named, f"{name}: {named} can be called by name"


@pytest_asyncio.fixture(scope="module")
async def contexts(stack: TelephonyStack) -> AsyncIterator[list[str]]:
    """The entry contexts of the running PBX; a request with the header `X-Probe: <context>` enters that one."""
    found = sorted(entry_contexts(stack.pbx.etc))
    async with probes(stack.pbx, {name: {"context": name} for name in found}):
        yield found


async def _status(client: RawSip, context: str, **request: str) -> int:
    """The final status; 0 when what was sent is not even SIP and is dropped unanswered."""
    try:
        extra = (f"X-Probe: {context}",)
        caller, called = request.get("caller", "13900000001"), request.get("called", DID)
        given = {"uri_user": called, "to": DID, "extra": extra, "display": request.get("name", "")}
        return (await client.ask("INVITE", caller, timeout=0.7, **given)).status  # type: ignore[arg-type]
    except TimeoutError:
        return 0


@pytest.mark.live
async def test_whatever_is_called_no_priority_is_jumped_and_nobody_is_dialled(
    stack: TelephonyStack, ami: Ami, contexts: list[str]
) -> None:
    async with RawSip(stack.settings.sip_port) as client:
        for context in contexts:
            for called in NASTY:
                status = await _status(client, context, called=called)
                assert status in (0, 404, 403, 603, 416, 400, 484), f"{context} {called}: {status}"
        # The last one is clean: when it has ended, all events of those before it are here.
        await _status(client, "from-trunk", called="02199999999")
        await ami.wait("Hangup", Exten="02199999999")
    for channel in ami.seen("Newchannel"):
        await ami.gone(channel["Uniqueid"])
        ended = ami.seen("Hangup", Uniqueid=channel["Uniqueid"])[0]
        assert ended["Cause"] in ("1", "21", "28"), (channel, ended)
        # A call from the network is always a call of the product: with a clean number, an account, so with records.
        if channel["Context"] == "from-trunk":
            assert re.fullmatch(r"\+?[0-9]{1,24}", ended["Exten"]), (channel, ended)
            assert ended["Context"] == "inbound" and ended["AccountCode"] == f"{ended['Uniqueid']}.customer"
    assert not ami.seen("DialBegin") and not ami.seen("QueueCallerJoin")


@pytest.mark.live
async def test_whoever_calls_is_shown_as_a_number_or_as_anonymous(stack: TelephonyStack, ami: Ami) -> None:
    secret = f"{TRUNK_HEADER}: {stack.pbx.secrets['trunk_secret']}"
    async with RawSip(stack.settings.sip_port) as client:
        for caller in CALLERS:
            try:
                await client.ask("INVITE", caller, extra=(secret,), timeout=0.7)
            except TimeoutError:
                continue
        for name in NAMES:
            await client.ask("INVITE", "13900000001", display=name, extra=(secret,))
    for channel in [one["Uniqueid"] for one in ami.seen("Newchannel")]:
        await ami.gone(channel)
        ended = ami.seen("Hangup", Uniqueid=channel)[0]
        assert re.fullmatch(r"\+?[0-9]{3,25}|anonymous", ended["CallerIDNum"]), ended
        assert ended["CallerIDName"] in ("", "<unknown>")
        assert ended["Context"] == "inbound" and ended["AccountCode"] == f"{channel}.customer"
    assert len(ami.seen("Newchannel")) >= len(NAMES)


@pytest.mark.live
@pytest.mark.parametrize(
    ("caller", "display", "headers"),
    [
        ("anonymous", "Anonymous", ()),
        ("Restricted", "", ()),
        ("unknown", "", ()),
        ("unavailable", "", ()),
        ("13900000001", "", ("Privacy: id",)),
        ("13900000001", "", ("Privacy: user;id", "P-Asserted-Identity: <sip:13900000002@x>")),
        ("anonymous", "", ("Privacy: id", "P-Asserted-Identity: <sip:13900000002@x>")),
        ("%20", "", ()),
        ("", "", ()),
    ],
)
async def test_a_hidden_caller_is_anonymous(
    stack: TelephonyStack, ami: Ami, caller: str, display: str, headers: tuple[str, ...]
) -> None:
    secret = f"{TRUNK_HEADER}: {stack.pbx.secrets['trunk_secret']}"
    async with RawSip(stack.settings.sip_port) as client:
        await client.ask("INVITE", caller, display=display, extra=(secret, *headers))
    told = await ami.wait("NewAccountCode")
    assert told["CallerIDNum"] == "anonymous"
    await ami.gone(told["Uniqueid"])
