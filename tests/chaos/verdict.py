"""What is left after the storm, judged by Asterisk's own records and by the books."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from callcenter.app import records_of
from callcenter.domain.reconciling import Compared
from callcenter.ledger.book import Kind
from callcenter.ledger.cel import CelFile
from callcenter.ledger.reconcile import Reconciliation
from callcenter.store.base import utcnow
from callcenter.store.ledger_tables import account, posting
from callcenter.store.tables import call
from tests.chaos.traffic import Traffic
from tests.live.installation import Installation, until

ZONE = "UTC"


async def all_settled(made: Installation, timeout: float) -> None:
    """Waits until no call is open or unsettled any more."""

    async def none_left() -> bool:
        open_ = (call.c.ended_at.is_(None)) | (call.c.billing != "settled")
        query = select(func.count()).select_from(call).where(call.c.company_id == made.company_id, open_)
        async with made.database.glance() as connection:
            return (await connection.execute(query)).scalar_one() == 0

    await until(none_left, "every call to be settled", timeout)


async def judge(made: Installation, traffic: Traffic) -> dict[str, Any]:
    """The figures that `./dev chaos` prints; all but `calls` and `faults` should be zero."""
    records = records_of(made.settings)
    async with made.database.glance() as connection:
        logged = set(
            (await connection.execute(select(call.c.id).where(call.c.company_id == made.company_id))).scalars()
        )
        settled = (
            select(posting.c.leg_id, func.count(func.distinct(posting.c.txn)))
            .where(posting.c.company_id == made.company_id, posting.c.kind == "settle")
            .group_by(posting.c.leg_id)
        )
        twice = [row[0] for row in (await connection.execute(settled)).all() if row[1] > 1]
        balances = select(account.c.balance).where(
            account.c.company_id == made.company_id,
            account.c.kind.in_((Kind.AVAILABLE.value, Kind.RESERVED.value)),
        )
        lowest = min((await connection.execute(balances)).scalars(), default=0)
        held = select(func.coalesce(func.sum(account.c.balance), 0)).where(
            account.c.company_id == made.company_id, account.c.kind == Kind.RESERVED.value
        )
        still_held = int((await connection.execute(held)).scalar_one())
    legs = await _compared(made, records)
    lost_by_asterisk = [one for one in legs if one.why in ("end_unknown", "ami_only", "not_recorded")]
    wrong = [one for one in legs if one.drift and one not in lost_by_asterisk]
    return {
        "calls": len(set(traffic.accepted)),
        "lost_logs": len(set(traffic.accepted) - logged),
        "double_charges": len(twice),
        "double_dials": len(traffic.doubled) + len(await _dialled_twice(records)),
        "drift_minutes": sum(abs(one.drift) for one in wrong),
        "worst_overdraft_minutes": max(0, -lowest),
        "minutes_still_held": still_held,
        "legs": len(legs),
        "lost_by_asterisk": [f"{one.leg_id}: {one.why}" for one in lost_by_asterisk],
        "wrong": [f"{one.leg_id}: {one.why} {one.drift:+d}" for one in wrong],
    }


async def _compared(made: Installation, records: CelFile) -> list[Compared]:
    both = Reconciliation(made.database, records)
    today = utcnow().date()
    days = {today, (utcnow() - timedelta(hours=2)).date()}
    return [leg for day in sorted(days) for leg in await both.legs(made.company_id, ZONE, day)]


async def _dialled_twice(records: CelFile) -> list[str]:
    """Calls whose customer's phone was rung more than once."""
    rows = await records.between(utcnow() - timedelta(hours=6), utcnow() + timedelta(hours=1))
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
