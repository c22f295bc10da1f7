"""Why something about the operator's desk cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "no_inbound_number": Text(
            409,
            "还没有呼入号码，请先在「技能组」中为技能组设置呼入号码。",
            "No number leads in yet; give a group one under Groups first.",
        ),
        "company_unknown": Text(422, "企业不存在。", "There is no such company."),
        "number_not_leaving": Text(409, "该号码没有退网申请。", "Nobody asked to give this number back."),
    }
)
