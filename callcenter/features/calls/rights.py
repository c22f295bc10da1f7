"""What people may be allowed to do with calls."""

from __future__ import annotations

from callcenter.web.permissions import Right, Rights

RIGHTS = Rights(
    {
        "calls.dial": Right("拨打电话", "Place calls", ("agent", "supervisor")),
        "calls.view": Right("查看通话记录", "See the call log", ("agent", "supervisor", "admin")),
        "calls.control": Right("通话控制", "Move running calls", ("agent", "supervisor", "admin")),
        "calls.supervise": Right("监听与强插", "Listen to and join calls", ("supervisor", "admin")),
        "calls.export": Right("导出通话记录", "Export the call log", ("supervisor", "admin")),
        "recordings.play": Right("收听录音", "Play recordings", ("agent", "supervisor", "admin")),
        "live.view": Right("实时看板", "Live dashboard", ("supervisor", "admin")),
    }
)
