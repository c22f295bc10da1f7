"""What people may be allowed to do with people and settings."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "employees.view": Right("查看员工", "See employees", ("supervisor", "admin")),
        "employees.edit": Right("管理员工", "Manage employees", ("admin",)),
        "departments.edit": Right("管理部门", "Manage departments", ("admin",)),
        "settings.edit": Right("企业设置", "Company settings", ("admin",)),
        "audit.view": Right("操作日志", "Audit log", ("admin",)),
    }
)
