"""What is left after the storm, judged by Asterisk's own records, by the books and by what people see."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from callcenter.app import records_of
from callcenter.demo.client import Client
from callcenter.domain.reconciling import Compared
from callcenter.ledger.book import Kind
from callcenter.ledger.cel import CelFile, CelRow
from callcenter.ledger.reconcile import Reconciliation
from callcenter.store.base import utcnow
from callcenter.store.tables.books import account, posting, reservation
from callcenter.store.tables.calls import call, leg
from crm_bridge.customers.tables import customer_number
from tests.chaos.traffic import Traffic
from tests.live.installation import INBOUND, PASSWORD, Installation, until

ZONE = "UTC"
ZERO = (
    "lost_logs",
    "double_charges",
    "double_dials",
    "drift_minutes",
    "worst_overdraft_minutes",
    "minutes_still_held",
    "unsettled",
    "stuck_on_dashboard",
    "timeline_wrong",
    "recordings_missing",
    "inbound_lost",
    "seconds_wrong",
)
"""What must be nothing."""
RECORDING_SECONDS = 240.0
"""A recording is tried for about two minutes before it is marked lost, and the disk may have been full for one more."""


async def all_settled(made: Installation, timeout: float) -> list[str]:
    """Waits until no call is open or unsettled any more and no minutes are held; what stays so."""
    open_ = (call.c.ended_at.is_(None)) | (call.c.billing != "settled")
    query = select(call.c.id).where(call.c.company_id == made.company_id, open_)
    held = select(reservation.c.call_id).where(reservation.c.company_id == made.company_id, reservation.c.open)
    left: list[str] = []

    async def none_left() -> bool:
        nonlocal left
        async with made.database.glance() as connection:
            left = list((await connection.execute(query)).scalars())
            left += (await connection.execute(held)).scalars()
        return not left

    try:
        await until(none_left, "every call to be settled", timeout)
    except AssertionError:
        return left
    return []


async def judge(made: Installation, traffic: Traffic) -> dict[str, Any]:
    """The figures that `./dev chaos` prints; those in `ZERO` should be nothing."""
    records = records_of(made.settings)
    now = utcnow()
    rows = await records.between(now - timedelta(hours=6), now + timedelta(hours=2))
    accepted = set(traffic.accepted)
    recordings = await _recordings_missing(made)  # takes longest, and what else is slow is settled meanwhile
    async with made.database.read() as connection:
        mine = call.c.company_id == made.company_id
        logged = {row.id: row for row in (await connection.execute(select(call).where(mine))).all()}
        settled = (
            select(posting.c.leg_id, func.count(func.distinct(posting.c.txn)))
            .where(posting.c.company_id == made.company_id, posting.c.kind == "settle")
            .group_by(posting.c.leg_id)
        )
        twice = [row[0] for row in (await connection.execute(settled)).all() if row[1] > 1]
        balances = select(account.c.kind, func.min(account.c.balance), func.sum(account.c.balance)).where(
            account.c.company_id == made.company_id,
            account.c.kind.in_((Kind.AVAILABLE.value, Kind.RESERVED.value)),
        )
        found = {row[0]: row[1:] for row in (await connection.execute(balances.group_by(account.c.kind))).all()}
    legs = _one_day(await _compared(made, records))
    lost_by_asterisk = [one for one in legs if one.why in ("end_unknown", "ami_only", "not_recorded")]
    wrong = [one for one in legs if one.drift and one not in lost_by_asterisk]
    return {
        "calls": len(accepted),
        "lost_logs": len(accepted - logged.keys()),
        "double_charges": len(twice),
        "double_dials": len(traffic.doubled) + len(_dialled_twice(rows)),
        "drift_minutes": sum(abs(one.drift) for one in wrong),
        "worst_overdraft_minutes": max(0, *(-int(lowest) for lowest, _ in found.values()), 0),
        "minutes_still_held": int(found.get(Kind.RESERVED.value, (0, 0))[1]),
        "stuck_on_dashboard": await _stuck(made),
        "timeline_wrong": await _timeline_wrong(made, list(logged.values())),
        "recordings_missing": recordings,
        "inbound_lost": sorted(_came_in(rows) - logged.keys()),
        "seconds_wrong": await _seconds_wrong(made),
        "legs": len(legs),
        "lost_by_asterisk": [f"{one.leg_id}: {one.why}" for one in lost_by_asterisk],
        "wrong": [f"{one.leg_id}: {one.why} {one.drift:+d}" for one in wrong],
        "ends": dict(Counter(str(row.end_reason) for row in logged.values()).most_common()),
    }


async def _compared(made: Installation, records: CelFile) -> list[Compared]:
    both = Reconciliation(made.database, records)
    # The clock was an hour ahead at times, and an hour behind.
    days = {(utcnow() + timedelta(hours=by)).date() for by in (-3, 0, 2)}
    return [one for day in sorted(days) for one in await both.legs(made.company_id, ZONE, day)]


def _one_day(legs: Sequence[Compared]) -> list[Compared]:
    """Without legs that a stepped clock put on two days: recorded on the one, charged as much on the other."""
    drifts: defaultdict[str, list[int]] = defaultdict(list)
    for one in legs:
        drifts[one.leg_id].append(one.drift)
    split = {leg_id for leg_id, found in drifts.items() if len(found) > 1 and any(found) and sum(found) == 0}
    return [one for one in legs if one.leg_id not in split]


def _dialled_twice(rows: Sequence[CelRow]) -> list[str]:
    """Calls whose customer's phone was rung more than once."""
    account_of: dict[str, str] = {}
    dialled: set[str] = set()
    for row in rows:
        if row.event == "CHAN_START" and row.exten == "s":
            dialled.add(row.uniqueid)
        if row.account:
            account_of[row.uniqueid] = row.account
    customers = Counter(
        account.removesuffix(".customer")
        for uniqueid, account in account_of.items()
        if uniqueid in dialled and account.endswith(".customer")
    )
    return [call_id for call_id, count in customers.items() if count > 1]


