"""Online payment (SPEC §C8.3): what a provider must do, and a labelled simulator for demonstrations and tests.

A real provider is a class with the two methods of `PaymentProvider` and a name in `provider_for`; its notification
arrives at a route of its own, which hands the verified `Paid` to `callcenter.features.money.recharges.paid`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

CODE_LIFE = timedelta(minutes=15)
"""How long a pay code may be scanned; who pays later has not paid (SPEC §C8.3)."""


@dataclass(frozen=True, slots=True)
class PayCode:
    """What the payer scans."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that the provider vouches for; `amount` in fen, `at` the moment of payment, not of the notice."""

    code: str
    amount: int
    at: datetime


class PaymentProvider(Protocol):
    simulated: bool

    async def make_code(self, channel: str, amount: int, reference: str, now: datetime) -> PayCode:
        """A code for `amount` fen; `reference` is the recharge's number, `channel` alipay or wechat."""

    async def verify(self, notice: Mapping[str, str], amount: int, now: datetime) -> Paid | None:
        """The payment that a notice speaks of; None when the notice is not the provider's. `amount`: what is due."""


class SimulatedPayments:
    """SIMULATOR: every code is paid in full by whoever says so. No money moves anywhere."""

    simulated = True

    async def make_code(self, channel: str, amount: int, reference: str, now: datetime) -> PayCode:
        return PayCode(f"SIMULATED-{channel.upper()}-{secrets.token_hex(12)}", now + CODE_LIFE)

    async def verify(self, notice: Mapping[str, str], amount: int, now: datetime) -> Paid | None:
        return Paid(notice["code"], amount, now)


def provider_for(name: str) -> PaymentProvider | None:
    """The provider of that name in the settings; None when online payment is off."""
    return SimulatedPayments() if name == "simulator" else None
