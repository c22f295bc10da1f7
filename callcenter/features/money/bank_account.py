"""The platform's account that bank transfers go to (SPEC §C8.3); one row of `platform_setting`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.features.money.tables import platform_setting

CODE = "bank_account"


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Empty as a whole until the operator names one: nobody can transfer to it."""

    payee: str = ""
    bank: str = ""
    account: str = ""

    @property
    def complete(self) -> bool:
        return bool(self.payee and self.bank and self.account)


async def current(connection: AsyncConnection) -> BankAccount:
    query = select(platform_setting.c.body).where(platform_setting.c.code == CODE)
    return BankAccount(**((await connection.execute(query)).scalar() or {}))


async def change(connection: AsyncConnection, given: BankAccount) -> None:
    """Puts another account into the place of the one before."""
    await connection.execute(delete(platform_setting).where(platform_setting.c.code == CODE))
    await connection.execute(insert(platform_setting).values(code=CODE, body=asdict(given)))
