"""What time alone does to packages: the end of their validity, and the reminders before it (SPEC §C3.3, §C15)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.due import Due
from callcenter.features.notices import notices
from callcenter.features.notices.notices import Notice
from callcenter.ledger.packages import Lot, Packages, lots_of
from callcenter.store.database import Database
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import company


async def run_due(database: Database, now: datetime) -> bool:
    """Everything that is due at `now`; safe to repeat. Whether anybody's minutes changed.

    A package is expired once. Its users and the company are told 7, 3 and 1 days before the end, when it runs low and
    when it is over, each once; a company in the same way of its own end with the platform.
    """
    gone = await Packages(database).expire(now)
    wanted = [_notice(lot, "package_ended", str(lot.id), minutes=lot.minutes_left) for lot in gone]
    # Most of the time there is nothing to say: only reading, so that nobody who writes has to wait.
    async with database.read() as connection:
        wanted += [one for one in await _companies_ending(connection, now) if await notices.is_news(connection, one)]
        for company_id in await _companies(connection, now):
            for lot in await lots_of(connection, company_id, valid_at=now):
                wanted += [one for one in _reminders(lot, now) if await notices.is_news(connection, one)]
    if wanted:
        async with database.write() as connection:
            for one in wanted:
                await notices.put(connection, one, now)
    return bool(gone)


async def _companies(connection: AsyncConnection, now: datetime) -> list[int]:
    """Companies that have a valid package."""
    query = (
        select(voice_package.c.company_id)
        .where(voice_package.c.starts_at <= now, voice_package.c.expires_at > now)
        .distinct()
        .execution_options(all_companies=True)
    )
    return sorted((await connection.execute(query)).scalars())


async def _companies_ending(connection: AsyncConnection, now: datetime) -> list[Notice]:
    """What companies are told whose time with the platform ends soon, or is over."""
    rows = (await connection.execute(select(company.c.id, company.c.valid_until))).all()
    found: list[Notice] = []
    for row in rows:
        days = rules.ending_in(row.valid_until, now)
        if days is not None:
            ends_at = row.valid_until.isoformat().replace("+00:00", "Z")
            kind = "company_ending" if days else "company_ended"
            data = {"expires_at": ends_at, "days": days}
            found.append(Notice(row.id, kind, f"{kind}:{row.id}:{ends_at}:{days}", data))
    return found


def _reminders(lot: Lot, now: datetime) -> list[Notice]:
    found: list[Notice] = []
    days = rules.reminder_due(lot, now)
    if days is not None:
        found.append(_notice(lot, "package_ending", f"{lot.id}:{days}", days=days))
    if rules.state_of(lot, now) in ("low", "used_up"):
        # Minutes bought on top begin anew: a package that was filled up may run low again.
        found.append(_notice(lot, "package_low", f"{lot.id}:{lot.minutes_total}", minutes=lot.minutes_left))
    return found


def _notice(lot: Lot, kind: str, what: str, **more: int) -> Notice:
    data = {
        "package": {"id": lot.id, "name": lot.name},
        "expires_at": lot.expires_at.isoformat().replace("+00:00", "Z"),
        **more,
    }
    return Notice(lot.company_id, kind, f"{kind}:{what}", data, (None, *lot.users))


DUE = Due("packages", run_due)
