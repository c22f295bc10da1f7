"""Why something about seats, outside numbers and direct numbers cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
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
        "number_taken": Text(409, "该号码已被使用。", "This number is in use already."),
        "quantity_above_seats": Text(
            422, "申请数量不能超过企业坐席数。", "No more numbers than the company has seats."
        ),
        "application_closed": Text(409, "该申请已处理完毕。", "This application is closed."),
        "too_many_numbers": Text(422, "派发数量超过申请数量。", "These are more numbers than were asked for."),
        "number_not_assigned": Text(409, "该号码尚未分配给员工。", "This number is not assigned to an employee."),
        "number_not_activated": Text(409, "号码激活后才能绑定坐席。", "Only an activated number can be bound."),
        "number_not_bound": Text(409, "该号码未绑定坐席。", "This number is bound to no seat."),
        "number_not_taken": Text(
            409, "员工尚未领取并激活该号码。", "The employee has not taken this number and activated it."
        ),
        "number_activated": Text(409, "该号码已激活。", "This number is activated already."),
        "number_leaving": Text(409, "该号码正在退网。", "This number is being given back."),
        "number_retired": Text(409, "该号码已退网。", "This number was given back."),
        "number_of_platform": Text(
            409,
            "平台派发的号码请在直拨号页面操作。",
            "The platform supplies this number; see the page of direct numbers.",
        ),
        "identity_used_up": Text(
            409, "同一身份证最多激活 5 个号码。", "One identity card activates five numbers at most."
        ),
        "country_unknown": Text(422, "没有这个国家或地区。", "There is no such country or region."),
    }
)
