"""Why something about groups, hours, inbound numbers and announcements cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "access_number_taken": Text(
            409, "该号码已用作呼入或其他企业的接入号。", "This number takes calls for a group, or is another company's."
        ),
        "name_taken": Text(409, "名称已存在。", "This name is taken."),
        "group_unknown": Text(422, "技能组不存在。", "There is no such group."),
        "group_has_numbers": Text(409, "该组仍绑定呼入号码，请先解除。", "Inbound numbers still lead to this group."),
        "group_is_overflow": Text(
            409, "有其他技能组将来电溢出到该组，请先修改。", "Another group's callers overflow to this group."
        ),
        "group_has_callbacks": Text(
            409, "该组仍有客户等待回电，请先处理。", "Callers of this group still wait to be called back."
        ),
        "greeting_must_be_music": Text(
            422,
            "播报排队位置或提供回电需要先应答来电并播放音乐。",
            "Announcements and callbacks need the greeting `music`: an unanswered caller can hear and press nothing.",
        ),
        "overflow_loop": Text(422, "溢出设置形成循环。", "The groups' overflows would form a circle."),
        "overflow_number_unknown": Text(
            422, "溢出号码必须是本企业在职员工的手机号。", "Callers may overflow only to an employee's own phone."
        ),
        "hours_unknown": Text(422, "营业时间不存在。", "There are no such business hours."),
        "hours_invalid": Text(422, "营业时间设置有误，请检查时段。", "These hours are not valid; see details."),
        "hours_in_use": Text(409, "仍有号码使用该营业时间。", "A number still keeps these hours."),
        "audio_invalid": Text(422, "无法读取该音频文件。", "There is no sound in this file that can be read."),
    }
)
