"""What the audit log says of voice packages and orders, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "package.granted": Action("minutes", Kind.PACKAGE, "发放语音包", "Granted a package"),
        "package.assigned": Action("minutes", Kind.PACKAGE, "添加语音包使用人", "Let employees use a package"),
        "package.unassigned": Action("minutes", Kind.PACKAGE, "移除语音包使用人", "Took an employee off a package"),
        "package.handed_over": Action("minutes", Kind.PACKAGE, "移交语音包", "Handed a package over"),
        "order.placed": Action("minutes", Kind.ORDER, "购买语音包", "Bought packages"),
        "orders.exported": Action("minutes", Kind.TEXT, "导出订单", "Exported orders"),
        "consumption.exported": Action("minutes", Kind.TEXT, "导出消费明细", "Exported consumption"),
    }
)
