"""What the audit log says of the operator's desk, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "numbers.dispatched": Action(
            "numbers", Kind.APPLICATION, "下发直拨号", "Dispatched direct numbers", fields={"numbers": Kind.COUNT}
        ),
        "numbers.refused": Action("numbers", Kind.APPLICATION, "结束直拨号申请", "Ended a number application"),
        "number_leave.reviewed": Action("numbers", Kind.NUMBER, "审核退号", "Reviewed a number given back"),
        "recharge.reviewed": Action("money", Kind.TEXT, "审核充值", "Reviewed a recharge"),
        "payment.booked": Action(
            "money", Kind.TEXT, "异常到账入账", "Booked a stray payment", fields={"company": Kind.COMPANY}
        ),
        "payment.refunded": Action(
            "money", Kind.TEXT, "异常到账退款", "Refunded a stray payment", fields={"company": Kind.COMPANY}
        ),
        "invoice.answered": Action("money", Kind.INVOICE, "处理发票申请", "Answered an invoice request"),
        "company.opened": Action("platform", Kind.COMPANY, "开通企业", "Opened a company"),
        "company.changed": Action("platform", Kind.COMPANY, "修改企业", "Changed a company"),
        "offering.added": Action("platform", Kind.OFFERING, "新建套餐", "Added an offering"),
        "offering.changed": Action("platform", Kind.OFFERING, "修改套餐", "Changed an offering"),
        "coupon.made": Action("platform", Kind.COUPON, "发放优惠券", "Made a coupon", fields={"company": Kind.COMPANY}),
        "prices.changed": Action("platform", Kind.TEXT, "修改价格", "Changed prices"),
    }
)
