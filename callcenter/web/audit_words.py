"""What the audit log's entries say: every action, every field and every code in it, in Chinese and English.

An action that stands here in no words cannot be written (`AuditLog.write`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from callcenter.domain.terms import AccessEnd, CallerIdPolicy, Gate, LegOrder, Mode, OrderAction
from callcenter.web.errors import CATALOGUE


class Words(NamedTuple):
    zh: str
    en: str


class Kind(StrEnum):
    """What a value is, and so how it is shown. Those from `EMPLOYEE` on are ids of things that have names."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    """Whole fen."""
    MINUTES = "minutes"
    DAYS = "days"
    SECONDS = "seconds"
    YES_NO = "yes_no"
    MOMENT = "moment"
    COUNTRY = "country"
    NUMBER = "number"
    """A telephone number as E.164."""
    WORD = "word"
    """A code; its words stand in `CODES` under the field's name."""
    FIELD = "field"
    """The name of a field that was changed."""
    EMPLOYEE = "employee"
    DEPARTMENT = "department"
    GROUP = "group"
    SEAT = "seat"
    HOURS = "hours"
    INBOUND_NUMBER = "inbound_number"
    OUTSIDE_NUMBER = "outside_number"
    BLOCKED = "blocked"
    CUSTOMER = "customer"
    TASK = "task"
    TASK_NUMBER = "task_number"
    """A number of a dial task; it is named by its task, never by its digits."""
    CALL = "call"
    VOICEMAIL = "voicemail"
    CALLBACK = "callback"
    PACKAGE = "package"
    OFFERING = "offering"
    ORDER = "order"
    INVOICE = "invoice"
    LICENCES = "licences"
    COUPON = "coupon"
    APPLICATION = "application"
    COMPANY = "company"


class Action(NamedTuple):
    """One thing that somebody can do. `group` is the part of the product, `about` what the entry's object is."""

    group: str
    about: Kind
    zh: str
    en: str


GROUPS: Mapping[str, Words] = {
    "access": Words("登录与账号", "Sign-in and accounts"),
    "calls": Words("通话与录音", "Calls and recordings"),
    "people": Words("员工与部门", "People and departments"),
    "numbers": Words("坐席与号码", "Seats and numbers"),
    "lines": Words("呼入与技能组", "Inbound and groups"),
    "tasks": Words("任务", "Tasks"),
    "customers": Words("客户", "Customers"),
    "minutes": Words("语音包与订单", "Packages and orders"),
    "money": Words("账户与费用", "Money"),
    "settings": Words("设置", "Settings"),
    "platform": Words("平台管理", "Platform"),
}

