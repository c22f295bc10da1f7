"""Voicemail: a message becomes something that can be heard, on the customer's timeline, and is told to the group."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from callcenter.demo.client import Failed
from callcenter.pbx.tones import hears
from tests.live.installation import Installation
from tests.live.lines import line, upload_tone

pytestmark = pytest.mark.live

CUSTOMER = "13800000002"


@pytest.mark.feature("P-16", "P-12")
async def test_who_waits_too_long_leaves_a_message_for_the_group(site: Installation, tmp_path: Path) -> None:
    agent, stranger = await site.agent(0), await site.agent(3)
    admin = await site.client("admin")
    await upload_tone(admin, "voicemail", 1050, tmp_path, seconds=0.5)
    try:
        async with line(site, agent, max_wait_seconds=1, overflow="voicemail") as group:
            seen = len(agent.live.events("voicemail"))
            await group.call_in(CUSTOMER, tone_hz=650, seconds=6)
            told = await agent.live.wait(
                lambda live: live.events("voicemail")[seen:], 30, "the group's agent to hear of the message"
            )
            data: dict[str, Any] = told[0].message["data"]
            assert data["number"] == f"+86{CUSTOMER}" and data["duration"] >= 2
            await group.until_entity(voicemails=1, missed=1)
            row = await group.row(CUSTOMER, end_reason="voicemail")
            assert row["disposition"] == "NO ANSWER" and row["talk_seconds"] == 0
            assert row["voicemail"]["id"] == data["id"] and not row["voicemail"]["heard"]

            page = await agent.client.get("/api/voicemails?heard=false")
            (message,) = (one for one in page["items"] if one["id"] == data["id"])
            assert message["customer"]["name"] and message["group"]["id"] == group.id
            timeline = await agent.client.get(f"/api/customers/{message['customer']['id']}/timeline")
            assert data["id"] in [one["call"]["voicemail"]["id"] for one in timeline["items"] if _has_message(one)]

            with pytest.raises(Failed) as refused:
                await stranger.client.get(f"/api/voicemails/{message['id']}/audio")
            assert refused.value.code == "not_found"
            path = f"{agent.client.url}/api/voicemails/{message['id']}/audio"
            async with agent.client.http.get(path, headers={"Range": "bytes=0-99"}) as answer:
                assert answer.status == 206 and len(await answer.read()) == 100
            audio = await agent.client.get(f"/api/voicemails/{message['id']}/audio")
            assert await asyncio.to_thread(_sounds, audio, tmp_path), "what the caller said"
            waveform = await agent.client.get(f"/api/voicemails/{message['id']}/waveform")
            assert waveform["duration"] == pytest.approx(message["duration"]) and max(waveform["peaks"]["customer"]) > 0

            await group.until_entity(voicemails=0)
            heard = (await agent.client.get("/api/voicemails?heard=true"))["items"]
            assert heard[0]["heard_by"]["id"] == agent.employee_id
            again = await agent.client.put(f"/api/voicemails/{message['id']}/heard", {"heard": False})
            assert again["heard_by"] is None
            await group.until_entity(voicemails=1)
            audit = await admin.get("/api/audit?action=voicemail.")
            played = [one for one in audit["items"] if one["object"] == str(message["id"])]
            assert played and played[0]["actor"]["id"] == agent.employee_id
    finally:
        await admin.request("DELETE", "/api/prompts/voicemail")


@pytest.mark.feature("P-16")
async def test_who_hangs_up_at_the_beep_has_left_no_message(site: Installation, tmp_path: Path) -> None:
    agent = await site.agent(0)
    admin = await site.client("admin")
    await upload_tone(admin, "voicemail", 1050, tmp_path, seconds=2.5)
    try:
        async with line(site, agent, max_wait_seconds=1, overflow="voicemail") as group:
            await group.call_in("13900000301", seconds=1)
            row = await group.row("13900000301", end_reason="queue_timeout")
            assert row["voicemail"] is None
            assert (await agent.client.get(f"/api/voicemails?group_id={group.id}"))["total"] == 0
    finally:
        await admin.request("DELETE", "/api/prompts/voicemail")


def _has_message(item: dict[str, Any]) -> bool:
    return bool(item["call"] and item["call"]["voicemail"])


def _sounds(audio: bytes, folder: Path) -> bool:
    """Whether the caller's tone is in the left channel of the message."""
    given, wav = folder / "message.opus", folder / "message.wav"
    given.write_bytes(audio)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(given)]
    command += ["-af", "pan=mono|c0=c0", "-ar", "8000", "-c:a", "pcm_s16le", str(wav)]
    subprocess.run(command, check=True)
    return hears(wav, 650)
