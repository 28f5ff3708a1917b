"""客户 and 待办 in a real Chromium: searched and opened on a phone, revealed in place, paged in place."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright, expect

from clinic import todos
from store.vault import Vault
from tests.support import browser as chromium
from tests.support.api_driver import copied, make_scene
from tests.support.console_driver import PASSWORD, console_desk
from tests.support.records import NOW, fang, meet

if TYPE_CHECKING:
    from pathlib import Path

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="phone"), pytest.param(WIDE, id="desk")])
async def test_a_patient_is_searched_opened_and_read(tmp_path: Path, size: dict[str, int]) -> None:
    path = await asyncio.to_thread(chromium.find)
    if path is None:
        pytest.skip("no Chromium can be found: install Debian's chromium to see the console")
    scene = await make_scene(tmp_path)
    vault, complaints = Vault("a secret of the tests"), []
    async with console_desk(scene, copied(scene, tmp_path)) as desk, async_playwright() as playwright:
        async with desk.database.write() as session:
            await fang(session, vault)
            await meet(session, vault, "wm-stranger", "小明")
            for number in range(40):
                await todos.ask(
                    session,
                    key=f"k{number}",
                    kind="x",
                    assignee=todos.MANAGER,
                    title=f"第 {number} 件事",
                    body="",
                    now=NOW + timedelta(days=1, minutes=number),
                    patient_id=1,
                )
        browser = await playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        page = await browser.new_page(viewport=size, locale="zh-CN")
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.goto(f"{desk.url}/console/login?next=/console/patients")
        await page.get_by_label("密码").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()

        await page.get_by_label("找谁").fill("芳芳")
        await page.keyboard.press("Enter")
        found = page.get_by_label("客户列表")
        await expect(found.get_by_role("link")).to_have_count(1)
        assert "芳" not in page.url  # nobody's name stands in an address
        await found.get_by_role("link").click()
        await page.wait_for_url("**/console/patients/1")

        await expect(page.get_by_role("heading", level=1)).to_have_text("芳芳妈妈🌸")
        await expect(page.locator("#identity")).to_contain_text("138****8000")
        await page.get_by_role("button", name="显示完整").click()
        await expect(page.locator("#identity")).to_contain_text("13800138000")
        assert page.url.endswith("/console/patients/1")

        story = page.locator("#story li")
        await expect(story).to_have_count(31)  # thirty moments and the way to more
        await page.get_by_role("button", name="更早的经过").click()
        await expect(page.locator("#story")).to_contain_text("标签 需求/想种牙：规则 implant-keyword")
        await expect(page.get_by_role("button", name="更早的经过")).to_have_count(0)

        for address in (
            "/console/patients",
            "/console/patients/1",
            "/console/patients/doubles",
            "/console/todos?whose=all",
            "/console/",
        ):
            await page.goto(desk.url + address)
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], address
            unnamed = await page.evaluate(
                "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
                ".filter(field => !field.labels.length && !field.ariaLabel).map(field => field.name)"
            )
            assert unnamed == [], address
        await browser.close()
    assert complaints == []
