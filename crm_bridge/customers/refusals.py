"""Why something about customers cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "duplicate": Text(409, "客户已存在。", "This customer exists already."),
        "customer_unknown": Text(422, "客户不存在。", "There is no such customer."),
        "owner_unknown": Text(422, "跟进人不存在。", "There is no such owner."),
    }
)
