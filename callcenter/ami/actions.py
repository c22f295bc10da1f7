"""What we ask of Asterisk, as plain header dictionaries; one builder per AMI action.

A builder refuses (`BadValue`) what Asterisk would read as something else; `check` is the last gate, which
`AmiLink` applies to every action whether or not a builder made it.

Values a person may have typed (names, notes) are safe as *values* of `Variable`, `Value`, `Val`. They stay
dangerous inside the dialplan where it evaluates text: never pass such a variable to `EVAL`, `System`, `Exec*`
or a `$[...]` expression unquoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from callcenter.ami.errors import BadValue
from callcenter.ami.parse import ORIGINATE_ID

Action = dict[str, str | Sequence[str]]

MAX_LINE: Final = 1000
"""Bytes of one header line. Asterisk 22 discards a message with a line of 1020 bytes or more and answers such a
message twice, once without an ActionID; older ones take the rest of the line for a header of its own, which
is injection without any line break."""
MAX_HEADERS: Final = 120
"""Asterisk ignores headers past the 128th without a word."""

_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_VARIABLE: Final = re.compile(r"[_A-Za-z0-9]+")
_BREAKS: Final = re.compile(r"[\r\n\0]")
_SPECIAL: Final = re.compile(r'([\\",()\[\]])')


def check(action: Mapping[str, str | Sequence[str]]) -> Action:
    """A copy of `action` that means to Asterisk exactly what it says; raises `BadValue` otherwise."""
    result: Action = {}
    seen: set[str] = set()
    lines = 0
    for key, value in action.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise BadValue(f"not a header name: {key!r}")
        if key.lower() in seen:
            raise BadValue(f"header given twice: {key}")
        seen.add(key.lower())
        values: list[str] = list(value) if isinstance(value, (list, tuple)) else [value]  # type: ignore[list-item]
        for one in values:
            _check_value(key, one)
        lines += len(values)
        result[key] = values if isinstance(value, (list, tuple)) else values[0]
    if "action" not in seen or not re.fullmatch("[A-Za-z]+", name(result)):
        raise BadValue("an action needs one header Action with the name alone")
    if lines > MAX_HEADERS:
        raise BadValue(f"{lines} headers, Asterisk reads {MAX_HEADERS}")
    return result


def name(action: Mapping[str, str | Sequence[str]]) -> str:
    """The action's name however its header is spelt; '' if there is none, or more than one."""
    found = next((value for key, value in action.items() if key.lower() == "action"), "")
    return found if isinstance(found, str) else ""


def _check_value(key: str, value: object) -> None:
    if not isinstance(value, str):
        raise BadValue(f"{key} must be text, not {type(value).__name__}")
    if _BREAKS.search(value):
        raise BadValue(f"{key} holds a line break or NUL")
    try:
        size = len(key) + 2 + len(value.encode())
    except UnicodeEncodeError:
        raise BadValue(f"{key} is not valid Unicode") from None
    if size > MAX_LINE:
        raise BadValue(f"{key} is {size} bytes long, {MAX_LINE} are allowed")


def variable(name: str, value: str) -> str:
    """`name=value` for the `Variable` header of Originate, in which a bare comma starts the next variable
    and quotes, brackets and backslashes group: each is escaped, so the channel sees `value` verbatim.

    Raises `BadValue` for a name outside `[_A-Za-z0-9]` (with parentheses it would call a function).
    """
    return _name(name) + "=" + _SPECIAL.sub(r"\\\1", value)


def originate(
    *,
    channel: str,
    channel_id: str,
    account: str,
    context: str,
    exten: str,
    priority: int = 1,
    caller_id: str = "",
    variables: Mapping[str, str] | None = None,
    timeout_ms: int = 30_000,
) -> Action:
    """Dials `channel`, then runs it in the dialplan. `channel_id` becomes the uniqueid; `timeout_ms` is how
    long it may ring. The answer only says that it was queued: the outcome is `OriginateAnswered`."""
    action: Action = {
        "Action": "Originate",
        "ActionID": ORIGINATE_ID + channel_id,
        "Async": "true",
        "Channel": _channel(channel),
        "ChannelId": channel_id,
        "Account": account,
        "Context": context,
        "Exten": exten,
        "Priority": str(priority),
        "Timeout": str(_natural("timeout_ms", timeout_ms)),
    }
    if caller_id:
        action["CallerID"] = caller_id
    if variables:
        action["Variable"] = [variable(name, value) for name, value in variables.items()]
    return check(action)


def hangup(channel: str, cause: int = 16) -> Action:
    """Ends one channel (by name or uniqueid) with a Q.850 cause."""
    return check({"Action": "Hangup", "Channel": _one(channel), "Cause": str(_natural("cause", cause))})


