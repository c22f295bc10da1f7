"""Professional call control as AMI actions: hold, consultation, attended and blind transfer, three-way, supervision.

Every builder answers with a list of actions. Send them in order over one connection and stop at the first one that
Asterisk refuses (a refused `Redirect` moved nobody). They name every leg they move, so each is right from every state:
after the first dial, in the call's room, on hold. The dialplan files 50 to 53 say what a leg does where it arrives.

Channels are full names (`PJSIP/agent-12-0000000a`). Only legs that talk may be moved; a third party that still rings
is not named (`third_channel=None`): it is dropped when the agent moves.

What a builder lists under "Events" is what `manager.conf` lets through. `UserEvent: Leg` (`CallId`, `Place`, and the
channel's own headers) says where a leg has arrived, whoever moved it. Events of one kind come in order for one channel;
between kinds (`Leg`, `BridgeEnter`/`BridgeLeave`, `ConfbridgeJoin`/`ConfbridgeLeave`) and between channels the order
varies by a few milliseconds, so nothing may be concluded from it. In the room `BridgeNumChannels` counts one more than
the parties: the conference's own announcer, a channel `CBAnn/...` without account code.

Whoever enters a room that somebody is in waits 0.1 s first (silence), because Asterisk parts those who join a
conference just as it empties. All legs whose place is `talking` must be in one bridge; if they are not, send the
move again.

A hold that is pressed on a phone is played as music by a two-party bridge but not by the room: on `Hold` of a leg
whose place is `talking`, send `hold`, and on `Unhold` send `resume`.
"""

from __future__ import annotations

import re

from callcenter.pbx.actions import Action, line_channel, outside_channel
from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.trunks import TRUNK

Actions = list[Action]

_CALL_ID = re.compile(r"[A-Za-z0-9._-]{1,60}")
_CHANNEL = re.compile(r"[A-Za-z0-9]{2,20}/[A-Za-z0-9@._-]{1,100}(;[12])?")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_PHONE = re.compile(r"agent-[0-9]{1,12}(-web)?")
_LINE = re.compile(r"line-[0-9]{1,9}")
_QUEUE = re.compile(r"q-[A-Za-z0-9_-]{1,58}")
_SHOWN = re.compile(r"[+0-9*]{0,32}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")

TALKING = ("leg-talking", "s")
JOINED = ("leg-talking", "joined")
MUSIC = ("leg-held", "music")
SILENCE = ("leg-held", "silence")
RELEASED = ("leg-released", "s")
MODES = ("listen", "whisper", "barge")
Place = tuple[str, str]


def hold(customer_channel: str, agent_channel: str | None) -> Actions:
    """The customer hears music, the agent silence. In a three-way call leave out the agent, who talks on.

    Events: `BridgeLeave` of both, then `UserEvent: Leg` with `Place: held` (customer) and `Place: waiting` (agent).
    """
    if agent_channel is None:
        return [_move((customer_channel, MUSIC))]
    return [_move((customer_channel, MUSIC), (agent_channel, SILENCE))]


def resume(customer_channel: str, agent_channel: str) -> Actions:
    """Both talk again, in the call's room.

    Events: `Leg` with `Place: talking`, `ConfbridgeJoin` and `BridgeEnter`, once for each of the two.
    """
    return [_move((customer_channel, TALKING), (agent_channel, TALKING))]


def consult(
    agent_channel: str,
    customer_channel: str,
    target: str,
    *,
    display_number: str = "",
    ring_seconds: int = 30,
    limit_seconds: int | None = None,
    record: bool = False,
    trunk: str = TRUNK,
) -> Actions:
    """Ring `target` (an outside number, or a phone such as `agent-13`) for the agent; the customer hears music.

    `limit_seconds` ends the third party's leg that long after its answer. With `record` what the two say is kept in a
    file of its own (`<call id>.consult.<third's unique id>.third.wav` and `.agent.wav`). If the third party does not
    answer or hangs up, agent and customer are connected again without any further action.

    Events: `BridgeLeave` of both; `Leg` `held` and `consulting`; `Newchannel`, `NewAccountCode` (`<call id>.third`),
    `DialBegin`, `Newstate`, `DialEnd` of the third; if it answers `BridgeEnter` of agent and third. If it does not:
    `UserEvent: ConsultFailed` (`DialStatus`, `Cause`), after 1.5 s of tone `Leg` `talking` of the agent, then of the
    customer. When the third hangs up: its `BridgeLeave`, the agent's, `Leg` `talking` of the agent, then the customer.
    """
    if not _PHONE.fullmatch(target):
        _check(_NUMBER, target, "number or phone")
    return [
        _set(
            agent_channel,
            _dialling(display_number, ring_seconds, limit_seconds, trunk) | {"RECORD": "yes" if record else "no"},
        ),
        _move((customer_channel, MUSIC), (agent_channel, ("leg-consulting", target))),
    ]


