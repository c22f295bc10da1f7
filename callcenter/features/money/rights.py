"""What people may be allowed to do with money."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "wallet.view": Right("查看账户", "See the wallet", ("admin",)),
        "wallet.spend": Right("账户支付", "Spend from the wallet", ("admin",)),
    }
)
