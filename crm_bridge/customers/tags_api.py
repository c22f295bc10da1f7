"""Tags in use."""

from __future__ import annotations

from callcenter.web.kit import Context, Routes
from crm_bridge.customers import customers as store
from crm_bridge.services import Services

routes = Routes("tags")


@routes.add(
    "GET",
    "/api/tags",
    permission="customers.view",
    # Words, not customers: everybody must pick from the same ones, or each agent invents a spelling.
    data="company",
    summary="Every customer tag in use",
    answers=list[str],
)
async def tags(services: Services, context: Context) -> list[str]:
    async with services.database.read() as connection:
        return await store.tags(connection, context.company_id)