def cancel(agent_channel: str, customer_channel: str, third_channel: str | None) -> Actions:
    """End the consultation: the third party is gone, agent and customer talk.

    Events: `BridgeLeave` of agent and third, `Hangup` of the third (while it rings: `DialEnd` `CANCEL`), `Leg`
    `talking` and `BridgeEnter` of agent and customer.
    """
    if third_channel is None:
        return [_move((agent_channel, TALKING), (customer_channel, TALKING))]
    return [_move((agent_channel, TALKING), (third_channel, RELEASED)), _move((customer_channel, TALKING))]


def swap(agent_channel: str, resume_channel: str, hold_channel: str) -> Actions:
    """The agent talks with `resume_channel` while `hold_channel` hears music; the same call with both exchanged
    swaps back.

    Events: `BridgeLeave` of the two who talked, `Leg` `held` of one, `Leg` `talking` and `BridgeEnter` of the others.
    """
    return [_move((hold_channel, MUSIC), (agent_channel, TALKING)), _move((resume_channel, TALKING))]


def complete(customer_channel: str, third_channel: str, agent_channel: str) -> Actions:
    """Attended transfer: customer and third party talk, the agent's leg ends (cause 16).

    Events: `BridgeLeave` of third and agent, `Hangup` of the agent, `Leg` `talking` and `BridgeEnter` of customer and
    third. The same happens without this action when the agent hangs up while consulting a party that has answered.
    """
    return [_move((third_channel, JOINED), (agent_channel, RELEASED)), _move((customer_channel, TALKING))]


def three_way(customer_channel: str, agent_channel: str, third_channel: str) -> Actions:
    """All three talk with each other. Whoever hangs up (AMI `Hangup`) leaves; of the last two one hanging up ends both.

    Events: `BridgeLeave` of agent and third; `Leg` `talking` and `BridgeEnter` three times with one bridge id.
    """
    return [_move((third_channel, JOINED), (agent_channel, TALKING)), _move((customer_channel, TALKING))]


def blind_transfer(
    customer_channel: str,
    agent_channel: str,
    target: str,
    return_to: str = "",
    *,
    display_number: str = "",
    shown_to_agent: str = "",
    ring_seconds: int = 20,
    return_seconds: int = 20,
    limit_seconds: int | None = None,
    trunk: str = TRUNK,
) -> Actions:
    """Pass the customer on to `target`: an outside number, a phone (`agent-13`) or a queue (`q-3`).

    Unanswered for `ring_seconds` it rings `return_to` (a phone, an outside number, or `line-12`: an open line) for
    `return_seconds`, and if nobody answers there
    the customer's leg ends with cause 19. The legs that are rung have the roles `third` (number, phone) and `agent`
    (queue, return).

    Events: `BridgeLeave` of both, `Hangup` of the agent (16), `Leg` `transfer`, `DialBegin` ... `DialEnd` of the
    target and `BridgeEnter` of both (a queue: `QueueCallerJoin`, `AgentCalled`, `AgentConnect`); unanswered: `Leg`
    `return`, `DialBegin` ... `DialEnd` of the returning leg, and `Hangup` of the customer (19) if that fails too.
    """
    if not _PHONE.fullmatch(target) and not _QUEUE.fullmatch(target):
        _check(_NUMBER, target, "number, phone or queue")
    back = _dialled(return_to, trunk) if return_to else ""
    _check(_SHOWN, shown_to_agent, "shown number")
    values = _dialling(display_number, ring_seconds, limit_seconds, trunk)
    values |= {"RETURN_TO": back, "RETURN_SECONDS": str(max(1, return_seconds)), "SHOWN": shown_to_agent}
    return [
        _set(customer_channel, values),
        _move((customer_channel, ("leg-transfer", target)), (agent_channel, RELEASED)),
    ]


