"""Why something about money, licences and invoices cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "key_reused": Text(422, "幂等键已用于其他请求。", "This idempotency key was used for another request."),
        "quantity_invalid": Text(
            422, "购买数量与所选员工不符或超出范围。", "The quantity does not fit the employees, or is out of range."
        ),
        "balance_too_low": Text(
            402, "账户余额不足，请先充值。", "The balance of the account is too low; recharge it first."
        ),
        "price_changed": Text(
            409, "价格已变化，请核对后重新确认。", "The price has changed; look at it and confirm again."
        ),
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
        "licences_used_up": Text(
            409, "员工坐席数量不足，请先购买坐席。", "All employee licences are in use; buy more first."
        ),
        "licences_unlimited": Text(409, "本企业的员工坐席不限数量。", "This company has no limit of employees."),
        "standard_unknown": Text(422, "请选择首次购买的账号标准。", "Choose a standard for the first purchase."),
        "pack_unknown": Text(422, "点数包不存在。", "There is no such pack of points."),
        "no_ai_seat": Text(409, "没有有效的 AI 坐席。", "The company has no AI seat that is valid now."),
        "letter_missing": Text(
            422,
            "发票抬头与企业名称不一致，请上传授权书。",
            "Another name than the company's needs a letter of authorisation.",
        ),
        "invoice_field_missing": Text(422, "请补全开票信息。", "Something the invoice must say is missing."),
        "invoice_answered": Text(409, "该开票申请已处理。", "This request was answered before."),
    }
)
