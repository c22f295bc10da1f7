"""What the audit log says of groups, hours, inbound numbers and announcements, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "group.created": Action("lines", Kind.GROUP, "新建技能组", "Added a group"),
        "group.changed": Action("lines", Kind.GROUP, "修改技能组", "Changed a group"),
        "group.deleted": Action("lines", Kind.GROUP, "删除技能组", "Deleted a group"),
        "number.created": Action("lines", Kind.INBOUND_NUMBER, "添加呼入号码", "Added an inbound number"),
        "number.changed": Action("lines", Kind.INBOUND_NUMBER, "修改呼入号码", "Changed an inbound number"),
        "number.deleted": Action("lines", Kind.INBOUND_NUMBER, "删除呼入号码", "Deleted an inbound number"),
        "hours.created": Action("lines", Kind.HOURS, "新建营业时间", "Added business hours"),
        "hours.changed": Action("lines", Kind.HOURS, "修改营业时间", "Changed business hours"),
        "hours.deleted": Action("lines", Kind.HOURS, "删除营业时间", "Deleted business hours"),
        "prompt.uploaded": Action("lines", Kind.WORD, "上传提示音", "Uploaded an announcement"),
        "prompt.deleted": Action("lines", Kind.WORD, "删除提示音", "Deleted an announcement"),
        "blacklist.added": Action("lines", Kind.BLOCKED, "加入黑名单", "Added to the blacklist"),
        "blacklist.removed": Action("lines", Kind.BLOCKED, "移出黑名单", "Removed from the blacklist"),
    }
)
