"""Verification of real names (SPEC §B10.6): what a provider must do, and a labelled simulator.

A real provider is a class with `simulated` and `check`, and a name in `provider_for`. It keeps and logs neither name
nor number, and is asked about numbers only that can be real (`callcenter.domain.identity_numbers`).
"""

from __future__ import annotations

from typing import Protocol

MISMATCHED_NAME = "查无此人"
"""With this name the simulator says that the number is somebody else's."""


class ProviderUnavailable(Exception):
    """The provider gave no answer; it will be asked again. The text must hold neither name nor number."""


class RealNameProvider(Protocol):
    simulated: bool

    async def check(self, name: str, identity_number: str) -> bool:
        """Whether the identity card of that number is in that name. Raises `ProviderUnavailable`."""


class SimulatedRealNames:
    """SIMULATOR: every number is in every name but `MISMATCHED_NAME`. Nobody is asked anything."""

    simulated = True

    async def check(self, name: str, identity_number: str) -> bool:
        return name != MISMATCHED_NAME


def provider_for(name: str) -> RealNameProvider | None:
    """The provider of that name in the settings; None when real names are verified by the operator alone."""
    return SimulatedRealNames() if name == "simulator" else None
