"""One PBX and one simulated network for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callcenter.pbx.provision import EndpointSpec, write_endpoints, write_queues
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.support import Ami, telephony_settings

SECRETS = {12: "desk-secret-12", 13: "desk-secret-13"}
TONES = {12: 550, 13: 750}


@pytest_asyncio.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TelephonyStack]:
    """A running stack with two registered agent phones (12 and 13) and the queues q-1 and q-2."""
    async with TelephonyStack(telephony_settings(tmp_path_factory.mktemp("telephony"))) as running:
        specs = [EndpointSpec(number, secret, f"坐席{number}") for number, secret in SECRETS.items()]
        await write_endpoints(running.pbx, specs)
        await write_queues(running.pbx, ["q-1", "q-2"])
        for number, secret in SECRETS.items():
            await running.carrier.add_phone(f"agent-{number}", secret, TONES[number])
        yield running


@pytest_asyncio.fixture
async def ami(stack: TelephonyStack) -> AsyncIterator[Ami]:
    """The engine's AMI user; every call that a test leaves behind is ended."""
    async with Ami(stack.settings.ami_port, stack.pbx.secrets["ami_secret"], events=True) as connection:
        yield connection
        await stack.pbx.cli("channel request hangup all")
        await stack.carrier.quiet()