def drop(channel: str) -> Actions:
    """End one leg. The others go on; a last one is ended by Asterisk.

    Events: `BridgeLeave` and `Hangup` of the leg; if one other is left, its `BridgeLeave` and `Hangup` (16) too.
    """
    _check(_CHANNEL, channel, "channel")
    return [{"Action": "Hangup", "Channel": channel, "Cause": "16"}]


def together(*channels: str) -> Actions:
    """Brings legs that should talk with each other into the call's room, wherever they are.

    Events: those of `resume`, for each leg.
    """
    first, *others = channels
    if len(others) != 1:
        return [_move((one, TALKING)) for one in channels]
    return [_move((first, TALKING), (others[0], TALKING))]


def mute(channel: str, on: bool) -> Actions:
    """What comes from this phone is passed on to nobody. No event follows."""
    _check(_CHANNEL, channel, "channel")
    state = "on" if on else "off"
    return [
        {"Action": "MuteAudio", "Channel": channel, "Direction": "in", "State": state},
        {"Action": "Setvar", "Channel": channel, "Variable": "MUTED", "Value": state},
    ]


# -- a page that was loaded anew ------------------------------------------------------------------------------------


def ring_again(*, call_id: str, channel_id: str, phone: str, shown: str = "", ring_seconds: int = 15) -> Actions:
    """Ring the agent's browser (`PJSIP/agent-12-web`) for a call in which its old leg still is; it answers by itself.

    Events: `Newchannel` ... of a leg with the role `agent` and the unique id `channel_id`, then `Leg` `rejoined`.
    """
    _check(_CALL_ID, call_id, "call id")
    _check(_CALL_ID, channel_id, "channel id")
    _check(_CHANNEL, phone, "phone")
    _check(_SHOWN, shown, "shown number")
    headers = [f"PJSIP_HEADER(add,X-Call-Id)={call_id}", "PJSIP_HEADER(add,X-Auto-Answer)=1"]
    return [
        {
            "Action": "Originate",
            "Channel": phone,
            "ChannelId": channel_id,
            "Account": f"{call_id}.agent",
            "Context": "leg-rejoined",
            "Exten": "s",
            "Priority": "1",
            "CallerID": f'"{shown}" <{shown}>',
            "Timeout": str(ring_seconds * 1000),
            "Async": "true",
            "Variable": [f"__CALL_ID={call_id}", *headers],
        }
    ]


def replace(new_channel: str, old_channel: str, partner_channel: str | None, *, silent: bool = False) -> Actions:
    """The new leg takes the old one's place: in the call's room, or `silent` while somebody is on hold.

    `partner_channel` is who talks with the old leg outside the room and has to come along; None when nobody does.

    Events: `Leg` `talking` (or `waiting`) of the new leg, `Hangup` (16) of the old one, `Leg` `talking` of the partner.
    """
    here = _move((new_channel, SILENCE if silent else TALKING))
    if partner_channel is None:
        return [here, _move((old_channel, RELEASED))]
    return [here, _move((partner_channel, TALKING), (old_channel, RELEASED))]


# -- supervision ---------------------------------------------------------------------------------------------------