def _came_in(rows: Sequence[CelRow]) -> set[str]:
    """Callers who reached the company's number and whose end Asterisk has recorded."""
    ended = {row.uniqueid for row in rows if row.event == "HANGUP" and row.account == f"{row.uniqueid}.customer"}
    return {row.uniqueid for row in rows if row.event == "CHAN_START" and row.exten == INBOUND} & ended


async def _stuck(made: Installation) -> list[str]:
    """Calls that a supervisor still sees although all are over."""
    async with Client(made.url) as supervisor:
        await supervisor.sign_in("supervisor", PASSWORD)
        return sorted((await supervisor.live()).entities.get("call", {}))


async def _timeline_wrong(made: Installation, calls: Sequence[Any]) -> list[str]:
    """Calls of known customers that are not exactly once on their customer's timeline."""
    async with made.database.read() as connection:
        query = select(customer_number.c.number, customer_number.c.customer_id)
        rows = await connection.execute(query.where(customer_number.c.company_id == made.company_id))
        customer_of = {row.number: row.customer_id for row in rows.all()}
    seen: Counter[tuple[int, str]] = Counter()
    async with Client(made.url) as admin:
        await admin.sign_in("admin", PASSWORD)
        for one in set(customer_of.values()):
            page, total = 0, 1
            while page * 100 < total:
                page += 1
                listed = await admin.get(f"/api/customers/{one}/timeline?page_size=100&page={page}")
                total = listed["total"]
                seen.update((one, item["call"]["id"]) for item in listed["items"] if item["kind"] == "call")
    wanted = {(customer_of[row.number], row.id) for row in calls if row.number in customer_of}
    return sorted(call_id for who, call_id in wanted | set(seen) if seen[who, call_id] != ((who, call_id) in wanted))


async def _recordings_missing(made: Installation) -> list[str]:
    """Answered calls without a recording that is there or is marked lost."""
    wanted = (call.c.company_id == made.company_id, call.c.answered_at.is_not(None))
    query = select(call.c.id, call.c.recording_state, call.c.recording_path).where(*wanted)
    deadline = asyncio.get_running_loop().time() + RECORDING_SECONDS
    while True:
        async with made.database.read() as connection:
            rows = (await connection.execute(query)).all()
        if all(row.recording_state != "pending" for row in rows):
            break
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(1.0)
    folder = made.settings.recordings_dir
    missing = []
    for row in rows:
        there = row.recording_state == "ready" and (folder / row.recording_path).is_file()
        if not there and row.recording_state != "failed":
            missing.append(f"{row.id}: {row.recording_state}")
    return missing


async def _seconds_wrong(made: Installation) -> list[str]:
    """Legs that were charged for an hour more than they can have lasted, or for nothing although they talked."""
    most = 15 * 60
    query = (
        select(posting.c.leg_id, func.max(posting.c.seconds).label("seconds"))
        .join(leg, leg.c.id == posting.c.leg_id)
        .where(posting.c.company_id == made.company_id, posting.c.kind == "settle")
        .group_by(posting.c.leg_id)
    )
    async with made.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [f"{row.leg_id}: {row.seconds} s" for row in rows if not 1 <= row.seconds <= most]
