"""Builders say to Asterisk what they mean and refuse what it would read as something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callcenter.ami import actions
from callcenter.ami.errors import BadValue


def test_originate_names_the_call_three_ways() -> None:
    action = actions.originate(
        channel="PJSIP/alice",
        channel_id="c-77",
        account="c-77.agent",
        context="dial-out",
        exten="13800138000",
        caller_id='"售后" <4001>',
        variables={"CALL_ID": "c-77", "NAME": '张三, "VIP" (北京) [1] \\'},
        timeout_ms=20_000,
    )
    assert action == {
        "Action": "Originate",
        "ActionID": "originate/c-77",
        "Async": "true",
        "Channel": "PJSIP/alice",
        "ChannelId": "c-77",
        "Account": "c-77.agent",
        "Context": "dial-out",
        "Exten": "13800138000",
        "Priority": "1",
        "Timeout": "20000",
        "CallerID": '"售后" <4001>',
        "Variable": ["CALL_ID=c-77", 'NAME=张三\\, \\"VIP\\" \\(北京\\) \\[1\\] \\\\'],
    }


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (actions.hangup("PJSIP/a-1"), {"Action": "Hangup", "Channel": "PJSIP/a-1", "Cause": "16"}),
        (
            actions.redirect("c", "hold", "s", extra_channel="a", extra_context="consult", extra_exten="1002"),
            {
                "Action": "Redirect",
                "Channel": "c",
                "Context": "hold",
                "Exten": "s",
                "Priority": "1",
                "ExtraChannel": "a",
                "ExtraContext": "consult",
                "ExtraExten": "1002",
                "ExtraPriority": "1",
            },
        ),
        (
            actions.redirect("c", "hold", "s", 2),
            {"Action": "Redirect", "Channel": "c", "Context": "hold", "Exten": "s", "Priority": "2"},
        ),
        (actions.absolute_timeout("c", 61), {"Action": "AbsoluteTimeout", "Channel": "c", "Timeout": "61"}),
        (actions.play_dtmf("c", "a"), {"Action": "PlayDTMF", "Channel": "c", "Digit": "A"}),
        (
            actions.queue_add("q", "Local/1@a", "张三", True, "PJSIP/a"),
            {
                "Action": "QueueAdd",
                "Queue": "q",
                "Interface": "Local/1@a",
                "Paused": "true",
                "MemberName": "张三",
                "StateInterface": "PJSIP/a",
            },
        ),
        (
            actions.queue_remove("q", "PJSIP/a"),
            {"Action": "QueueRemove", "Queue": "q", "Interface": "PJSIP/a"},
        ),
        (
            actions.queue_pause("PJSIP/a", False, "q", "lunch"),
            {
                "Action": "QueuePause",
                "Interface": "PJSIP/a",
                "Paused": "false",
                "Queue": "q",
                "Reason": "lunch",
            },
        ),
        (
            actions.db_put("did", "4001", "q-3"),
            {"Action": "DBPut", "Family": "did", "Key": "4001", "Val": "q-3"},
        ),
        (actions.db_del("did", "4001"), {"Action": "DBDel", "Family": "did", "Key": "4001"}),
        (actions.getvar("X", "c"), {"Action": "Getvar", "Variable": "X", "Channel": "c"}),
        (
            actions.setvar("X", 'a,"b"', "c"),
            {"Action": "Setvar", "Variable": "X", "Value": 'a,"b"', "Channel": "c"},
        ),
        (actions.core_show_channels(), {"Action": "CoreShowChannels"}),
        (
            actions.mute_audio("c", True, "out"),
            {"Action": "MuteAudio", "Channel": "c", "Direction": "out", "State": "on"},
        ),
        (actions.reload("res_pjsip.so"), {"Action": "Reload", "Module": "res_pjsip.so"}),
        (actions.reload(), {"Action": "Reload"}),
        (actions.ping(), {"Action": "Ping"}),
    ],
    ids=lambda value: str(value["Action"]) if "Action" in value else "",
)
def test_each_builder(action: actions.Action, expected: actions.Action) -> None:
    assert action == expected


@pytest.mark.parametrize(
    "build",
    [
        lambda: actions.hangup("/.*/"),  # a regular expression: every channel
        lambda: actions.hangup(""),
        lambda: actions.hangup("c", -1),
        lambda: actions.hangup("c\r\nAction: Reload"),
        lambda: actions.redirect("c", "x", "1\r\nExtraChannel: d"),
        lambda: actions.absolute_timeout("c", -1),
        lambda: actions.play_dtmf("c", "12"),
        lambda: actions.play_dtmf("c", "x"),
        lambda: actions.play_dtmf("c", ""),
        lambda: actions.getvar("SHELL(id)", "c"),
        lambda: actions.setvar("CHANNEL(language)", "zh", "c"),
        lambda: actions.setvar("张", "zh"),
        lambda: actions.variable("A,B", "x"),
        lambda: actions.mute_audio("c", True, "sideways"),  # type: ignore[arg-type]
        lambda: actions.check({}),
        lambda: actions.check({"Action": "Ping", "action": "Reload"}),
        lambda: actions.check({"Action": "Ping", "Bad Key": "x"}),
        lambda: actions.check({"Action": 7}),  # type: ignore[dict-item]
        lambda: actions.check({"Action": " Originate", "Channel": "PJSIP/a"}),
        lambda: actions.check({"Action": ["Ping", "Originate"]}),
        lambda: actions.check({"Action": "X", "Variable": ["a"] * 200}),
        lambda: actions.originate(channel="alice", channel_id="c", account="c", context="x", exten="1"),
    ],
)
def test_what_would_mean_something_else_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(BadValue) as caught:
        build()
    assert caught.value.code == "bad_value"


def test_a_long_chinese_value_is_measured_in_bytes() -> None:
    actions.db_put("note", "1", "好" * 330)
    with pytest.raises(BadValue, match="bytes"):
        actions.db_put("note", "1", "好" * 340)
