"""What the audit log says of money, licences and invoices, in both languages."""

from __future__ import annotations

from callcenter.web.audit_words import Action, Actions, Kind

ACTIONS = Actions(
    {
        "recharge.begun": Action("money", Kind.TEXT, "发起在线充值", "Began a recharge"),
        "recharge.applied": Action("money", Kind.TEXT, "提交线下充值", "Sent in a transfer"),
        "invoice.asked": Action("money", Kind.INVOICE, "申请发票", "Asked for an invoice"),
        "licences.bought": Action("money", Kind.LICENCES, "购买坐席授权", "Bought licences"),
        "points.bought": Action("money", Kind.TEXT, "购买点数", "Bought points"),
        "ai_wallet.moved": Action("money", Kind.TEXT, "AI 钱包划转", "Moved money of the AI wallet"),
        "bank_account.changed": Action("platform", Kind.TEXT, "修改收款账户", "Changed the account for transfers"),
    }
)
