"""An employee leaves, in the page: what there is to pass on is shown before, and done as it was shown."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Browser, expect

from callcenter.demo.client import Client
from callcenter.demo.company import DemoCustomer, make_customer
from callcenter.features.numbers.seats import make_seat
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.store.base import utcnow
from tests.browser.test_minutes import picture
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import PASSWORD, Installation, until

pytestmark = pytest.mark.browser


async def test_who_leaves_passes_on_what_is_not_signed(chromium: Browser, floor: Installation) -> None:
    mark = secrets.token_hex(2)
    company_id = await make_company(floor.database, f"松石贸易{mark}", operates=False)
    people = {}
    for login, name, role in (("head", "周敏", "admin"), ("qin", "秦越", "agent"), ("he", "何苗", "agent")):
        made = await make_employee(
            floor.database, company_id, login=f"{login}-{mark}", name=name, role_code=role, password=PASSWORD
        )
        people[login] = made.employee_id
    await make_seat(floor.database, company_id, people["qin"], direct=f"02164{secrets.randbelow(10**6):06d}")
    async with floor.database.write() as connection:
        for index, name in enumerate(("王芳", "李建国", "陈晓")):
            customer = DemoCustomer("personal", name, (f"1371234000{index}",), ())
            await make_customer(connection, company_id, people["qin"], customer, utcnow())
    operator = await floor.client("admin")
    await operator.request("PATCH", f"/api/platform/companies/{company_id}", {"licences": 5})

    await _give_numbers(await floor.client(f"head-{mark}"), people["qin"])

    # The agent signs one of the three.
    qin = await sign_in(chromium, floor.url, f"qin-{mark}")
    await qin.locator("[data-testid^=customer-row-]", has_text="李建国").first.click()
    await qin.get_by_test_id("customer-sign").click()
    await expect(qin.get_by_test_id("customer-signed")).to_be_visible(timeout=PATIENCE)
    await picture(qin, "customer-signed")

    head = await sign_in(chromium, floor.url, f"head-{mark}")
    await head.goto(f"{floor.url}/admin/employees")
    await head.locator("tr", has_text="秦越").get_by_role("button", name="更多").click()
    await head.get_by_test_id(f"depart-{people['qin']}").click()
    plan = head.get_by_test_id("depart-plan")
    await expect(plan.locator("li", has_text="未签约客户")).to_contain_text("2", timeout=PATIENCE)
    await expect(plan.locator("li", has_text="已签约客户")).to_contain_text("1")
    await expect(plan.locator("li", has_text="未拨任务号码")).to_contain_text("4")
    await expect(plan.locator("li", has_text="未拨任务号码")).to_contain_text("退回任务")
    await head.get_by_test_id("depart-to").click()
    await head.get_by_role("option", name="何苗").click()
    await expect(plan.locator("li", has_text="未签约客户")).to_contain_text("转给 何苗", timeout=PATIENCE)
    await expect(plan.locator("li", has_text="坐席")).to_contain_text("转给 何苗")
    await expect(plan.locator("li", has_text="未拨任务号码")).to_contain_text("转给 何苗")
    await head.get_by_test_id("depart-name").fill("秦越")
    await picture(head, "depart-plan")
    await head.get_by_test_id("depart-save").click()
    await expect(head.get_by_test_id("depart-done")).to_contain_text(
        "转移客户 2 位（已签约 1 位不动）", timeout=PATIENCE
    )
    await expect(head.get_by_test_id("depart-done")).to_contain_text("未拨任务号码 4 个已转给 何苗")
    await picture(head, "depart-done")

    he = await sign_in(chromium, floor.url, f"he-{mark}")
    rows = he.locator("[data-testid^=customer-row-]")
    await expect(rows).to_have_count(2, timeout=PATIENCE)
    assert not any("李建国" in one for one in await rows.all_inner_texts())
    await he.get_by_test_id("nav-dial").click()
    await expect(he.get_by_test_id("dial-left")).to_have_text("4", timeout=PATIENCE)
    for page in (qin, head, he):
        await page.context.close()


async def _give_numbers(client: Client, employee_id: int) -> None:
    """A dial task whose four numbers are all one employee's."""
    shares = [{"employee_id": employee_id, "percent": None}]
    wanted = {"name": "秋季回访", "claim": "assigned", "rule": "average_chosen", "shares": shares}
    path = f"/api/dial-tasks/{(await client.post('/api/dial-tasks', wanted))['id']}"
    await client.post(f"{path}/imports", {"text": "\n".join(f"1371234100{index}" for index in range(4))})

    async def imported() -> bool:
        return bool((await client.get(path))["undialled"] == 4)

    await until(imported, "the numbers to be imported")
