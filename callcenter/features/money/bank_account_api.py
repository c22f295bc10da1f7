"""The account that bank transfers go to: the operator names it, companies see it beside the form (SPEC §C8.3)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from callcenter.domain.refusals import Refusal
from callcenter.features.money import bank_account as ledger
from callcenter.web.kit import Body, Context, Routes
from callcenter.web.services import Services

routes = Routes("recharges")

Words = Annotated[str, msgspec.Meta(max_length=100)]


class BankAccount(Body, kw_only=True):
    """All three, or none: then nobody is offered to transfer."""

    payee: Words
    bank: Words
    account: Words


@routes.add(
    "GET",
    "/api/bank-account",
    permission="wallet.view",
    data="none",
    summary="Where bank transfers go; empty while the platform takes none",
    answers=BankAccount,
)
async def shown(services: Services, context: Context) -> BankAccount:
    return await _current(services)


@routes.add(
    "PUT",
    "/api/platform/bank-account",
    permission="platform.manage",
    data="platform",
    summary="Name the account for bank transfers of companies, or take it away with three empty fields",
    body=BankAccount,
    answers=BankAccount,
    errors=("invalid",),
)
async def set_account(services: Services, context: Context) -> BankAccount:
    given: BankAccount = context.body
    account = ledger.BankAccount(given.payee.strip(), given.bank.strip(), given.account.strip())
    if account != ledger.BankAccount() and not account.complete:
        raise Refusal("invalid", reason="payee, bank and account belong together")
    async with services.database.write() as connection:
        await ledger.change(connection, account)
        me = context.me
        await services.audit.write(
            connection, me.company_id, me.employee_id, "bank_account.changed", account.account, context.ip
        )
    return _view(account)


async def _current(services: Services) -> BankAccount:
    async with services.database.read() as connection:
        return _view(await ledger.current(connection))


def _view(account: ledger.BankAccount) -> BankAccount:
    return BankAccount(payee=account.payee, bank=account.bank, account=account.account)