def redirect(
    channel: str,
    context: str,
    exten: str,
    priority: int = 1,
    *,
    extra_channel: str = "",
    extra_context: str = "",
    extra_exten: str = "",
    extra_priority: int = 1,
) -> Action:
    """Moves a channel, and with `extra_channel` its peer in the same instant (neither is hung up)."""
    action: Action = {
        "Action": "Redirect",
        "Channel": _one(channel),
        "Context": context,
        "Exten": exten,
        "Priority": str(priority),
    }
    if extra_channel:
        action |= {
            "ExtraChannel": _one(extra_channel),
            "ExtraContext": extra_context or context,
            "ExtraExten": extra_exten or exten,
            "ExtraPriority": str(extra_priority),
        }
    return check(action)


def absolute_timeout(channel: str, seconds: float) -> Action:
    """Lets Asterisk itself end the channel `seconds` from now; 0 removes the limit."""
    if seconds < 0:
        raise BadValue(f"seconds must not be negative: {seconds}")
    timeout = f"{seconds:.3f}".rstrip("0").rstrip(".")
    return check({"Action": "AbsoluteTimeout", "Channel": _one(channel), "Timeout": timeout})


def play_dtmf(channel: str, digit: str) -> Action:
    """Plays one DTMF digit to the channel's far end."""
    if len(digit) != 1 or digit.upper() not in "0123456789*#ABCD":
        raise BadValue(f"not a DTMF digit: {digit!r}")
    return check({"Action": "PlayDTMF", "Channel": _one(channel), "Digit": digit.upper()})


def queue_add(
    queue: str,
    interface: str,
    member_name: str = "",
    paused: bool = False,
    state_interface: str = "",
    penalty: int = 0,
) -> Action:
    """Adds a member; `interface` is what is dialled, `state_interface` whose device state is watched. Members of a
    lower `penalty` are rung first."""
    action: Action = {"Action": "QueueAdd", "Queue": queue, "Interface": interface, "Paused": _flag(paused)}
    if penalty:
        action["Penalty"] = str(_natural("penalty", penalty))
    if member_name:
        action["MemberName"] = member_name
    if state_interface:
        action["StateInterface"] = state_interface
    return check(action)


def queue_remove(queue: str, interface: str) -> Action:
    return check({"Action": "QueueRemove", "Queue": queue, "Interface": interface})


def queue_pause(interface: str, paused: bool, queue: str = "", reason: str = "") -> Action:
    """Pauses a member in one queue, or in all of them without `queue`."""
    action: Action = {"Action": "QueuePause", "Interface": interface, "Paused": _flag(paused)}
    if queue:
        action["Queue"] = queue
    if reason:
        action["Reason"] = reason
    return check(action)


def db_put(family: str, key: str, value: str) -> Action:
    """Writes Asterisk's own database, which the dialplan reads with `DB(family/key)`."""
    return check({"Action": "DBPut", "Family": family, "Key": key, "Val": value})


def db_del(family: str, key: str) -> Action:
    """Raises `ActionRefused` when sent if there is no such key."""
    return check({"Action": "DBDel", "Family": family, "Key": key})


def db_get_tree(family: str) -> Action:
    """A list of `DBGetTreeResponse` (`Key`, `Val`): collect until `DBGetTreeComplete`."""
    return check({"Action": "DBGetTree", "Family": family})


def getvar(name: str, channel: str = "") -> Action:
    """Reads a channel variable, a global one without `channel`; the answer's header is `Value`."""
    action: Action = {"Action": "Getvar", "Variable": _name(name)}
    if channel:
        action["Channel"] = _one(channel)
    return check(action)


def setvar(name: str, value: str, channel: str = "") -> Action:
    """Sets a channel variable, a global one without `channel`. The value is taken verbatim."""
    action: Action = {"Action": "Setvar", "Variable": _name(name), "Value": value}
    if channel:
        action["Channel"] = _one(channel)
    return check(action)


def core_show_channels() -> Action:
    """A list: collect until `CoreShowChannelsComplete`."""
    return {"Action": "CoreShowChannels"}


def mute_audio(channel: str, on: bool, direction: Literal["in", "out", "all"] = "in") -> Action:
    """Mutes what comes `in` from the channel, goes `out` to it, or both."""
    if direction not in ("in", "out", "all"):
        raise BadValue(f"not a direction: {direction!r}")
    state = "on" if on else "off"
    return check({"Action": "MuteAudio", "Channel": _one(channel), "Direction": direction, "State": state})


def reload(module: str = "") -> Action:
    """Reloads one module's configuration, all of them without `module`."""
    return check({"Action": "Reload", "Module": module} if module else {"Action": "Reload"})


def ping() -> Action:
    return {"Action": "Ping"}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _natural(what: str, value: int) -> int:
    if value < 0:
        raise BadValue(f"{what} must not be negative: {value}")
    return value


def _name(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise BadValue(f"not a variable name: {name!r}")
    return name


def _channel(channel: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+/.+", channel):
        raise BadValue(f"not technology/resource: {channel!r}")
    return channel


def _one(channel: str) -> str:
    # Hangup takes `/regex/` and would end every channel that matches; an empty name means "none given".
    if not channel or channel.startswith("/"):
        raise BadValue(f"not one channel: {channel!r}")
    return channel
