"""What the audit log says of customers, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "customer.created": Action("customers", Kind.CUSTOMER, "新建客户", "Added a customer"),
        "customer.changed": Action("customers", Kind.CUSTOMER, "修改客户", "Changed a customer"),
        "customer.deleted": Action("customers", Kind.CUSTOMER, "删除客户", "Deleted a customer"),
        "note.deleted": Action("customers", Kind.TEXT, "删除跟进记录", "Deleted a note"),
    }
)
