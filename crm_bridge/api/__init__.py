"""The CRM's HTTP resources."""

from __future__ import annotations

from callcenter.web.kit import Route
from crm_bridge.api import customers, notes, tags

ROUTES: list[Route] = [*customers.routes.routes, *notes.routes.routes, *tags.routes.routes]
"""All routes, for the composition root to mount."""
