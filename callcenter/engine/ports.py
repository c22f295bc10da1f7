"""What the engine needs from outside, as narrow protocols; `app` hands in the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from callcenter.domain.calls import Call
from callcenter.domain.entities import Changed, Data, Event
from callcenter.domain.events import LinkState


class Pbx(Protocol):
    """The AMI link."""

    @property
    def state(self) -> LinkState: ...

    def resync(self, reason: str) -> None: ...

    async def send(self, action: Mapping[str, Any], timeout: float | None = None) -> Any: ...

    async def collect(
        self, action: Mapping[str, Any], end_event: str, timeout: float | None = None
    ) -> list[dict[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """The customer behind a number, as far as the call needs to know."""

    customer_id: int
    name: str


class Crm(Protocol):
    """The bridge to the CRM."""

    async def who_is(self, company_id: int, number: str) -> Caller | None: ...

    async def name_of(self, company_id: int, customer_id: int) -> Caller | None: ...

    async def owner_of(self, company_id: int, customer_id: int) -> int | None: ...

    async def pop(self, call: Call, employee_id: int) -> dict[str, Any]: ...

    async def call_ended(self, call: Call) -> None: ...


class Push(Protocol):
    """Live push; called only after what it tells is committed."""

    def publish(
        self,
        company_id: int,
        changed: Sequence[Changed] = (),
        gone: Sequence[tuple[str, str]] = (),
    ) -> None: ...

    def event(
        self, company_id: int, name: Event[Data], data: Data, employee_id: int | None, *, watched: bool = False
    ) -> None: ...


class Clock(Protocol):
    def __call__(self) -> datetime: ...
