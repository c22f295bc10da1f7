"""The demo's customers: each one's number is one of the simulated network's."""

from __future__ import annotations

from callcenter.seed import DemoCustomer

INBOUND = "02160000001"
DISPLAY = "02160000000"

CUSTOMERS = [
    DemoCustomer(
        "personal",
        "王芳",
        ("13800000001",),
        ("重点", "老客户"),
        level="A类",
        progress="意向1",
        open_note="周五前回复报价",
    ),
    DemoCustomer(
        "enterprise",
        "杭州启明科技有限公司",
        ("13800000002", "13800000011"),
        ("续费",),
        company_name="杭州启明科技有限公司",
        level="A类",
        progress="报价",
    ),
    DemoCustomer("personal", "刘洋", ("13800000003",), ("新线索",), level="C类"),
    DemoCustomer("personal", "赵雪", ("13800000021",), ("常占线",), level="B类"),
    DemoCustomer(
        "enterprise",
        "苏州蓝湖设计有限公司",
        ("13800000012",),
        ("新线索", "设计"),
        company_name="苏州蓝湖设计有限公司",
        progress="初访",
    ),
    DemoCustomer("personal", "孙悦", ("13800000020",), ("未接通",), level="D类"),
    DemoCustomer("personal", "回声测试", ("13800000050",), ("测试",), level="DD", source="自建资源"),
    DemoCustomer("personal", "李建国", ("13900000001",), ("老客户",), level="A类", open_note="要求周一回访"),
]
