"""Why something about companies, departments, accounts and shifts cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "call_running": Text(409, "请在通话结束后再操作。", "Wait until the call is over."),
        "state_not_choosable": Text(422, "不能手动选择该状态。", "This state cannot be chosen."),
        "reason_unknown": Text(422, "未知的示忙原因。", "Unknown reason."),
        "login_taken": Text(409, "该登录账号已被使用。", "This login is taken."),
        "role_unknown": Text(422, "角色不存在。", "There is no such role."),
        "department_unknown": Text(422, "部门不存在。", "There is no such department."),
        "department_not_empty": Text(
            409, "请先移走部门内的员工和下级部门。", "Move its employees and sub-departments first."
        ),
        "superior_unknown": Text(422, "没有这位直属上级，或已离职。", "There is no such superior, or they left."),
        "superior_loop": Text(
            422, "直属上级不能是本人或其下级。", "Nobody stands below themselves or those below them."
        ),
        "department_loop": Text(422, "部门不能放在自己的下级之下。", "A department cannot be moved below itself."),
        "own_account": Text(409, "不能停用自己的账号。", "You cannot disable your own account."),
        "dial_window_invalid": Text(
            422, "拨打时段必须在 08:30–21:30 之内。", "The dial window must lie inside 08:30-21:30."
        ),
        "not_departed": Text(
            409, "只能删除已离职的员工，请先办理离职。", "Only employees who have left can be deleted."
        ),
        "already_departed": Text(409, "该员工已离职。", "This employee has left already."),
        "verification_over": Text(
            404,
            "认证码已失效，请联系管理员重新出示。",
            "This code is not valid any more; ask your administrator to show a new one.",
        ),
        "too_many_codes": Text(
            429, "失效的认证码过多，请稍后再试。", "Too many codes that are not valid; please try again later."
        ),
        "verification_unavailable": Text(
            409,
            "未开通扫码认证，请联系平台核实。",
            "Verification by a code is not available here; the operator verifies names.",
        ),
        "provider_unavailable": Text(
            503,
            "实名核验服务暂时不可用，请稍后重试。",
            "The service that verifies names is unavailable for a moment; please try again.",
        ),
        "consent_missing": Text(422, "请先同意实名认证授权。", "Please agree to the verification first."),
        "identity_invalid": Text(
            422, "身份证号有误，请核对后重新填写。", "This is not a valid identity number; please correct it."
        ),
        "identity_mismatch": Text(
            422, "姓名与身份证号不一致。", "The name and the identity number do not belong together."
        ),
    }
)
