"""Groups, hours, announcements, lines and those who wait for a call, for pictures."""

from fixtures import CUSTOMERS, ago, ahead

RULES = {
    "strategy": "longest_idle", "ring_seconds": 20, "max_wait_seconds": 120, "max_length": 0, "greeting": "music",
    "announce_seconds": 30, "weight": 0, "widen_seconds": 0, "sticky": "none", "sticky_seconds": 15, "overflow": "hang_up",
    "overflow_group_id": None, "overflow_number": "", "callback_offered": False,
}
GROUPS = [
    {**RULES, "id": 1, "name": "售前咨询", "queue": "q-1", "member_ids": [2, 4, 6, 8], "levels": {"2": 1, "4": 1, "6": 2, "8": 3},
     "numbers": ["+8657188001200"], "widen_seconds": 20, "sticky": "owner", "callback_offered": True, "overflow": "voicemail"},
    {**RULES, "id": 2, "name": "售后服务", "queue": "q-2", "member_ids": [1, 3, 5, 7], "levels": {"1": 1, "3": 1, "5": 1, "7": 1},
     "numbers": ["+8657188001201"], "strategy": "fewest_calls", "greeting": "ringback", "announce_seconds": 0, "overflow": "group", "overflow_group_id": 1},
]
NUMBERS = [
    {"id": 1, "number": "+8657188001200", "display": "0571 8800 1200", "group_id": 1, "group": "售前咨询", "priority": 0, "hours_id": 1, "closed_action": "voicemail"},
    {"id": 2, "number": "+8657188001201", "display": "0571 8800 1201", "group_id": 2, "group": "售后服务", "priority": 5, "hours_id": None, "closed_action": "hang_up"},
]
DAY = [{"start": "09:00", "end": "12:00"}, {"start": "13:30", "end": "18:00"}]
HOURS = [
    {"id": 1, "name": "工作日", "weekly": {str(day): DAY for day in range(1, 6)} | {"6": [{"start": "10:00", "end": "16:00"}], "7": []}, "time_zone": "Asia/Shanghai",
     "holidays": [{"date": "2026-10-01", "name": "国庆节", "intervals": []}, {"date": "2026-10-10", "name": "调休上班", "intervals": DAY}],
     "open_now": False, "next_opening": ahead(hours=11), "numbers": ["+8657188001200"]},
    {"id": 2, "name": "全天", "weekly": {str(day): [{"start": "00:00", "end": "24:00"}] for day in range(1, 8)}, "holidays": [], "time_zone": "Asia/Shanghai",
     "open_now": True, "next_opening": None, "numbers": []},
]
PROMPTS = [
    {"kind": "greeting", "name": "欢迎致电南山木作.mp3", "duration": 6.4, "created_at": ago(days=9)},
    {"kind": "voicemail", "name": "请留言.wav", "duration": 4.1, "created_at": ago(days=3)},
]


def known(index: int, group: int = 0) -> dict:
    one = CUSTOMERS[index]
    number = one["numbers"][0]
    brief = {"id": one["id"], "name": one["name"], "kind": one["kind"], "level": "", "source": "", "progress": ""} if index != 5 else None
    return {"group": {"id": GROUPS[group]["id"], "name": GROUPS[group]["name"]}, "number": number["number"], "number_display": number["display"], "customer": brief}


MISSED = [
    {**known(i), "call_id": f"m-{i}", "at": ago(minutes=7 + 21 * i), "times": 1 + (i == 1) * 2, "waited_seconds": 18 + 9 * i, "end_reason": "abandoned", "returned_by": None, "returned_at": None, "reached": False}
    for i in (1, 5, 3)
]
VOICEMAILS = [
    {**known(i), "id": i + 1, "call_id": f"v-{i}", "duration": 14.5 + i, "at": ago(minutes=12 + 64 * i), "heard_by": {"id": 1, "name": "林书遥"} if i == 4 else None, "heard_at": ago(minutes=3) if i == 4 else None}
    for i in (2, 5, 4)
]
CALLBACKS = [
    {**known(i), "id": i + 1, "queued_at": ago(minutes=4 + 6 * i), "state": "dialling" if i == 0 else "waiting", "attempts": i % 2, "next_try_at": ahead(minutes=6), "employee": None, "last_call_id": None, "ended_at": None}
    for i in (0, 1)
]
QUEUES = {
    "1": {"id": 1, "name": "售前咨询", "waiting": 3, "oldest_since": ago(seconds=74), "expected_seconds": 95, "callbacks": 2, "missed": 3, "voicemails": 2, "agents": {"ready": 0, "busy": 3, "total": 4}, "member_ids": [2, 4, 6, 8]},
    "2": {"id": 2, "name": "售后服务", "waiting": 0, "oldest_since": None, "expected_seconds": 22, "callbacks": 0, "missed": 0, "voicemails": 0, "agents": {"ready": 2, "busy": 1, "total": 4}, "member_ids": [1, 3, 5, 7]},
}
