"""What people may be allowed to do with numbers."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "numbers.edit": Right("管理号码", "Manage numbers", ("admin",)),
    }
)
