"""A supervisor in a talking call: listens, whispers, barges in, takes over."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.commands import Supervise
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Gate, Role, SupervisorMode
from callcenter.engine.registry import Registry
from callcenter.pbx import control as recipe
from callcenter.pbx.control import Actions


async def supervise(
    registry: Registry,
    call: Call,
    command: Supervise,
    agent: Leg,
    customer: Leg | None,
    send: Callable[[Actions], Awaitable[None]],
) -> str:
    """Rings the supervisor's own phone, or changes what a supervisor who is there does; the id of that leg."""
    boss = registry.agents.get(command.employee_id)
    if boss is None or not boss.phone_ready:
        raise Refusal(Gate.PHONE_NOT_REGISTERED.value)
    mine = next((leg for leg in call.alive(Role.SUPERVISOR) if leg.employee_id == boss.employee_id), None)
    if command.mode is SupervisorMode.TAKE_OVER:
        if mine is None or mine.state not in TALKING:
            raise Refusal("move_not_possible", missing="supervisor")
        if customer is None:
            raise Refusal("move_not_possible", missing="customer")
        await send(recipe.take_over(mine.channel, customer.channel, agent.channel))
        return mine.id
    if mine is not None:
        await send(recipe.change_mode(mine.channel, command.mode.value))
        return mine.id
    if boss.call_id is not None or any(True for _ in registry.calls_of(boss.employee_id)):
        raise Refusal(Gate.ALREADY_DIALLING.value)
    leg_id = f"{call.id[:40]}-s{secrets.token_hex(4)}"
    await send(
        recipe.supervise(
            command.mode.value,
            call_id=call.id,
            channel_id=leg_id,
            supervisor_phone=f"PJSIP/{boss.endpoint}",
            agent_channel=agent.channel,
        )
    )
    return leg_id
