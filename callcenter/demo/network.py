"""What a page of the demo may do with the simulated phone network: see its numbers, and let somebody call in."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.pbx.carrier import NUMBERS, Carrier
from callcenter.pbx.errors import PbxError

CALLERS = (("13900000001", 650), ("13800000001", 600), ("13700000009", 700), ("13800000012", 800))
"""Number and tone (Hz) of those who call in, the first who is not on a call; the demo knows all but the third."""
TALK_SECONDS = 60
"""How long a caller stays once answered."""


class DemoNetwork:
    """`web.services.SimulatedNetwork` over the second Asterisk."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.numbers: tuple[Mapping[str, str], ...] = tuple(
            {
                "number": one.number,
                "display": display(f"+86{one.number}"),
                "what_zh": one.does_zh,
                "what_en": one.does,
            }
            for one in NUMBERS
        )

    async def call_in(self, number: str) -> str:
        try:
            busy = await self._carrier.parties()
            caller, tone_hz = next(((who, hz) for who, hz in CALLERS if who not in busy), ("", 0))
            if not caller:
                raise Refusal("too_many_requests", retry_after=TALK_SECONDS)
            await self._carrier.call_in(number, caller, tone_hz, seconds=TALK_SECONDS)
        except (PbxError, OSError) as error:
            raise Refusal("phones_unavailable") from error
        return caller
