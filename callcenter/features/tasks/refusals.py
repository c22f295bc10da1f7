"""Why something about dial tasks and imports cannot be done, in both languages."""

from __future__ import annotations

from callcenter.web.errors import Refusals, Text

REFUSALS = Refusals(
    {
        "task_unknown": Text(404, "任务不存在。", "There is no such task."),
        "task_not_normal": Text(
            409, "任务不是正常状态，不能导入号码。", "Numbers are imported into a task in state normal only."
        ),
        "numbers_secret": Text(
            403, "这是员工的保密任务，不能查看号码。", "This is an employee's secret task; its numbers are not shown."
        ),
        "percent_not_100": Text(
            422, "各员工比例须为正整数，合计 100%。", "Each share is at least 1 percent, and together they are 100."
        ),
        "shares_needed": Text(
            422, "请选择参与分配的员工。", "Choose the employees who get the numbers, each of them once."
        ),
        "task_number_unknown": Text(
            422, "号码不在您的拨打任务中。", "This number is not among those that you have to dial."
        ),
        "nothing_to_claim": Text(409, "没有可领取的号码。", "There are no numbers left to claim."),
        "import_without_failures": Text(409, "该文件没有失败的数据。", "No row of this file has failed."),
        "import_unreadable": Text(
            422, "无法读取文件，请上传 xlsx 或 csv。", "The file cannot be read; an xlsx or csv file is needed."
        ),
        "task_running": Text(409, "正在拨打或导入，请稍后再试。", "A call or an import is still running; try again."),
    }
)