def supervise(
    mode: str,
    *,
    call_id: str,
    channel_id: str,
    supervisor_phone: str,
    agent_channel: str,
    shown: str = "",
    ring_seconds: int = 20,
) -> Actions:
    """Ring the supervisor's own phone (`PJSIP/agent-9`), then let it `listen`, `whisper` or `barge` at the agent's leg.

    `channel_id` becomes the unique id of the supervisor's leg, whose role is `supervisor`.

    Events: `Newchannel`, `NewAccountCode`, `DialBegin`, `Newstate` ..., `OriginateResponse`, `Leg` with the mode as
    its place, `ChanSpyStart`. At the end `ChanSpyStop` and `Hangup`. The call's own legs see no event.
    """
    _check(_CALL_ID, call_id, "call id")
    _check(_CALL_ID, channel_id, "channel id")
    _check(_CHANNEL, supervisor_phone, "phone")
    _check(_CHANNEL, agent_channel, "channel")
    _check(_SHOWN, shown, "shown number")
    return [
        {
            "Action": "Originate",
            "Channel": supervisor_phone,
            "ChannelId": channel_id,
            "Account": f"{call_id}.supervisor",
            "Context": "supervisor",
            "Exten": _mode(mode),
            "Priority": "1",
            "CallerID": f'"{shown}" <{shown}>',
            "Timeout": str(ring_seconds * 1000),
            "Async": "true",
            "Variable": [f"__CALL_ID={call_id}", f"SPIED={agent_channel}", f"PJSIP_HEADER(add,X-Call-Id)={call_id}"],
        }
    ]


def change_mode(supervisor_channel: str, mode: str) -> Actions:
    """Switch a supervisor who is there between `listen`, `whisper` and `barge` without ringing again.

    Events: `ChanSpyStop`, `Leg` with the new mode, `ChanSpyStart`.
    """
    return [_move((supervisor_channel, ("supervisor", _mode(mode))))]


def take_over(supervisor_channel: str, customer_channel: str, agent_channel: str) -> Actions:
    """The supervisor talks with the customer in the agent's place; the agent's leg ends.

    Events: `ChanSpyStop`, `Leg` `talking` of the supervisor, `BridgeLeave` of customer and agent, `Hangup` of the
    agent, `Leg` `talking` of the customer, `BridgeEnter` of both.
    """
    # First the supervisor: its listening ends together with the agent's leg.
    return [
        _move((supervisor_channel, TALKING)),
        _move((customer_channel, TALKING), (agent_channel, RELEASED)),
    ]


# -- inside --------------------------------------------------------------------------------------------------------


def _move(first: tuple[str, Place], second: tuple[str, Place] | None = None) -> Action:
    channel, (context, exten) = first
    _check(_CHANNEL, channel, "channel")
    action: Action = {"Action": "Redirect", "Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}
    if second is not None:
        extra, (extra_context, extra_exten) = second
        _check(_CHANNEL, extra, "channel")
        if extra == channel:
            raise UnsafeValue(f"`{channel}` cannot be moved to two places at once.")
        # Two who talk with each other must be moved in one action, or the second is hung up as the bridge ends.
        action |= {
            "ExtraChannel": extra,
            "ExtraContext": extra_context,
            "ExtraExten": extra_exten,
            "ExtraPriority": "1",
        }
    return action


def _dialled(target: str, trunk: str) -> str:
    """What `Dial` takes to reach an agent: on the SIP phone, on the outside phone, or on the open line."""
    if _PHONE.fullmatch(target):
        return f"PJSIP/{target}"
    if _LINE.fullmatch(target):
        return line_channel(int(target.removeprefix("line-")))
    _check(_NUMBER, target, "phone, number or line")
    return outside_channel(target, trunk)


def _dialling(display_number: str, ring_seconds: int, limit_seconds: int | None, trunk: str) -> dict[str, str]:
    _check(_SHOWN, display_number, "display number")
    _check(_NAME, trunk, "trunk")
    if ring_seconds < 1 or (limit_seconds is not None and limit_seconds < 1):
        raise UnsafeValue("Ringing and talking take at least one second.")
    return {
        "TRUNK": trunk,
        "DISPLAY_NUMBER": display_number,
        "RING_SECONDS": str(ring_seconds),
        "LIMIT_SECONDS": "" if limit_seconds is None else str(limit_seconds),
    }


def _set(channel: str, values: dict[str, str]) -> Action:
    """Several variables in one action; no value may hold a comma."""
    _check(_CHANNEL, channel, "channel")
    return {
        "Action": "Setvar",
        "Channel": channel,
        "Variable": f"ARRAY({','.join(values)})",
        "Value": ",".join(values.values()),
    }


def _mode(mode: str) -> str:
    if mode not in MODES:
        raise UnsafeValue(f"`{mode[:20]!r}` is none of {', '.join(MODES)}.")
    return mode


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"`{value[:80]!r}` is not a valid {what}.")
