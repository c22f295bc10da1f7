"""What people may be allowed to do with dial tasks."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "tasks.own": Right("自己的任务", "Own dial tasks", ("agent", "supervisor", "admin")),
        "tasks.dial": Right("任务拨号", "Dial numbers of tasks", ("agent", "supervisor")),
        "tasks.all": Right("管理全部任务", "All dial tasks in scope", ("supervisor", "admin")),
    }
)
