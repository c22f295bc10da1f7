"""What the audit log says of calls, in both languages."""

from __future__ import annotations

from callcenter.domain.terms import Gate
from callcenter.features.calls.refusals import REFUSALS
from callcenter.web.audit_words import Action, Actions, Codes, Kind, Words

ACTIONS = Actions(
    {
        "softphone.foreign_identity": Action(
            "access", Kind.TEXT, "软电话冒用他人账号", "Softphone used another account"
        ),
        "dial.refused": Action("calls", Kind.NUMBER, "拨号被拒绝", "Dialling refused"),
        "call.hang_up": Action("calls", Kind.CALL, "挂断自己的通话", "Hung up own call"),
        "call.end": Action("calls", Kind.CALL, "强制结束通话", "Ended a call"),
        "call.marked": Action("calls", Kind.CALL, "标记接通情况", "Marked a call"),
        "call.listen": Action("calls", Kind.CALL, "监听", "Listened to a call"),
        "call.whisper": Action("calls", Kind.CALL, "耳语", "Whispered into a call"),
        "call.barge": Action("calls", Kind.CALL, "强插", "Barged into a call"),
        "call.take_over": Action("calls", Kind.CALL, "接管通话", "Took over a call"),
        "calls.exported": Action("calls", Kind.TEXT, "导出通话记录", "Exported the call log"),
        "recording.played": Action("calls", Kind.CALL, "播放录音", "Played a recording"),
        "voicemail.played": Action("calls", Kind.VOICEMAIL, "收听留言", "Played a voicemail"),
        "callback.cancelled": Action("calls", Kind.CALLBACK, "取消回呼", "Cancelled a callback"),
        "agent.state_forced": Action("calls", Kind.EMPLOYEE, "更改坐席状态", "Changed an agent's state"),
    }
)
CODES = Codes({"gate": {one.value: Words(REFUSALS[one.value].zh, REFUSALS[one.value].en) for one in Gate}})
