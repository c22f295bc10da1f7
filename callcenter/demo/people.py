"""The demo's customers, each with a number of the simulated network, and what its platform sells."""

from __future__ import annotations

from typing import Any

from callcenter.demo.company import DemoCustomer

INBOUND = "02160000001"

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

OFFERINGS: list[dict[str, Any]] = [
    {
        "name": "畅享包",
        "kind": "non_shared",
        "mode": "direct",
        "also_mode": "callback",
        "minutes": 1000,
        "days": 30,
        "price": 138_00,
        "description": "每人一个，分钟数互不共享。",
    },
    {
        "name": "畅聊包",
        "kind": "non_shared",
        "offer": "limited",
        "mode": "direct",
        "also_mode": "callback",
        "minutes": 2000,
        "days": 30,
        "price": 168_00,
        "list_price": 199_00,
        "per_employee": 2,
        "description": "限时特惠，每员工最多享 2 次特惠价。",
    },
    {
        "name": "团队共享包",
        "kind": "shared",
        "mode": "direct",
        "minutes": 1000,
        "days": 30,
        "price": 128_00,
        "description": "分钟数进入同一个池，由分配的员工共用。",
    },
    {
        "name": "点拨套餐",
        "kind": "fixed",
        "mode": "point",
        "line": "点拨线路",
        "minutes": 20_000,
        "days": 30,
        "price": 198_00,
        "description": "先选员工再购买，每人各一个。",
    },
    {
        "name": "体验包",
        "kind": "non_shared",
        "offer": "trial",
        "mode": "direct",
        "minutes": 120,
        "days": 7,
        "price": 9_90,
        "description": "每家企业限购一次。",
    },
]
"""In the shape of `ledger.catalogue.add_offering`; without `offer` regular, without `list_price` at one price."""