ACTIONS: Mapping[str, Action] = {
    "session.sign_in": Action("access", Kind.TEXT, "登录", "Signed in"),
    "session.failed": Action("access", Kind.TEXT, "登录失败", "Failed sign-in"),
    "registration.refused": Action("access", Kind.TEXT, "话机注册被拒绝", "Phone registration refused"),
    "softphone.foreign_identity": Action("access", Kind.TEXT, "软电话冒用他人账号", "Softphone used another account"),
    "password.changed": Action("access", Kind.TEXT, "修改自己的密码", "Changed own password"),
    "password.reset": Action("access", Kind.EMPLOYEE, "重置密码", "Reset a password"),
    "sip_account.shown": Action("access", Kind.EMPLOYEE, "查看话机账号", "Looked at a phone account"),
    "sip_account.renewed": Action("access", Kind.EMPLOYEE, "更换话机密码", "Renewed a phone password"),
    "dial.refused": Action("calls", Kind.NUMBER, "拨号被拒绝", "Dialling refused"),
    "call.hang_up": Action("calls", Kind.CALL, "挂断自己的通话", "Hung up own call"),
    "call.end": Action("calls", Kind.CALL, "强制结束通话", "Ended a call"),
    "call.marked": Action("calls", Kind.CALL, "标记接通情况", "Marked a call"),
    "call.listen": Action("calls", Kind.CALL, "监听", "Listened to a call"),
    "call.whisper": Action("calls", Kind.CALL, "耳语", "Whispered into a call"),
    "call.barge": Action("calls", Kind.CALL, "强插", "Barged into a call"),
    "call.take_over": Action("calls", Kind.CALL, "接管通话", "Took over a call"),
    "audit.exported": Action("access", Kind.TEXT, "导出操作日志", "Exported the audit log"),
    "calls.exported": Action("calls", Kind.TEXT, "导出通话记录", "Exported the call log"),
    "recording.played": Action("calls", Kind.CALL, "播放录音", "Played a recording"),
    "voicemail.played": Action("calls", Kind.VOICEMAIL, "收听留言", "Played a voicemail"),
    "callback.cancelled": Action("calls", Kind.CALLBACK, "取消回呼", "Cancelled a callback"),
    "agent.state_forced": Action("calls", Kind.EMPLOYEE, "更改坐席状态", "Changed an agent's state"),
    "employee.created": Action("people", Kind.EMPLOYEE, "新建员工", "Added an employee"),
    "employee.changed": Action("people", Kind.EMPLOYEE, "修改员工", "Changed an employee"),
    "employee.departed": Action("people", Kind.EMPLOYEE, "办理离职", "Employee departed"),
    "employee.deleted": Action("people", Kind.EMPLOYEE, "删除离职员工", "Deleted a departed employee"),
    "verification.shown": Action("people", Kind.EMPLOYEE, "出示认证码", "Showed a verification code"),
    "verification.passed": Action("people", Kind.EMPLOYEE, "实名认证通过", "Real name verified"),
    "verification.failed": Action("people", Kind.EMPLOYEE, "实名认证未通过", "Real name not verified"),
    "verification.vouched": Action("people", Kind.EMPLOYEE, "平台核实实名", "Operator vouched for a real name"),
    "department.created": Action("people", Kind.DEPARTMENT, "新建部门", "Added a department"),
    "department.changed": Action("people", Kind.DEPARTMENT, "修改部门", "Changed a department"),
    "department.deleted": Action("people", Kind.DEPARTMENT, "删除部门", "Deleted a department"),
    "seat.created": Action("numbers", Kind.TEXT, "新建坐席", "Added seats"),
    "seat.changed": Action("numbers", Kind.TEXT, "修改坐席", "Changed a seat"),
    "seat.deleted": Action("numbers", Kind.TEXT, "删除坐席", "Deleted a seat"),
    "outside_number.created": Action("numbers", Kind.COUNT, "添加外显号码", "Added outside numbers"),
    "outside_number.changed": Action("numbers", Kind.NUMBER, "修改外显号码", "Changed an outside number"),
    "outside_number.deleted": Action("numbers", Kind.NUMBER, "删除外显号码", "Deleted an outside number"),
    "outside_number.bound": Action("numbers", Kind.NUMBER, "绑定外显号码", "Bound an outside number"),
    "outside_number.unbound": Action("numbers", Kind.NUMBER, "解绑外显号码", "Unbound an outside number"),
    "direct_number.assigned": Action("numbers", Kind.EMPLOYEE, "分配直拨号", "Assigned direct numbers"),
    "direct_number.activated": Action("numbers", Kind.NUMBER, "激活直拨号", "Activated a direct number"),
    "direct_number.bound": Action("numbers", Kind.NUMBER, "绑定直拨号", "Bound a direct number"),
    "direct_number.unbound": Action("numbers", Kind.NUMBER, "解绑直拨号", "Unbound a direct number"),
    "direct_number.leave_asked": Action("numbers", Kind.NUMBER, "申请退号", "Asked to give a number back"),
    "number.claimed": Action("numbers", Kind.NUMBER, "登记号码待核实", "Entered a number to be confirmed"),
    "number.confirmed": Action("numbers", Kind.NUMBER, "核实号码归属", "Confirmed a number"),
    "number.refused": Action("numbers", Kind.NUMBER, "拒绝号码归属", "Refused a number"),
    "numbers.asked": Action("numbers", Kind.APPLICATION, "申请直拨号", "Asked for direct numbers"),
    "numbers.dispatched": Action("numbers", Kind.APPLICATION, "下发直拨号", "Dispatched direct numbers"),
    "numbers.refused": Action("numbers", Kind.APPLICATION, "结束直拨号申请", "Ended a number application"),
    "number_leave.reviewed": Action("numbers", Kind.NUMBER, "审核退号", "Reviewed a number given back"),
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
    "task.created": Action("tasks", Kind.TASK, "新建任务", "Created a task"),
    "task.changed": Action("tasks", Kind.TASK, "修改任务", "Changed a task"),
    "task.deleted": Action("tasks", Kind.TASK, "删除任务", "Deleted a task"),
    "task.imported": Action("tasks", Kind.TASK, "导入任务号码", "Imported numbers of a task"),
    "task.exported": Action("tasks", Kind.TASK, "导出任务号码", "Exported numbers of a task"),
    "customer.created": Action("customers", Kind.CUSTOMER, "新建客户", "Added a customer"),
    "customer.changed": Action("customers", Kind.CUSTOMER, "修改客户", "Changed a customer"),
    "customer.deleted": Action("customers", Kind.CUSTOMER, "删除客户", "Deleted a customer"),
    "note.deleted": Action("customers", Kind.TEXT, "删除跟进记录", "Deleted a note"),
    "package.granted": Action("minutes", Kind.PACKAGE, "发放语音包", "Granted a package"),
    "package.assigned": Action("minutes", Kind.PACKAGE, "添加语音包使用人", "Let employees use a package"),
    "package.unassigned": Action("minutes", Kind.PACKAGE, "移除语音包使用人", "Took an employee off a package"),
    "package.handed_over": Action("minutes", Kind.PACKAGE, "移交语音包", "Handed a package over"),
    "order.placed": Action("minutes", Kind.ORDER, "购买语音包", "Bought packages"),
    "orders.exported": Action("minutes", Kind.TEXT, "导出订单", "Exported orders"),
    "consumption.exported": Action("minutes", Kind.TEXT, "导出消费明细", "Exported consumption"),
    "recharge.begun": Action("money", Kind.TEXT, "发起在线充值", "Began a recharge"),
    "recharge.applied": Action("money", Kind.TEXT, "提交线下充值", "Sent in a transfer"),
    "recharge.reviewed": Action("money", Kind.TEXT, "审核充值", "Reviewed a recharge"),
    "payment.booked": Action("money", Kind.TEXT, "异常到账入账", "Booked a stray payment"),
    "payment.refunded": Action("money", Kind.TEXT, "异常到账退款", "Refunded a stray payment"),
    "invoice.asked": Action("money", Kind.INVOICE, "申请发票", "Asked for an invoice"),
    "invoice.answered": Action("money", Kind.INVOICE, "处理发票申请", "Answered an invoice request"),
    "licences.bought": Action("money", Kind.LICENCES, "购买坐席授权", "Bought licences"),
    "points.bought": Action("money", Kind.TEXT, "购买点数", "Bought points"),
    "ai_wallet.moved": Action("money", Kind.TEXT, "AI 钱包划转", "Moved money of the AI wallet"),
    "settings.changed": Action("settings", Kind.TEXT, "修改企业设置", "Changed company settings"),
    "destinations.changed": Action("settings", Kind.TEXT, "修改呼出范围", "Changed where calls may go"),
    "company.opened": Action("platform", Kind.COMPANY, "开通企业", "Opened a company"),
    "company.changed": Action("platform", Kind.COMPANY, "修改企业", "Changed a company"),
    "offering.added": Action("platform", Kind.OFFERING, "新建套餐", "Added an offering"),
    "offering.changed": Action("platform", Kind.OFFERING, "修改套餐", "Changed an offering"),
    "coupon.made": Action("platform", Kind.COUPON, "发放优惠券", "Made a coupon"),
    "bank_account.changed": Action("platform", Kind.TEXT, "修改收款账户", "Changed the account for transfers"),
    "prices.changed": Action("platform", Kind.TEXT, "修改价格", "Changed prices"),
}


