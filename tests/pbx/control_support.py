"""A call between an agent and a customer that tests move around, and what each party heard in order."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.pbx import tones
from callcenter.pbx.actions import Action, dial_out_action
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.support import Ami, cel_rows, until

AGENT_HZ, OTHER_AGENT_HZ, CUSTOMER_HZ, THIRD_HZ, CALLER_HZ = 550, 750, 600, 700, 650
RINGBACK_HZ = 450
CUSTOMER, THIRD = "13800000001", "13800000002"
CANDIDATES = (RINGBACK_HZ, AGENT_HZ, OTHER_AGENT_HZ, CUSTOMER_HZ, THIRD_HZ, CALLER_HZ)
MUSIC = "music"
SILENCE = "silence"
Heard = frozenset[float] | str


def only(*hz: float) -> Heard:
    """These tones and no other."""
    return frozenset(float(one) for one in hz)


def heard(
    path: Path, shortest: float = 0.75, window: float = 0.25, candidates: Sequence[float] = CANDIDATES
) -> list[Heard]:
    """What a party heard, one entry per stretch of at least `shortest` seconds; the cut between two is left out."""
    rate, data = tones.samples(path)
    size = int(rate * window)
    found = tones.heard_tones(path, candidates, window)
    stretches: list[tuple[Heard, int]] = []
    for index, hz in enumerate(found):
        block = data[index * size : (index + 1) * size]
        loud = math.sqrt(sum(sample * sample for sample in block) / len(block)) >= tones.FLOOR
        what: Heard = only(*hz) if hz else MUSIC if loud else SILENCE
        if stretches and stretches[-1][0] == what:
            stretches[-1] = (what, stretches[-1][1] + 1)
        else:
            stretches.append((what, 1))
    result: list[Heard] = []
    for what, windows in stretches:
        if windows * window >= shortest and (not result or result[-1] != what):
            result.append(what)
    return result


def contains(sequence: Sequence[Heard], *wanted: Heard) -> bool:
    """Whether `wanted` come in this order, next to each other once silence and ringing are left out."""
    talk = [what for what in sequence if what not in (SILENCE, only(RINGBACK_HZ))]
    return any(tuple(talk[at : at + len(wanted)]) == wanted for at in range(len(talk) - len(wanted) + 1))


@dataclass
class Controlled:
    """One call; channel names appear as its legs do."""

    stack: TelephonyStack
    ami: Ami
    id: str
    channels: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    async def learn(self, role: str) -> str:
        """The channel name of the leg that plays `role`."""
        event = await self.ami.channel_of(f"{self.id}.{role}")
        self.channels[role], self.ids[role] = event["Channel"], event["Uniqueid"]
        return event["Channel"]

    @property
    def agent(self) -> str:
        return self.channels["agent"]

    @property
    def customer(self) -> str:
        return self.channels["customer"]

    @property
    def third(self) -> str:
        return self.channels["third"]

    async def do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            await self.ami.send(action)

    async def third_talks(self) -> None:
        await self.learn("third")
        await self.ami.wait("BridgeEnter", Uniqueid=self.ids["third"])

    async def placed(self, role: str, place: str, times: int = 1) -> None:
        """Until the leg has arrived at `place` for the `times`-th time."""
        unique_id = self.ids[role]

        def arrived() -> bool:
            return len(self.ami.seen("UserEvent", UserEvent="Leg", Place=place, Uniqueid=unique_id)) >= times

        await until(arrived, f"{role} arrives at {place}")

    async def over(self, *roles: str, timeout: float = 10.0) -> None:
        await self.ami.gone(*(self.ids[role] for role in roles), timeout=timeout)

    async def end(self) -> None:
        """Hang up whoever is left, and wait until everybody's recording is complete."""
        for channel in self.channels.values():
            await self.ami.action({"Action": "Hangup", "Channel": channel})
        await self.finish()

    async def finish(self) -> None:
        await self.over(*self.ids)
        await self.stack.carrier.quiet()
        left = await self.stack.pbx.cli("core show channels count")
        assert "0 active channels" in left, left

    def heard(self, party: str) -> list[Heard]:
        return heard(self.stack.carrier.heard(party)[-1])

    def accounted(self, *roles: str) -> None:
        """Every leg was answered and ended once in Asterisk's own records, under its own account code."""
        for role in roles:
            kinds = [kind for kind, _ in cel_rows(self.stack.pbx, f"{self.id}.{role}")]
            assert (kinds.count("ANSWER"), kinds.count("HANGUP")) == (1, 1), (role, kinds)

    def recorded(self) -> tuple[Path, Path]:
        """(what the customer said, what the customer heard)."""
        folder = self.stack.pbx.spool / "recordings"
        return folder / f"{self.id}.customer.wav", folder / f"{self.id}.agent.wav"


async def outbound(
    stack: TelephonyStack, ami: Ami, call_id: str, limit_seconds: int | None = None, agent: str = "agent-12"
) -> Controlled:
    """A call that the engine made, talking."""
    await stack.carrier.set_phone("agent-12", answer_after=0.2)
    await stack.carrier.set_phone("agent-13", answer_after=0.2)
    call = Controlled(stack, ami, call_id)
    dial = dial_out_action(
        call_id=call_id, agent_channel=f"PJSIP/{agent}", number=CUSTOMER, limit_seconds=limit_seconds
    )
    await ami.originate(dial)
    await call.learn("customer")
    await call.learn("agent")
    await ami.wait("BridgeEnter", Uniqueid=call.ids["customer"])
    return call


async def inbound(stack: TelephonyStack, ami: Ami, did: str) -> tuple[Controlled, Path]:
    """A call that came in through a queue, talking, and the file of what the caller hears."""
    await stack.carrier.set_phone("agent-12", answer_after=0.2)
    await stack.carrier.set_phone("agent-13", answer_after=0.2)
    made = await stack.carrier.call_in(did, tone_hz=CALLER_HZ)
    joined = await ami.wait("QueueCallerJoin")
    call = Controlled(stack, ami, joined["Uniqueid"])
    await call.learn("customer")
    connected = await ami.wait("AgentConnect")
    await call.learn("agent")
    await ami.wait("BridgeEnter", Uniqueid=connected["Uniqueid"])
    return call, made.heard


async def talk(seconds: float = 1.75) -> None:
    """Lets the parties talk: the sound itself is what is measured."""
    await asyncio.sleep(seconds)
