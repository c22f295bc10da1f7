"""What people may be allowed to do with the installation."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "platform.manage": Right("平台运营", "Run the platform", ("operator",)),
    }
)
