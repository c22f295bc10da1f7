"""What the dialplan reads of groups, numbers, hours and announcements: the contents of AstDB and of the queues.

Everything here is computed from the engine's directory alone; `telephony` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from callcenter.domain import hours as hours_rules
from callcenter.domain.called_numbers import spellings
from callcenter.domain.destinations import WayOut, closed
from callcenter.domain.numbers import dialable, normalise_or_raw
from callcenter.domain.terms import Overflow, PromptKind, QueueStrategy, Sticky
from callcenter.domain.trunks import Trunk
from callcenter.engine.directory import Directory, Group
from callcenter.pbx.provision import QueueSpec

Prompts = Mapping[tuple[int, str], Path]
"""(company, kind) -> a WAV file that Asterisk can read."""

DEFAULT_OFFER = "vm-tocallback"
"""Asterisk's own words for it, until a company has its own."""


def queue_specs(directory: Directory, prompts: Prompts) -> list[QueueSpec]:
    """Both queues of every group: the one that takes calls, and the one of the other kind of strategy."""
    return [_queue(group, name, prompts) for group in directory.groups.values() for name in group.queues]


def _queue(group: Group, name: str, prompts: Prompts) -> QueueSpec:
    def path(kind: PromptKind) -> str | None:
        found = prompts.get((group.company_id, kind.value))
        return str(found.with_suffix("")) if found is not None else None

    said: list[str] = []
    # What a caller who only hears ringback cannot hear or use is not offered.
    if group.music and (comfort := path(PromptKind.COMFORT)) is not None:
        said.append(comfort)
    if group.music and group.callback_offered:
        said.append(path(PromptKind.CALLBACK_OFFER) or DEFAULT_OFFER)
    return QueueSpec(
        name,
        ring_all=name.endswith("-all"),
        ring_seconds=group.ring_seconds,
        max_length=group.max_length,
        weight=group.weight,
        widen_seconds=group.widen_seconds,
        announce_seconds=group.announce_seconds if group.music else 0,
        comfort=tuple(said),
        callback=group.music and group.callback_offered,
    )


def astdb(directory: Directory, prompts: Prompts, trunk: Trunk) -> dict[str, str]:
    """`family/key` -> value, as the dialplan files 13 and 20 to 24 describe it."""
    region = trunk.region
    wanted: dict[str, str] = {}
    for number, one in directory.inbound.items():
        group = directory.groups[one.group_id]
        company = directory.companies[group.company_id]
        values = {
            "did": group.queue,
            "did-company": str(company.id),
            "did-record": "yes" if company.recording else "no",
            "did-priority": str(one.priority) if one.priority else "",
            "did-hours": str(one.hours_id) if one.hours_id in directory.hours else "",
            "did-closed": one.closed_action,
        }
        written = dialable(number, region)
        wanted |= {f"{family}/{written}": value for family, value in values.items() if value}
        if one.hours_id is not None and one.hours_id in directory.hours:
            wanted[f"hours/{one.hours_id}-tz"] = company.time_zone
    for company in directory.companies.values():
        wanted[f"forward-limit/{company.id}"] = str(company.forwarded_at_once)
        if company.access_number:
            number = normalise_or_raw(company.access_number, region)
            wanted[f"access/{dialable(number, region)}"] = str(company.id)
    for hours_id, hours in directory.hours.items():
        for day, spans in hours_rules.written(hours).items():
            wanted[f"hours/{hours_id}-{day}"] = spans
    for group in directory.groups.values():
        for queue in group.queues:
            wanted |= {f"{key}/{queue}": value for key, value in _waiting(directory, group, trunk).items() if value}
    for (company_id, kind), file in prompts.items():
        wanted[f"prompt/{company_id}-{kind}"] = str(file.with_suffix(""))
    return wanted | _called(directory, region)


def _called(directory: Directory, region: str) -> dict[str, str]:
    """Every spelling of every number that can be called, with the one spelling that all other entries use."""
    accessed = [
        normalise_or_raw(one.access_number, region) for one in directory.companies.values() if one.access_number
    ]
    numbers = [*directory.inbound, *accessed]
    found = {one: dialable(number, region) for number in numbers for one in spellings(number, region)}
    # A number's own spelling is never taken for a short way of writing another.
    return {f"called/{one}": kept for one, kept in (found | {kept: kept for kept in found.values()}).items()}


def _waiting(directory: Directory, group: Group, trunk: Trunk) -> dict[str, str]:
    return {
        "queue-timeout": str(group.max_wait_seconds),
        "queue-greeting": "music" if group.music else "",
        "queue-widen": "yes" if group.widen_seconds and group.strategy is not QueueStrategy.RING_ALL else "",
        "queue-sticky": str(group.sticky_seconds) if group.sticky is not Sticky.NONE else "",
        "queue-overflow": _overflow(directory, group, trunk),
    }


def _overflow(directory: Directory, group: Group, trunk: Trunk) -> str:
    match group.overflow:
        case Overflow.VOICEMAIL:
            return "voicemail"
        case Overflow.GROUP:
            other = directory.groups.get(group.overflow_group_id or 0)
            return other.queue if other is not None and other.company_id == group.company_id else ""
        case Overflow.NUMBER:
            policy = directory.companies[group.company_id].policy
            if not group.overflow_number or closed(
                policy, group.overflow_number, WayOut.OWN_PHONE, region=trunk.region
            ):
                return ""
            return f"number:{trunk.dialled(group.overflow_number)}"
        case _:
            return ""
