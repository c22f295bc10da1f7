"""Why something about voice packages and orders cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
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
        "coupon_unknown": Text(422, "优惠券不存在。", "There is no such coupon."),
        "coupon_used": Text(409, "优惠券已使用。", "This coupon has been used."),
        "coupon_expired": Text(409, "优惠券已过期。", "This coupon has expired."),
        "not_agreed": Text(422, "请先阅读并同意购买协议。", "Accept the purchase agreement first."),
        "package_unknown": Text(
            422, "语音包不存在或不支持该操作。", "There is no such package, or it cannot be used for this."
        ),
        "package_full": Text(
            409, "可分配数量不足，请先加购。", "There is no place left in this package; buy more first."
        ),
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
        "period_too_long": Text(422, "时间段不能超过 31 天。", "A period may have at most 31 days."),
    }
)
