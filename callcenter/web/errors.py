"""Every error the API answers with: one JSON shape, one stable code, texts in Chinese and English.

`{"error": {"code": "number_invalid", "message": {"zh": "...", "en": "..."}, "details": {...}, "request_id": "..."}}`
"""

from __future__ import annotations

from typing import Any, NamedTuple

from callcenter.domain.spelling import FAULT_WORDS


class Text(NamedTuple):
    status: int
    zh: str
    en: str


CATALOGUE: dict[str, Text] = {
    # Session and permission
    "not_signed_in": Text(401, "请先登录。", "Please sign in."),
    "bad_credentials": Text(401, "账号或密码不正确。", "The login or the password is wrong."),
    "too_many_attempts": Text(
        429, "登录失败次数过多，请稍后再试。", "Too many failed attempts; please try again later."
    ),
    "account_inactive": Text(
        403, "该账号已停用，请联系管理员。", "This account is not active; ask your administrator."
    ),
    "forbidden": Text(403, "您没有执行此操作的权限。", "You are not allowed to do this."),
    "bad_origin": Text(403, "请求来源不被允许。", "The request comes from an origin that is not allowed."),
    "bad_host": Text(
        421,
        "请通过本机地址访问，或在设置 public_origin 中填写访问域名。",
        "This host name is not one of ours; set public_origin to the address that people type.",
    ),
    "too_many_requests": Text(
        429, "同时进行的请求过多，请稍后再试。", "Too many requests at once; please try again in a moment."
    ),
    "request_timeout": Text(408, "请求内容接收超时，请重试。", "The request did not arrive in time; please try again."),
    "password_weak": Text(
        422, "密码至少 8 位，且不能与账号相同。", "Use at least 8 characters, not equal to the login."
    ),
    # Requests
    "not_found": Text(404, "没有找到所请求的内容。", "What you asked for does not exist."),
    "method_not_allowed": Text(405, "不支持该请求方法。", "This method is not supported here."),
    "bad_json": Text(400, "请求内容不是有效的 JSON。", "The body is not valid JSON."),
    "invalid": Text(422, "提交的内容有误，请检查后重试。", "Something in the request is not valid; see details."),
    "too_large": Text(413, "提交的内容过大。", "The body is too large."),
    "conflict": Text(409, "与现有数据冲突。", "This conflicts with what is there already."),
    "internal": Text(500, "服务器内部错误，已记录。", "Something went wrong on our side; it has been logged."),
    "database_unavailable": Text(
        503, "数据库暂时不可用，请稍后重试。", "The database is unavailable for a moment; please try again."
    ),
    "storage_full": Text(507, "存储空间不足。", "There is no space left on the storage."),
    # Gates before dialling (SPEC §B3)
    "not_an_agent": Text(403, "当前账号没有拨号功能。", "This account cannot make calls."),
    "not_logged_in": Text(409, "请先签入再拨号。", "Sign in to the phone before dialling."),
    "phone_not_registered": Text(
        409, "您的话机未注册，请检查软电话或话机。", "Your phone is not registered; check the softphone or desk phone."
    ),
    "phones_unavailable": Text(
        503, "电话系统暂时不可用，正在恢复。", "The telephone system is unavailable for a moment; it is being restored."
    ),
    "shutting_down": Text(
        503,
        "系统即将停机，暂不接受新呼叫；进行中的通话不受影响。",
        "The system is about to stop and takes no new calls; running calls go on.",
    ),
    "already_dialling": Text(409, "您已有正在进行的通话。", "You already have a call."),
    "number_invalid": Text(422, "号码无效，请检查后重拨。", "This is not a valid number."),
    "blacklisted": Text(403, "该号码在黑名单中，不能拨打。", "This number is on the blacklist."),
    "destination_closed": Text(
        403, "该目的地未开放（其他国家、高资费或卫星号码）。", "Calls to this destination are not open to your company."
    ),
    "emergency_by_hand": Text(
        403, "紧急号码只能手动拨打。", "Emergency numbers are dialled by hand only, never by tasks or forwarding."
    ),
    "own_number_by_hand": Text(
        403,
        "这是本公司自己的号码，只能手动拨打，否则呼入会绕回来。",
        "This is one of your company's own numbers: dialled by hand only, because such a call comes in again.",
    ),
    "day_limit_reached": Text(409, "今日呼出次数已达上限。", "Your company has made all calls it may make today."),
    "number_limit_reached": Text(409, "该号码今日拨打次数已达上限。", "This number was called often enough today."),
    "outside_dial_window": Text(403, "当前不在可拨打时段内。", "It is outside the hours in which calls may be made."),
    "no_package": Text(402, "没有可用的语音包，请联系管理员。", "You have no voice package for this kind of call."),
    "minutes_used_up": Text(
        402, "语音包分钟数已用完，请联系管理员。", "The minutes of your voice package are used up."
    ),
    "no_seat": Text(403, "您还没有坐席号，请联系管理员分配。", "You have no seat; ask your administrator for one."),
    "no_inbound_number": Text(
        409,
        "还没有呼入号码，请先在「技能组」中为技能组设置呼入号码。",
        "No number leads in yet; give a group one under Groups first.",
    ),
    "no_bound_number": Text(
        403, "坐席未绑定外显号码，不能拨打。", "No number is bound to your seat, so it cannot dial."
    ),
    "no_bound_phone": Text(
        403, "坐席未绑定手机，无法使用该呼叫方式。", "No outside phone is bound to your seat for this calling mode."
    ),
    "line_not_open": Text(409, "请先开通点拨线路。", "Open your line before you dial in this mode."),
    "call_through_off": Text(403, "企业未设置呼转接入号。", "The company has no access number for call-through."),
    "key_reused": Text(422, "幂等键已用于其他请求。", "This idempotency key was used for another request."),
    "key_missing": Text(400, "缺少 Idempotency-Key 请求头。", "The Idempotency-Key header is missing."),
    "dialling_suspended": Text(
        403, "平台已暂停本企业的拨打，请联系管理员。", "The operator has suspended your company's dialling."
    ),
    "not_verified": Text(
        403,
        "您尚未通过实名认证，不能呼出，请联系管理员。",
        "Your real name is not verified, so you cannot dial; ask your administrator.",
    ),
    "balance_negative": Text(
        402, "账户余额不足, 请先联系管理员充值后再拨打。", "The company's balance is too low; ask your administrator."
    ),
    # Calls
    "call_not_found": Text(404, "通话不存在或已结束。", "There is no such call, or it is over."),
    "call_not_talking": Text(409, "通话尚未接通。", "The call is not connected."),
    "call_running": Text(409, "请在通话结束后再操作。", "Wait until the call is over."),
    "move_not_possible": Text(409, "当前通话状态不支持该操作。", "The call does not allow this right now."),
    "seat_unknown": Text(422, "坐席不存在。", "There is no such seat."),
    "seat_assigned": Text(409, "该坐席已分配给员工，请先收回。", "An employee has this seat; take it back first."),
    "employee_has_seat": Text(409, "该员工已有坐席。", "This employee has a seat already."),
    "code_taken": Text(409, "该坐席号已存在。", "This seat code is taken."),
    "phone_taken": Text(409, "该手机已绑定到其他坐席。", "This outside phone is bound to another seat."),
    "number_bound": Text(409, "该号码已绑定坐席，请先解绑。", "This number is bound to a seat; unbind it first."),
    "seat_has_number": Text(
        409, "该坐席已绑定同类号码，请先解绑。", "This seat has a number of this kind; unbind that one first."
    ),
    "number_inactive": Text(409, "该号码已停用，不能绑定。", "An inactive number cannot be bound."),
    "number_unknown": Text(422, "号码不存在。", "There is no such number."),
    "number_twice": Text(422, "号码重复。", "This number is there twice."),
    "rows_invalid": Text(422, "部分行有误，未作任何更改。", "Some rows are not valid, so nothing was changed."),
    "number_unconfirmed": Text(
        409,
        "该号码尚未确认属于贵公司，已提交平台确认，确认后即可使用。",
        "The operator has not confirmed yet that this number is yours; it has been asked, try again afterwards.",
    ),
    "access_number_taken": Text(
        409, "该号码已用作呼入或其他企业的接入号。", "This number takes calls for a group, or is another company's."
    ),
    "held_on_phone": Text(
        409, "话机上仍在保持，请在话机上取消保持。", "The phone itself holds the call; resume it there."
    ),
    "target_invalid": Text(422, "请只选择一个目标。", "Name exactly one target."),
    "colleague_unreachable": Text(409, "对方话机未注册。", "Your colleague's phone is not registered."),
    "colleague_busy": Text(409, "对方正在通话中。", "Your colleague is on a call."),
    "digits_invalid": Text(422, "按键只能是 0-9、*、#。", "Only the digits 0-9, * and # can be sent."),
    "state_not_choosable": Text(422, "不能手动选择该状态。", "This state cannot be chosen."),
    "no_wrap_up": Text(409, "当前没有话后整理可以延长。", "There is no after-call work to extend."),
    "reason_unknown": Text(422, "未知的示忙原因。", "Unknown reason."),
    "unknown_command": Text(400, "未知的指令。", "Unknown command."),
    "recording_not_ready": Text(409, "录音正在处理，请稍后。", "The recording is still being processed."),
    "recording_missing": Text(404, "该通话没有录音。", "This call has no recording."),
    "range_invalid": Text(416, "请求的范围无效。", "The requested range cannot be served."),
    # Organisation and packages
    "login_taken": Text(409, "该登录账号已被使用。", "This login is taken."),
    "name_taken": Text(409, "名称已存在。", "This name is taken."),
    "number_taken": Text(409, "该号码已被使用。", "This number is in use already."),
    "role_unknown": Text(422, "角色不存在。", "There is no such role."),
    "department_unknown": Text(422, "部门不存在。", "There is no such department."),
    "department_not_empty": Text(
        409, "请先移走部门内的员工和下级部门。", "Move its employees and sub-departments first."
    ),
    "superior_unknown": Text(422, "没有这位直属上级，或已离职。", "There is no such superior, or they left."),
    "superior_loop": Text(422, "直属上级不能是本人或其下级。", "Nobody stands below themselves or those below them."),
    "department_loop": Text(422, "部门不能放在自己的下级之下。", "A department cannot be moved below itself."),
    "employee_unknown": Text(422, "员工不存在。", "There is no such employee."),
    "group_unknown": Text(422, "技能组不存在。", "There is no such group."),
    "group_has_numbers": Text(409, "该组仍绑定呼入号码，请先解除。", "Inbound numbers still lead to this group."),
    "group_is_overflow": Text(
        409, "有其他技能组将来电溢出到该组，请先修改。", "Another group's callers overflow to this group."
    ),
    "group_has_callbacks": Text(
        409, "该组仍有客户等待回电，请先处理。", "Callers of this group still wait to be called back."
    ),
    "greeting_must_be_music": Text(
        422,
        "播报排队位置或提供回电需要先应答来电并播放音乐。",
        "Announcements and callbacks need the greeting `music`: an unanswered caller cannot hear or press anything.",
    ),
    "overflow_loop": Text(422, "溢出设置形成循环。", "The groups' overflows would form a circle."),
    "overflow_number_unknown": Text(
        422, "溢出号码必须是本企业在职员工的手机号。", "Callers may overflow only to an employee's own phone."
    ),
    "hours_unknown": Text(422, "营业时间不存在。", "There are no such business hours."),
    "hours_invalid": Text(422, "营业时间设置有误，请检查时段。", "These hours are not valid; see details."),
    "hours_in_use": Text(409, "仍有号码使用该营业时间。", "A number still keeps these hours."),
    "audio_invalid": Text(422, "无法读取该音频文件。", "There is no sound in this file that can be read."),
    "callback_over": Text(409, "该回电请求已结束。", "This request to be called back is over."),
    "callback_running": Text(409, "正在回拨该客户，请稍后再试。", "This caller is being called back right now."),
    "own_account": Text(409, "不能停用自己的账号。", "You cannot disable your own account."),
    "dial_window_invalid": Text(
        422, "拨打时段必须在 08:30–21:30 之内。", "The dial window must lie inside 08:30-21:30."
    ),
    # Packages and orders
    "company_unverified": Text(
        403, "企业尚未通过认证，不能购买和拨打。", "The company is not verified, so it can neither buy nor dial."
    ),
    "script_not_approved": Text(
        403,
        "话术尚未报备通过，不能购买和拨打。",
        "The company's script is not approved, so it can neither buy nor dial.",
    ),
    "employee_unverified": Text(422, "员工尚未实名认证。", "An employee is not verified."),
    "offering_unknown": Text(422, "套餐不存在。", "There is no such offering."),
    "offering_not_on_sale": Text(409, "该套餐已下架。", "This is not on sale any more."),
    "offering_differs": Text(422, "所选语音包不是该套餐购买的。", "This package was not bought as that offering."),
    "offering_sold": Text(
        409,
        "该套餐已售出，分钟数、有效期和类型不能修改。",
        "It has been sold, so minutes, validity and kind stay as they are.",
    ),
    "offering_invalid": Text(
        422,
        "套餐设置有误，请检查价格和优惠条件。",
        "The prices or the terms of this offering do not fit together; see details.",
    ),
    "trial_used": Text(409, "体验语音包每个企业限购一次。", "Each company may buy a trial package once."),
    "employees_needed": Text(422, "请选择使用该语音包的员工。", "Choose the employees who will use it."),
    "employee_twice": Text(422, "同一员工被选择了两次。", "An employee is chosen twice."),
    "quantity_invalid": Text(
        422, "购买数量与所选员工不符或超出范围。", "The quantity does not fit the employees, or is out of range."
    ),
    "coupon_unknown": Text(422, "优惠券不存在。", "There is no such coupon."),
    "coupon_used": Text(409, "优惠券已使用。", "This coupon has been used."),
    "coupon_expired": Text(409, "优惠券已过期。", "This coupon has expired."),
    "balance_too_low": Text(
        402, "账户余额不足，请先充值。", "The balance of the account is too low; recharge it first."
    ),
    "price_changed": Text(
        409, "价格已变化，请核对后重新确认。", "The price has changed; look at it and confirm again."
    ),
    "not_agreed": Text(422, "请先阅读并同意购买协议。", "Accept the purchase agreement first."),
    "package_unknown": Text(
        422, "语音包不存在或不支持该操作。", "There is no such package, or it cannot be used for this."
    ),
    "package_full": Text(409, "可分配数量不足，请先加购。", "There is no place left in this package; buy more first."),
    "package_expired": Text(409, "语音包已过期或尚未生效。", "This package is not valid now."),
    "package_in_use": Text(
        409,
        "该员工正在使用此语音包通话，请稍后再试。",
        "A call of this employee is using the package; try again later.",
    ),
    "package_not_shared": Text(409, "只有共享语音包可以收回。", "Only a shared package can be taken back."),
    "already_on_package": Text(409, "该员工已在使用此语音包。", "This employee uses the package already."),
    "employee_not_on_package": Text(422, "该员工没有使用此语音包。", "This employee does not use the package."),
    "line_differs": Text(
        409, "固定语音包只能移交给同一线路的员工。", "A fixed package can only go to an employee on the same line."
    ),
    "mode_differs": Text(
        422, "加油包的呼叫方式与语音包不同。", "A top-up must be of the same calling mode as its package."
    ),
    "action_not_possible": Text(409, "该语音包不支持此操作。", "This cannot be done with a package of this kind."),
    "company_unknown": Text(422, "企业不存在。", "There is no such company."),
    "not_departed": Text(409, "只能删除已离职的员工，请先办理离职。", "Only employees who have left can be deleted."),
    "already_departed": Text(409, "该员工已离职。", "This employee has left already."),
    # Real names
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
    # Money, licences, numbers, points, invoices
    "period_too_long": Text(422, "时间段不能超过 31 天。", "A period may have at most 31 days."),
    "recharge_reviewed": Text(409, "该充值已审核。", "This recharge was reviewed before."),
    "recharge_not_open": Text(
        409,
        "所选充值未到账、已开票或不存在。",
        "A chosen recharge has not arrived, is invoiced already or is not there.",
    ),
    "payment_expired": Text(410, "付款码已失效，请重新充值。", "The pay code is no longer valid; start again."),
    "payment_settled": Text(409, "该款项已处理。", "This payment was dealt with before."),
    "bank_unavailable": Text(409, "平台未开通银行转账。", "The platform takes no bank transfers."),
    "payment_unavailable": Text(409, "未开通在线支付。", "Online payment is not available here."),
    "document_missing": Text(422, "请上传文件。", "A file is needed."),
    "document_invalid": Text(
        422, "只接受 5 MB 以内的 JPG、PNG 或 PDF 文件。", "Only JPG, PNG and PDF files of at most 5 MB are accepted."
    ),
    "licences_used_up": Text(
        409, "员工坐席数量不足，请先购买坐席。", "All employee licences are in use; buy more first."
    ),
    "licences_unlimited": Text(409, "本企业的员工坐席不限数量。", "This company has no limit of employees."),
    "standard_unknown": Text(422, "请选择首次购买的账号标准。", "Choose a standard for the first purchase."),
    "company_expired": Text(
        409,
        "企业系统有效期已过，请联系平台续期。",
        "The company's validity is over; the operator of the platform can extend it.",
    ),
    "pack_unknown": Text(422, "点数包不存在。", "There is no such pack of points."),
    "no_ai_seat": Text(409, "没有有效的 AI 坐席。", "The company has no AI seat that is valid now."),
    "quantity_above_seats": Text(422, "申请数量不能超过企业坐席数。", "No more numbers than the company has seats."),
    "application_closed": Text(409, "该申请已处理完毕。", "This application is closed."),
    "too_many_numbers": Text(422, "派发数量超过申请数量。", "These are more numbers than were asked for."),
    "number_not_assigned": Text(409, "该号码尚未分配给员工。", "This number is not assigned to an employee."),
    "number_not_activated": Text(409, "号码激活后才能绑定坐席。", "Only an activated number can be bound."),
    "number_not_bound": Text(409, "该号码未绑定坐席。", "This number is bound to no seat."),
    "number_not_leaving": Text(409, "该号码没有退网申请。", "Nobody asked to give this number back."),
    "number_not_taken": Text(
        409, "员工尚未领取并激活该号码。", "The employee has not taken this number and activated it."
    ),
    "number_activated": Text(409, "该号码已激活。", "This number is activated already."),
    "number_leaving": Text(409, "该号码正在退网。", "This number is being given back."),
    "number_retired": Text(409, "该号码已退网。", "This number was given back."),
    "number_of_platform": Text(
        409, "平台派发的号码请在直拨号页面操作。", "The platform supplies this number; see the page of direct numbers."
    ),
    "identity_used_up": Text(409, "同一身份证最多激活 5 个号码。", "One identity card activates five numbers at most."),
    "letter_missing": Text(
        422,
        "发票抬头与企业名称不一致，请上传授权书。",
        "Another name than the company's needs a letter of authorisation.",
    ),
    "invoice_field_missing": Text(422, "请补全开票信息。", "Something the invoice must say is missing."),
    "invoice_answered": Text(409, "该开票申请已处理。", "This request was answered before."),
    # Dial tasks
    "task_unknown": Text(404, "任务不存在。", "There is no such task."),
    "task_not_normal": Text(
        409, "任务不是正常状态，不能导入号码。", "Numbers are imported into a task in state normal only."
    ),
    "numbers_secret": Text(
        403, "这是员工的保密任务，不能查看号码。", "This is an employee's secret task; its numbers are not shown."
    ),
    "percent_not_100": Text(
        422, "各员工比例须为正整数，合计 100%。", "Each share is at least 1 percent, and together they are 100."
    ),
    "shares_needed": Text(
        422, "请选择参与分配的员工。", "Choose the employees who get the numbers, each of them once."
    ),
    "task_number_unknown": Text(
        422, "号码不在您的拨打任务中。", "This number is not among those that you have to dial."
    ),
    "nothing_to_claim": Text(409, "没有可领取的号码。", "There are no numbers left to claim."),
    "import_without_failures": Text(409, "该文件没有失败的数据。", "No row of this file has failed."),
    "import_too_large": Text(413, "文件过大，每次最多导入 20 万行。", "The file is too large; 200,000 rows at a time."),
    "import_unreadable": Text(
        422, "无法读取文件，请上传 xlsx 或 csv。", "The file cannot be read; an xlsx or csv file is needed."
    ),
    "import_line_too_long": Text(
        422, "文件中有一行过长，不像号码表。", "A line of the file is too long to be a row of numbers; see details."
    ),
    "file_too_heavy": Text(
        422,
        "打开该文件所需的时间或内存超出限制，请拆分或另存后重试。",
        "Opening this file takes more time or memory than is allowed; split it or save it anew.",
    ),
    "exports_busy": Text(
        429, "正在生成的表格过多，请稍后再试。", "Too many spreadsheets are being made; try again in a moment."
    ),
    "uploads_busy": Text(
        429, "正在处理的上传过多，请稍后再试。", "Too many uploads are at work; try again in a moment."
    ),
    "task_running": Text(409, "正在拨打或导入，请稍后再试。", "A call or an import is still running; try again."),
    # CRM
    "duplicate": Text(409, "客户已存在。", "This customer exists already."),
    "country_unknown": Text(422, "没有这个国家或地区。", "There is no such country or region."),
    "customer_unknown": Text(422, "客户不存在。", "There is no such customer."),
    "owner_unknown": Text(422, "跟进人不存在。", "There is no such owner."),
}


_FAULTS = {fault.value: words for fault, words in FAULT_WORDS.items()}


class ApiError(Exception):
    """Answers a request with an error of the catalogue."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code if code in CATALOGUE else "internal"
        self.details = details

    @property
    def status(self) -> int:
        return CATALOGUE[self.code].status


def words_of(code: str, details: dict[str, Any]) -> dict[str, str]:
    """What went wrong in both languages; a number that cannot be read says why."""
    text = CATALOGUE[code]
    if code == "number_invalid" and details.get("reason") in _FAULTS:
        zh, en = _FAULTS[details["reason"]]
        return {"zh": f"号码无效：{zh}。", "en": f"This is not a valid number: {en}."}
    return {"zh": text.zh, "en": text.en}


def body_of(code: str, details: dict[str, Any], request_id: str) -> dict[str, Any]:
    """The one error shape."""
    return {
        "error": {
            "code": code,
            "message": words_of(code, details),
            "details": details,
            "request_id": request_id,
        }
    }
