"""What people may be allowed to do with voice packages."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "packages.view": Right("查看语音包", "See voice packages", ("supervisor", "admin")),
        "packages.grant": Right("赠送语音包", "Grant voice packages", ("operator",)),
    }
)
