"""What the audit log says of seats, outside numbers and direct numbers, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "seat.created": Action("numbers", Kind.TEXT, "新建坐席", "Added seats"),
        "seat.changed": Action("numbers", Kind.TEXT, "修改坐席", "Changed a seat"),
        "seat.deleted": Action("numbers", Kind.TEXT, "删除坐席", "Deleted a seat"),
        "outside_number.created": Action(
            "numbers", Kind.COUNT, "添加外显号码", "Added outside numbers", fields={"region": Kind.TEXT}
        ),
        "outside_number.changed": Action("numbers", Kind.NUMBER, "修改外显号码", "Changed an outside number"),
        "outside_number.deleted": Action("numbers", Kind.NUMBER, "删除外显号码", "Deleted an outside number"),
        "outside_number.bound": Action("numbers", Kind.NUMBER, "绑定外显号码", "Bound an outside number"),
        "outside_number.unbound": Action("numbers", Kind.NUMBER, "解绑外显号码", "Unbound an outside number"),
        "direct_number.assigned": Action("numbers", Kind.EMPLOYEE, "分配直拨号", "Assigned direct numbers"),
        "direct_number.activated": Action("numbers", Kind.NUMBER, "激活直拨号", "Activated a direct number"),
        "direct_number.bound": Action(
            "numbers", Kind.NUMBER, "绑定直拨号", "Bound a direct number", fields={"seat": Kind.SEAT}
        ),
        "direct_number.unbound": Action(
            "numbers", Kind.NUMBER, "解绑直拨号", "Unbound a direct number", fields={"seat": Kind.SEAT}
        ),
        "direct_number.leave_asked": Action("numbers", Kind.NUMBER, "申请退号", "Asked to give a number back"),
        "number.claimed": Action("numbers", Kind.NUMBER, "登记号码待核实", "Entered a number to be confirmed"),
        "number.confirmed": Action("numbers", Kind.NUMBER, "核实号码归属", "Confirmed a number"),
        "number.refused": Action("numbers", Kind.NUMBER, "拒绝号码归属", "Refused a number"),
        "numbers.asked": Action("numbers", Kind.APPLICATION, "申请直拨号", "Asked for direct numbers"),
        "destinations.changed": Action(
            "settings", Kind.TEXT, "修改呼出范围", "Changed where calls may go", with_before=True
        ),
    }
)
