"""What Asterisk keeps of a call beside its own recording: the consultation, and how well each phone's line was."""

from __future__ import annotations

from callcenter.ami.parse import parse_event
from callcenter.domain.events import QualityMeasured
from callcenter.pbx import control, tones
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.control_support import AGENT_HZ, CUSTOMER_HZ, THIRD, THIRD_HZ, outbound, talk
from tests.pbx.support import Ami


async def test_a_consultation_has_a_recording_of_its_own(stack: TelephonyStack, ami: Ami) -> None:
    """It holds agent and third party, also after a swap, and ends where the call's own recording takes over."""
    call = await outbound(stack, ami, "consult-kept")
    await talk(1)
    await call.do(control.consult(call.agent, call.customer, THIRD, record=True))
    await call.third_talks()
    await talk(2)
    await call.do(control.swap(call.agent, call.customer, call.third))
    await call.placed("customer", "talking")
    await talk(2)
    await call.do(control.swap(call.agent, call.third, call.customer))
    await call.placed("third", "talking")
    await talk(2)
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await call.placed("customer", "talking", 2)
    await talk(2)
    await call.end()
    head = stack.pbx.spool / "recordings" / f"{call.id}.consult.{call.ids['third']}"
    third, agent = head.with_name(head.name + ".third.wav"), head.with_name(head.name + ".agent.wav")
    assert tones.hears(third, THIRD_HZ, 3.0) and tones.hears(agent, AGENT_HZ, 3.0)
    assert not tones.hears(agent, CUSTOMER_HZ, 0.5), "what the customer says is in the call's own recording"
    assert 3.0 < tones.seconds(third) < 5.5, "the two stretches of the consultation and nothing else"
    said, other = call.recorded()
    assert tones.hears(said, CUSTOMER_HZ, 4.0) and tones.hears(other, THIRD_HZ, 1.0), "three-way is in the call's"


async def test_without_recording_a_consultation_leaves_no_file(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "consult-not-kept")
    await call.do(control.consult(call.agent, call.customer, THIRD))
    await call.third_talks()
    await talk(1)
    await call.end()
    assert not list((stack.pbx.spool / "recordings").glob(f"{call.id}.consult.*"))


async def test_the_line_of_a_desk_phone_is_measured_when_its_leg_ends(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "measured")
    await talk(6)
    await call.end()
    told = ami.seen("UserEvent", UserEvent="Quality")
    assert [one["Uniqueid"] for one in told] == [call.ids["agent"]], "once, for the agent's phone alone"
    event = parse_event("\r\n".join(f"{name}: {value}" for name, value in told[0].items()))
    assert isinstance(event, QualityMeasured), told
    assert event.loss < 0.02 and event.jitter_ms < 40, told