class Field(NamedTuple):
    """A field of an entry's details."""

    kind: Kind
    zh: str
    en: str


FIELDS: Mapping[str, Field] = {
    "access_end": Field(Kind.WORD, "停用后正在进行的通话", "Running call when access ends"),
    "access_number": Field(Kind.NUMBER, "呼转接入号码", "Access number"),
    "account_state": Field(Kind.WORD, "账号状态", "Account state"),
    "address": Field(Kind.TEXT, "地址", "Address"),
    "also_mode": Field(Kind.WORD, "另一呼叫方式", "Other calling mode"),
    "amount": Field(Kind.MONEY, "金额", "Amount"),
    "approve": Field(Kind.YES_NO, "同意", "Approved"),
    "bound_phone": Field(Kind.NUMBER, "绑定手机", "Bound phone"),
    "call_through_seconds": Field(Kind.SECONDS, "呼转等待时间", "Time to call through"),
    "caller_id_policy": Field(Kind.WORD, "外显规则", "Caller-ID rule"),
    "calls_per_day": Field(Kind.COUNT, "每日拨打上限", "Dials a day"),
    "calls_per_number": Field(Kind.COUNT, "单号每日拨打上限", "Dials a day to one number"),
    "client": Field(Kind.WORD, "登录方式", "Signed in with"),
    "code": Field(Kind.TEXT, "坐席编号", "Seat code"),
    "company_name": Field(Kind.TEXT, "公司", "Company"),
    "company": Field(Kind.TEXT, "公司", "Company"),
    "count": Field(Kind.COUNT, "次数", "Times"),
    "countries": Field(Kind.COUNTRY, "可拨国家和地区", "Countries"),
    "customer": Field(Kind.CUSTOMER, "客户", "Customer"),
    "customers": Field(Kind.COUNT, "转移客户", "Customers moved"),
    "customers_kept": Field(Kind.COUNT, "已签约客户（不动）", "Signed customers (kept)"),
    "days": Field(Kind.DAYS, "有效期", "Valid for"),
    "department_id": Field(Kind.DEPARTMENT, "部门", "Department"),
    "description": Field(Kind.TEXT, "说明", "Description"),
    "dialling_suspended": Field(Kind.YES_NO, "暂停拨打", "Dialling suspended"),
    "dial_window": Field(Kind.TEXT, "可拨时段", "Dial window"),
    "direction": Field(Kind.WORD, "方向", "Direction"),
    # No setting any more, but older entries tell of it.
    "display_number": Field(Kind.NUMBER, "企业外显号码", "Company number"),
    "employee": Field(Kind.EMPLOYEE, "员工", "Employee"),
    "employee_id": Field(Kind.EMPLOYEE, "员工", "Employee"),
    "employees": Field(Kind.EMPLOYEE, "员工", "Employees"),
    "fields": Field(Kind.FIELD, "修改项", "Changed"),
    "file": Field(Kind.TEXT, "文件", "File"),
    "forwarded_at_once": Field(Kind.COUNT, "同时转接手机上限", "Calls on own phones at once"),
    "from": Field(Kind.EMPLOYEE, "移交人", "From"),
    "gate": Field(Kind.WORD, "原因", "Reason"),
    "groups": Field(Kind.GROUP, "技能组", "Groups"),
    "group_ids": Field(Kind.GROUP, "技能组", "Groups"),
    "ids": Field(Kind.OUTSIDE_NUMBER, "号码", "Numbers"),
    "kind": Field(Kind.WORD, "类型", "Kind"),
    "leg_order": Field(Kind.WORD, "先响哪一方", "Who is rung first"),
    "level": Field(Kind.TEXT, "客户等级", "Level"),
    "licences": Field(Kind.COUNT, "坐席授权数", "Licences"),
    "line": Field(Kind.TEXT, "线路", "Line"),
    "list_price": Field(Kind.MONEY, "原价", "List price"),
    "login": Field(Kind.TEXT, "登录账号", "Login"),
    "mark": Field(Kind.WORD, "接通标记", "Mark"),
    "minutes": Field(Kind.MINUTES, "分钟数", "Minutes"),
    "mode": Field(Kind.WORD, "呼叫方式", "Calling mode"),
    "name": Field(Kind.TEXT, "名称", "Name"),
    "note": Field(Kind.TEXT, "说明", "Note"),
    "number": Field(Kind.NUMBER, "号码", "Number"),
    "numbers": Field(Kind.NUMBER, "号码", "Numbers"),
    "offer": Field(Kind.TEXT, "促销类型", "Offer"),
    "offered_from": Field(Kind.MOMENT, "上架时间", "Offered from"),
    "offered_until": Field(Kind.MOMENT, "下架时间", "Offered until"),
    "offering": Field(Kind.OFFERING, "套餐", "Offering"),
    "on_sale": Field(Kind.YES_NO, "上架", "On sale"),
    "owner_id": Field(Kind.EMPLOYEE, "归属员工", "Owner"),
    "packages": Field(Kind.PACKAGE, "移交语音包", "Packages"),
    "paid": Field(Kind.MONEY, "实付", "Paid"),
    "pairs": Field(Kind.TEXT, "号码与坐席", "Numbers and seats"),
    "per_employee": Field(Kind.COUNT, "每人限购", "Per employee"),
    "phone": Field(Kind.NUMBER, "手机", "Phone"),
    "premium_open": Field(Kind.YES_NO, "可拨声讯号码", "Premium numbers"),
    "price": Field(Kind.MONEY, "价格", "Price"),
    "progress": Field(Kind.TEXT, "跟进进展", "Progress"),
    "quantity": Field(Kind.COUNT, "数量", "Quantity"),
    "reason": Field(Kind.WORD, "原因", "Reason"),
    "recording": Field(Kind.YES_NO, "通话录音", "Recording"),
    "region": Field(Kind.TEXT, "归属地", "Region"),
    "remark": Field(Kind.TEXT, "备注", "Remark"),
    "role": Field(Kind.TEXT, "角色", "Role"),
    "superior_id": Field(Kind.EMPLOYEE, "直属上级", "Superior"),
    "rows": Field(Kind.COUNT, "行数", "Rows"),
    "satellite_open": Field(Kind.YES_NO, "可拨卫星电话", "Satellite numbers"),
    "script_state": Field(Kind.WORD, "话术审核", "Script"),
    "seat": Field(Kind.TEXT, "坐席", "Seat"),
    "seat_id": Field(Kind.SEAT, "坐席", "Seat"),
    "simulated": Field(Kind.YES_NO, "模拟认证", "Simulated"),
    "signed": Field(Kind.YES_NO, "已签约", "Signed"),
    "source": Field(Kind.TEXT, "客户来源", "Source"),
    "state": Field(Kind.WORD, "状态", "State"),
    "supervision_shown": Field(Kind.YES_NO, "向员工提示监听", "Agents see supervision"),
    "task_number": Field(Kind.TASK_NUMBER, "所属任务", "Task"),
    "tags": Field(Kind.TEXT, "标签", "Tags"),
    "task_numbers": Field(Kind.COUNT, "未拨任务号码", "Undialled task numbers"),
    "time_zone": Field(Kind.TEXT, "时区", "Time zone"),
    "to": Field(Kind.EMPLOYEE, "接手人", "To"),
    "unanswered_limit": Field(Kind.COUNT, "连续未接上限", "Unanswered calls in a row"),
    "valid_call_seconds": Field(Kind.SECONDS, "有效通话时长", "Valid call from"),
    "valid_until": Field(Kind.MOMENT, "有效期至", "Valid until"),
    "verification": Field(Kind.WORD, "认证", "Verification"),
    "what": Field(Kind.WORD, "方式", "How"),
    "wrap_up_seconds": Field(Kind.SECONDS, "话后整理时间", "Wrap-up time"),
}

