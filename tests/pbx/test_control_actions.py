"""The builders of control actions: what they refuse, and that the dialplan has every place they name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from callcenter.ami.actions import check
from callcenter.pbx import control
from callcenter.pbx.control import Actions
from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.render import DIALPLANS

A, C, T, S = "PJSIP/agent-12-0000000a", "PJSIP/trunk-1-0000000b", "PJSIP/trunk-1-0000000c", "PJSIP/agent-9-0000000d"

EVERY: dict[str, Actions] = {
    "hold": control.hold(C, A),
    "hold one of three": control.hold(C, None),
    "resume": control.resume(C, A),
    "consult": control.consult(A, C, "13800000002", display_number="01088886666", limit_seconds=60),
    "consult a colleague": control.consult(A, C, "agent-13-web"),
    "cancel": control.cancel(A, C, T),
    "cancel ringing": control.cancel(A, C, None),
    "swap": control.swap(A, C, T),
    "complete": control.complete(C, T, A),
    "three-way": control.three_way(C, A, T),
    "blind": control.blind_transfer(C, A, "+8613800000002", "agent-12", shown_to_agent="138****01"),
    "blind to a phone": control.blind_transfer(C, A, "agent-13"),
    "blind to a queue": control.blind_transfer(C, A, "q-3", "agent-12-web"),
    "drop": control.drop(T),
    "listen": control.supervise(
        "listen", call_id="c1", channel_id="c1.s1", supervisor_phone="PJSIP/agent-9", agent_channel=A
    ),
    "whisper": control.change_mode(S, "whisper"),
    "barge": control.change_mode(S, "barge"),
    "take over": control.take_over(S, C, A),
}


def dialplan() -> dict[str, set[str]]:
    """The extensions of every context."""
    contexts: dict[str, set[str]] = {}
    here: set[str] = set()
    for path in sorted(DIALPLANS.glob("*.conf")):
        for line in path.read_text("utf-8").splitlines():
            if found := re.match(r"\[([^]]+)\]", line):
                here = contexts.setdefault(found[1], set())
            elif found := re.match(r"exten => ([^,]+),", line):
                here.add(found[1])
    return contexts


def matches(pattern: str, exten: str) -> bool:
    """Whether an extension pattern takes `exten` (the few forms that our files use)."""
    if not pattern.startswith("_"):
        return pattern == exten
    # `.` is one or more of anything, `!` anything at all, X a digit; sets in brackets are the same in both.
    text = pattern[1:].replace("X", "[0-9]").replace(".", ".+").replace("!", ".*")
    return re.fullmatch(text, exten) is not None


@pytest.mark.parametrize("name", EVERY)
def test_every_action_is_safe_and_leads_to_a_place_that_exists(name: str) -> None:
    contexts = dialplan()
    for action in EVERY[name]:
        assert check(action) == action
        for prefix in ("", "Extra"):
            if context := action.get(f"{prefix}Context"):
                exten = str(action[f"{prefix}Exten"])
                known = contexts[str(context)]
                assert any(matches(one, exten) for one in known), (context, exten, known)


def test_no_context_lacks_its_end_or_swallows_it() -> None:
    for name, extens in dialplan().items():
        assert not extens & {"_.", "_!", "_X"}, name
        if name.startswith("leg-") and name not in ("leg-enter", "leg-counted", "leg-gone", "leg-released"):
            assert "T" in extens, f"[{name}] does not end a leg whose time is up"


@pytest.mark.parametrize(
    "build",
    [
        lambda: control.hold("", A),
        lambda: control.hold("/.*/", A),
        lambda: control.hold(C, C),
        lambda: control.resume(C, "PJSIP/a\r\nAction: Logoff"),
        lambda: control.consult(A, C, "agent-13,1"),
        lambda: control.consult(A, C, "13800000002@elsewhere"),
        lambda: control.consult(A, C, "consult"),
        lambda: control.consult(A, C, "13800000002", display_number="1,2"),
        lambda: control.consult(A, C, "13800000002", limit_seconds=0),
        lambda: control.consult(A, C, "13800000002", trunk="trunk-1/x&y"),
        lambda: control.blind_transfer(C, A, "ring"),
        lambda: control.blind_transfer(C, A, "q-3", "13800000002,1"),
        lambda: control.blind_transfer(C, A, "q-3", "agent-1", shown_to_agent="张三"),
        lambda: control.drop("/PJSIP/"),
        lambda: control.change_mode(S, "shout"),
        lambda: control.supervise(
            "listen", call_id="c 1", channel_id="x", supervisor_phone="PJSIP/agent-9", agent_channel=A
        ),
        lambda: control.supervise(
            "listen", call_id="c1", channel_id="x", supervisor_phone="PJSIP/agent-9", agent_channel="PJSIP/a,qB"
        ),
    ],
)
def test_a_value_that_could_mean_something_else_is_refused(build: Callable[[], Actions]) -> None:
    with pytest.raises(UnsafeValue):
        build()
