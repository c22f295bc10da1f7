"""What people say came of a call, with the words of spreadsheets."""

from __future__ import annotations

from typing import Literal

RESULTS = {
    "connected_interested": "有意向",
    "connected_follow_up": "待跟进",
    "connected_refused": "已拒绝",
    "not_connected": "未接通",
    "wrong_number": "错号",
    "other": "其他",
}
"""Results of a call, with their words in spreadsheets."""


Result = Literal[
    "connected_interested", "connected_follow_up", "connected_refused", "not_connected", "wrong_number", "other"
]


Mark = Literal["connected", "not_connected"]
