"""What the audit log says of dial tasks and imports, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "task.created": Action("tasks", Kind.TASK, "新建任务", "Created a task"),
        "task.changed": Action("tasks", Kind.TASK, "修改任务", "Changed a task"),
        "task.deleted": Action("tasks", Kind.TASK, "删除任务", "Deleted a task"),
        "task.imported": Action("tasks", Kind.TASK, "导入任务号码", "Imported numbers of a task"),
        "task.exported": Action("tasks", Kind.TASK, "导出任务号码", "Exported numbers of a task"),
    }
)
