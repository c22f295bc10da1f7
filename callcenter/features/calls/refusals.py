"""Why something about calls: gates before a dial (SPEC §B3), moves, recordings cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "account_inactive": Text(
            403, "该账号已停用，请联系管理员。", "This account is not active; ask your administrator."
        ),
        "not_an_agent": Text(403, "当前账号没有拨号功能。", "This account cannot make calls."),
        "not_logged_in": Text(409, "请先签入再拨号。", "Sign in to the phone before dialling."),
        "phone_not_registered": Text(
            409,
            "您的话机未注册，请检查软电话或话机。",
            "Your phone is not registered; check the softphone or desk phone.",
        ),
        "phones_unavailable": Text(
            503,
            "电话系统暂时不可用，正在恢复。",
            "The telephone system is unavailable for a moment; it is being restored.",
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
            403,
            "该目的地未开放（其他国家、高资费或卫星号码）。",
            "Calls to this destination are not open to your company.",
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
        "outside_dial_window": Text(
            403, "当前不在可拨打时段内。", "It is outside the hours in which calls may be made."
        ),
        "no_package": Text(402, "没有可用的语音包，请联系管理员。", "You have no voice package for this kind of call."),
        "minutes_used_up": Text(
            402, "语音包分钟数已用完，请联系管理员。", "The minutes of your voice package are used up."
        ),
        "no_seat": Text(403, "您还没有坐席号，请联系管理员分配。", "You have no seat; ask your administrator for one."),
        "no_bound_number": Text(
            403, "坐席未绑定外显号码，不能拨打。", "No number is bound to your seat, so it cannot dial."
        ),
        "no_bound_phone": Text(
            403, "坐席未绑定手机，无法使用该呼叫方式。", "No outside phone is bound to your seat for this calling mode."
        ),
        "line_not_open": Text(409, "请先开通点拨线路。", "Open your line before you dial in this mode."),
        "call_through_off": Text(403, "企业未设置呼转接入号。", "The company has no access number for call-through."),
        "dialling_suspended": Text(
            403, "平台已暂停本企业的拨打，请联系管理员。", "The operator has suspended your company's dialling."
        ),
        "not_verified": Text(
            403,
            "您尚未通过实名认证，不能呼出，请联系管理员。",
            "Your real name is not verified, so you cannot dial; ask your administrator.",
        ),
        "balance_negative": Text(
            402,
            "账户余额不足, 请先联系管理员充值后再拨打。",
            "The company's balance is too low; ask your administrator.",
        ),
        "call_not_found": Text(404, "通话不存在或已结束。", "There is no such call, or it is over."),
        "call_not_talking": Text(409, "通话尚未接通。", "The call is not connected."),
        "move_not_possible": Text(409, "当前通话状态不支持该操作。", "The call does not allow this right now."),
        "held_on_phone": Text(
            409, "话机上仍在保持，请在话机上取消保持。", "The phone itself holds the call; resume it there."
        ),
        "target_invalid": Text(422, "请只选择一个目标。", "Name exactly one target."),
        "colleague_unreachable": Text(409, "对方话机未注册。", "Your colleague's phone is not registered."),
        "colleague_busy": Text(409, "对方正在通话中。", "Your colleague is on a call."),
        "digits_invalid": Text(422, "按键只能是 0-9、*、#。", "Only the digits 0-9, * and # can be sent."),
        "no_wrap_up": Text(409, "当前没有话后整理可以延长。", "There is no after-call work to extend."),
        "unknown_command": Text(400, "未知的指令。", "Unknown command."),
        "recording_not_ready": Text(409, "录音正在处理，请稍后。", "The recording is still being processed."),
        "recording_missing": Text(404, "该通话没有录音。", "This call has no recording."),
        "callback_over": Text(409, "该回电请求已结束。", "This request to be called back is over."),
        "callback_running": Text(409, "正在回拨该客户，请稍后再试。", "This caller is being called back right now."),
        "company_unverified": Text(
            403, "企业尚未通过认证，不能购买和拨打。", "The company is not verified, so it can neither buy nor dial."
        ),
        "script_not_approved": Text(
            403,
            "话术尚未报备通过，不能购买和拨打。",
            "The company's script is not approved, so it can neither buy nor dial.",
        ),
        "company_expired": Text(
            409,
            "企业系统有效期已过，请联系平台续期。",
            "The company's validity is over; the operator of the platform can extend it.",
        ),
    }
)
