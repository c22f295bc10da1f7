"""Everything alive in Asterisk, read once after each login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from callcenter.ami.actions import core_show_channels
from callcenter.ami.errors import ActionRefused
from callcenter.ami.parse import Headers, make_channel, make_contact, number
from callcenter.domain.events import Channel, ContactChanged, QueueEntry, QueueMember, Snapshot

Collect = Callable[[Mapping[str, str | Sequence[str]], str], Awaitable[list[dict[str, str]]]]

_EMPTY: Final = ("no contacts found", "invalid/unknown command", "no such")
"""Refusals that mean "there are none": an empty list, or a PBX without that module."""


async def take(collect: Collect) -> Snapshot:
    """Asks Asterisk what is alive. Raises what `collect` raises.

    Only contacts and queues may be missing. A refused channel list must fail the login: read as empty it
    would tell the engine that every call is over.
    """
    channels = await collect(core_show_channels(), "CoreShowChannelsComplete")
    contacts = await _optional(collect, "PJSIPShowContacts", "ContactListComplete")
    queues = await _optional(collect, "QueueStatus", "QueueStatusComplete")
    return Snapshot(
        channels=tuple(here for row in channels if (here := _channel(row)) is not None),
        contacts=tuple(found for row in contacts if (found := _contact(row)) is not None),
        queue_members=tuple(
            QueueMember(row.get("Queue", ""), _interface(row), row.get("Paused") == "1", number(row.get("Penalty", "")))
            for row in queues
            if row.get("Event") == "QueueMember"
        ),
        queues=tuple(row.get("Queue", "") for row in queues if row.get("Event") == "QueueParams"),
        queue_entries=tuple(
            QueueEntry(
                row.get("Queue", ""), row["Uniqueid"], number(row.get("Position", "")), number(row.get("Wait", ""))
            )
            for row in queues
            if row.get("Event") == "QueueEntry" and row.get("Uniqueid")
        ),
    )


async def _optional(collect: Collect, action: str, end_event: str) -> list[dict[str, str]]:
    try:
        return await collect({"Action": action}, end_event)
    except ActionRefused as refusal:
        if str(refusal).lower().startswith(_EMPTY):
            return []
        raise


def _interface(row: Headers) -> str:
    return row.get("Location") or row.get("Interface") or ""


def _channel(row: Headers) -> Channel | None:
    get = row.get
    return make_channel(
        get("Uniqueid", ""),
        get("Linkedid", ""),
        get("Channel", ""),
        get("AccountCode", ""),
        get("Context", ""),
        get("Exten", ""),
        get("CallerIDNum", ""),
        get("ConnectedLineNum", ""),
        get("ChannelState", ""),
        get("BridgeId", ""),
    )


def _contact(row: Headers) -> ContactChanged | None:
    # An address of record may have several contacts; each row names its endpoint.
    return make_contact(row.get("Endpoint", ""), row.get("Uri", ""), row.get("Status", ""))
