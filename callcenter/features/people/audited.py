"""What the audit log says of companies, departments, accounts and shifts, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "session.sign_in": Action("access", Kind.TEXT, "登录", "Signed in"),
        "password.changed": Action("access", Kind.TEXT, "修改自己的密码", "Changed own password"),
        "password.reset": Action("access", Kind.EMPLOYEE, "重置密码", "Reset a password"),
        "sip_account.shown": Action("access", Kind.EMPLOYEE, "查看话机账号", "Looked at a phone account"),
        "sip_account.renewed": Action("access", Kind.EMPLOYEE, "更换话机密码", "Renewed a phone password"),
        "audit.exported": Action("access", Kind.TEXT, "导出操作日志", "Exported the audit log"),
        "employee.created": Action("people", Kind.EMPLOYEE, "新建员工", "Added an employee"),
        "employee.changed": Action("people", Kind.EMPLOYEE, "修改员工", "Changed an employee"),
        "employee.departed": Action(
            "people", Kind.EMPLOYEE, "办理离职", "Employee departed", fields={"numbers": Kind.COUNT}
        ),
        "employee.deleted": Action("people", Kind.EMPLOYEE, "删除离职员工", "Deleted a departed employee"),
        "department.created": Action("people", Kind.DEPARTMENT, "新建部门", "Added a department"),
        "department.changed": Action("people", Kind.DEPARTMENT, "修改部门", "Changed a department"),
        "department.deleted": Action("people", Kind.DEPARTMENT, "删除部门", "Deleted a department"),
        "settings.changed": Action("settings", Kind.TEXT, "修改企业设置", "Changed company settings", with_before=True),
        "verification.shown": Action("people", Kind.EMPLOYEE, "出示认证码", "Showed a verification code"),
        "verification.passed": Action("people", Kind.EMPLOYEE, "实名认证通过", "Real name verified"),
        "verification.failed": Action("people", Kind.EMPLOYEE, "实名认证未通过", "Real name not verified"),
        "verification.vouched": Action("people", Kind.EMPLOYEE, "平台核实实名", "Operator vouched for a real name"),
    }
)
