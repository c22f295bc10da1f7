"""What the running program holds, for whoever looks after the machine."""

from __future__ import annotations

import msgspec

from callcenter import machine
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services

routes = Routes("process")


class ProcessView(msgspec.Struct):
    memory_bytes: int
    """Resident memory."""
    open_files: int
    """Files, connections and pipes that are open."""
    tasks: int
    """Work that is begun and not finished."""


@routes.add(
    "GET",
    "/api/platform/process",
    permission="platform.manage",
    data="platform",
    summary="What the program holds: memory, open files, work that is not finished",
    answers=ProcessView,
)
async def process(services: Services, context: Context) -> ProcessView:
    return ProcessView(*machine.usage())
