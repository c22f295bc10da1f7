"""A real Chromium with a microphone that plays a beep, in front of an installation with browser phones."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright
from sqlalchemy import update

from callcenter.store.tables.people import employee
from tests.live.installation import Installation, installed

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--lang=zh-CN",
)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = os.environ.get("CALLCENTER_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def floor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """Two agents on browser phones; a call is recorded as anywhere else."""
    folder = tmp_path_factory.mktemp("floor")
    async with installed(folder, agents=3, ring_seconds=10, agent_ring_seconds=10, agent_lost_seconds=8) as made:
        async with made.database.write() as connection:
            await connection.execute(
                update(employee).where(employee.c.company_id == made.company_id).values(device="browser")
            )
        await made.stop_engine()
        await made.start_engine()
        yield made
