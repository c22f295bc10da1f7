"""What people may be allowed to do with customers."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "customers.view": Right("查看客户", "See customers", ("agent", "supervisor", "admin")),
        "customers.edit": Right("编辑客户", "Edit customers", ("agent", "supervisor", "admin")),
        "customers.delete": Right("删除客户", "Delete customers", ("supervisor", "admin")),
    }
)
