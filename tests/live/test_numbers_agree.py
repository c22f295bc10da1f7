"""Page, server and dialplan read every spelling of a number alike: what is typed rings the phone that is meant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from callcenter.domain.numbers import dialable
from tests.live.installation import Installation, until
from tests.spellings import any_spelling

pytestmark = pytest.mark.live

ASKED, DIALLED = 60, 8


def spellings(count: int) -> list[tuple[str, str, str]]:
    """(as written, E.164, extension) of that many numbers, other ones in every run."""
    found: list[tuple[str, str, str]] = []

    @settings(max_examples=count, database=None)
    @given(any_spelling())
    def collect(one: tuple[str, str, str]) -> None:
        found.append(one)

    collect()
    return found


async def test_what_the_page_shows_is_what_the_network_is_asked_for(site: Installation) -> None:
    agent = await site.agent(0)
    asked = spellings(ASKED)
    for written, e164, extension in asked:
        # What the page asks before it dials, searches or files.
        read = await agent.client.get_query("/api/number", typed=written)
        assert (read["number"], read["extension"]) == (e164, extension), written
        for again in (read["display"], read["dial"]):
            assert (await agent.client.get_query("/api/number", typed=again))["dial"] == read["dial"], again
    rung = [one for one in asked if one[1].startswith("+")][:DIALLED]
    for written, e164, _ in rung:
        call_id = await agent.client.dial(written)
        call = await agent.wait_state(call_id, "dialing_customer", "talking")
        assert call["number"] == e164, written

        async def arrived(number: str = dialable(e164)) -> bool:
            return number in await site.carrier.parties()

        await until(arrived, f"the network to be asked for {dialable(e164)}, typed {written!r}")
        await agent.client.post(f"/api/calls/{call_id}/hangup")
        await agent.wait_ended(call_id)