WITH_BEFORE = ("settings.changed", "destinations.changed")
"""Actions whose `changes` are pairs of what was before and what is now."""

ELSEWHERE: Mapping[tuple[str, str], Kind] = {
    ("coupon.made", "company"): Kind.COMPANY,
    ("payment.booked", "company"): Kind.COMPANY,
    ("payment.refunded", "company"): Kind.COMPANY,
    ("employee.departed", "numbers"): Kind.COUNT,
    ("numbers.dispatched", "numbers"): Kind.COUNT,
    ("direct_number.bound", "seat"): Kind.SEAT,
    ("direct_number.unbound", "seat"): Kind.SEAT,
    ("outside_number.created", "region"): Kind.TEXT,
}
"""Fields that mean something else in some actions."""

_MODES = {
    Mode.DIRECT.value: Words("直拨", "Direct"),
    Mode.CALLBACK.value: Words("回拨", "Callback"),
    Mode.POINT.value: Words("点拨", "Point"),
    Mode.CALL_THROUGH.value: Words("呼转", "Call-through"),
}
_GATES = {one.value: Words(CATALOGUE[one.value].zh, CATALOGUE[one.value].en) for one in Gate}

CODES: Mapping[str, Mapping[str, Words]] = {
    "access_end": {
        AccessEnd.AT_ONCE.value: Words("立即挂断", "Ended at once"),
        AccessEnd.AFTER_CALL.value: Words("打完再断", "May end"),
    },
    "account_state": {
        "active": Words("正常", "Active"),
        "disabled": Words("停用", "Disabled"),
        "departed": Words("离职", "Departed"),
    },
    "also_mode": _MODES,
    "caller_id_policy": {
        CallerIdPolicy.BOUND.value: Words("绑定号码", "Bound number"),
        CallerIdPolicy.SAME_REGION.value: Words("同归属地优先", "Same region first"),
        CallerIdPolicy.ROTATION.value: Words("轮换", "Rotation"),
    },
    "client": {"web": Words("浏览器", "Browser"), "phone": Words("手机客户端", "Phone client")},
    "direction": {"in": Words("划入 AI 钱包", "Into the AI wallet"), "out": Words("划回账户", "Back to the wallet")},
    "gate": _GATES,
    "kind": {
        "employee": Words("员工坐席", "Employee seats"),
        "search": Words("找客户账号", "Search accounts"),
        "ai": Words("AI 坐席", "AI seats"),
    },
    "leg_order": {
        LegOrder.AGENT_FIRST.value: Words("先响员工", "Agent first"),
        LegOrder.CUSTOMER_FIRST.value: Words("先响客户", "Customer first"),
    },
    "mark": {"connected": Words("已接通", "Connected"), "not_connected": Words("未接通", "Not connected")},
    "mode": _MODES,
    "prompt": {
        "greeting": Words("欢迎语", "Greeting"),
        "comfort": Words("等待安抚语", "Comfort message"),
        "callback_offer": Words("回呼提示", "Callback offer"),
        "callback_taken": Words("回呼已登记", "Callback taken"),
        "closed": Words("休息提示", "Closed message"),
        "voicemail": Words("留言提示", "Voicemail message"),
    },
    "reason": {
        "break": Words("小休", "Break"),
        "meal": Words("用餐", "Meal"),
        "meeting": Words("会议", "Meeting"),
        "training": Words("培训", "Training"),
        "other": Words("其他", "Other"),
        "signed_in": Words("已签入", "Signed in"),
        "no_answer": Words("未应答", "Did not answer"),
        "identity_mismatch": Words("姓名与证件号不一致", "Name and identity number differ"),
    },
    "script_state": {
        "missing": Words("未提交", "Missing"),
        "reviewing": Words("审核中", "In review"),
        "approved": Words("已通过", "Approved"),
        "rejected": Words("已驳回", "Rejected"),
    },
    "state": {
        "active": Words("启用", "Active"),
        "inactive": Words("停用", "Inactive"),
        "ready": Words("就绪", "Ready"),
        "not_ready": Words("示忙", "Not ready"),
        "logged_out": Words("签出", "Logged out"),
        "normal": Words("正常", "Normal"),
        "in_progress": Words("进行中", "In progress"),
        "finished": Words("已结束", "Finished"),
        "pending": Words("待审核", "Pending"),
        "approved": Words("已通过", "Approved"),
        "rejected": Words("已驳回", "Rejected"),
        "void": Words("已作废", "Void"),
        "reviewing": Words("审核中", "In review"),
        "invoiced": Words("已开票", "Invoiced"),
    },
    "verification": {
        "unverified": Words("未认证", "Unverified"),
        "reviewing": Words("审核中", "In review"),
        "verified": Words("已认证", "Verified"),
        "rejected": Words("已驳回", "Rejected"),
    },
    "what": {
        OrderAction.NEW.value: Words("新购", "New"),
        OrderAction.RENEW.value: Words("续购", "Renewal"),
        OrderAction.ADD.value: Words("加购", "Addition"),
        OrderAction.TOP_UP.value: Words("加油包", "Top-up"),
    },
}


def kind_of(action: str, field: str) -> Kind:
    """What a field of an action's details is; one that nobody declared is text."""
    known = FIELDS.get(field)
    return ELSEWHERE.get((action, field), known.kind if known is not None else Kind.TEXT)
