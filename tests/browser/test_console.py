"""The console in a real Chromium: by keyboard, on a phone's width, without JavaScript, under its own policy."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from sop.life import PostState
from tests.support import browser as chromium
from tests.support.api_driver import Scene, copied, make_scene
from tests.support.console_driver import PASSWORD, Desk, console_desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PAGES = (
    "/console/",
    "/console/review",
    "/console/review/1",
    "/console/week",
    "/console/year",
    "/console/posts",
    "/console/posts/1",
    "/console/posts/1/edit",
    "/console/channels",
    "/console/channels/of/front-desk",
    "/console/channels/greetings?channel=front-desk&contact=again",
    "/console/imports",
    "/console/accounts",
    "/console/pauses",
    "/console/standing",
    "/console/staff",
    "/console/staff/xiaohu",
    "/console/groups",
    "/console/groups/wr-1",
    "/console/nowhere",
)

# One browser for all of them, so one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Staff:
    """A member of staff with a browser; whatever the browser minds is kept."""

    desk: Desk
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def page(self, path: str, **context: Any) -> Page:
        """Log in and open a page."""
        page = await self.browser.new_page(**({"viewport": WIDE, "locale": "zh-CN"} | context))
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))
        page.on("console", lambda said: self._listen(said.type, said.text))
        await page.goto(f"{self.desk.url}/console/login?next={path}")
        await page.get_by_label("密码").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        await page.wait_for_url(f"{self.desk.url}{path}")
        return page

    def _listen(self, kind: str, text: str) -> None:
        # A status of 4xx is logged by every browser; it is an answer here, not a fault.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    async def state(self, post_id: int) -> str:
        return (await self.desk.one(post_id)).state


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return asyncio.run(make_scene(tmp_path_factory.mktemp("scene")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = await asyncio.to_thread(chromium.find)
    if path is None:
        pytest.skip("no Chromium can be found: install Debian's chromium to see the console")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield launched
        await launched.close()


@asynccontextmanager
async def at_work(browser: Browser, scene: Scene, folder: Path) -> AsyncIterator[Staff]:
    async with console_desk(scene, copied(scene, folder)) as desk:
        await desk.login()
        await desk.plan()
        staff = Staff(desk=desk, browser=browser)
        try:
            yield staff
        finally:
            for context in browser.contexts:
                await context.close()
        assert staff.complaints == []


async def test_a_batch_is_reviewed_with_the_keyboard_alone(
    browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    async with at_work(browser, scene, tmp_path) as staff:
        page = await staff.page("/console/review/1")
        keys = page.keyboard

        await keys.press("j")
        await expect(page.locator("#post-1")).to_be_focused()
        await keys.press("a")
        await expect(page.locator("#toast")).to_contain_text("已通过：内容 #1")
        await expect(page.locator("#batch-head")).to_contain_text("已处理 1 / 3 条")
        await expect(page.locator("#post-3")).to_be_focused()

        await keys.press("r")
        reason = page.locator("#reject-3-reason")
        await expect(reason).to_be_focused()
        await keys.type("口吻不像我们")
        await keys.press("Enter")
        await expect(page.locator("#post-3")).to_contain_text("已退回")
        await expect(page.locator("#post-4")).to_be_focused()

        await keys.press("e")
        text = page.locator("#post-4 textarea[name=text]")
        await expect(text).to_be_focused()
        await text.fill("全城最好的种植牙")
        await expect(page.locator("#post-4 .check-line")).to_contain_text("必须修改")
        await expect(page.locator("#text-4 mark")).to_have_count(1)
        await text.fill("忙了一周，记得早点睡。")
        await expect(page.locator("#post-4 .check-line")).to_contain_text("没有发现问题")
        await page.get_by_role("button", name="保存").click()
        await expect(page.locator("#post-4").get_by_text("第 2 版", exact=True)).to_be_visible()

        await keys.press("?")
        await expect(page.locator("#keys")).to_be_visible()
        await keys.press("Escape")
        await expect(page.locator("#keys")).to_be_hidden()

        assert await staff.state(1) == PostState.APPROVED
        assert await staff.state(3) == PostState.REJECTED
        assert await staff.state(4) == PostState.IN_REVIEW


async def approve_the_rest(page: Page) -> None:
    """Approve what waits, as often as the head is replaced below the hand: it follows a moment after a post."""
    confirm = page.get_by_role("button", name="确认全部通过")
    async with asyncio.timeout(20):
        while True:
            if not await confirm.is_visible():
                await page.get_by_role("button", name=re.compile("^全部通过")).click()
            with suppress(PlaywrightTimeoutError):
                await confirm.click(timeout=1_500)
                return


async def test_what_was_edited_in_place_is_approved_with_the_rest(
    browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    async with at_work(browser, scene, tmp_path) as staff:
        page = await staff.page("/console/review/1")
        await page.locator("#post-1").get_by_role("button", name="编辑").click()
        await page.locator("#post-1 textarea[name=text]").fill("雨停了，路还滑，慢慢走。")
        await page.get_by_role("button", name="保存").click()
        await expect(page.locator("#post-1").get_by_text("第 2 版", exact=True)).to_be_visible()

        await approve_the_rest(page)

        await expect(page.locator("main .notice").first).to_contain_text("已通过 3 条内容")
        assert await staff.state(1) == PostState.APPROVED


async def test_a_session_that_ended_leads_to_the_login_and_back(
    browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    async with at_work(browser, scene, tmp_path) as staff:
        page = await staff.page("/console/review/1")
        await page.context.clear_cookies()

        await page.locator("#post-1").get_by_role("button", name="通过").click()
        await page.get_by_label("密码").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()

        await page.wait_for_url("**/console/review/1")
        assert await staff.state(1) == PostState.IN_REVIEW


async def test_everything_can_be_decided_without_javascript(
    browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    async with at_work(browser, scene, tmp_path) as staff:
        page = await staff.page("/console/review/1", java_script_enabled=False, viewport=PHONE)

        await page.locator("#post-1").get_by_role("button", name="通过").click()
        await expect(page.locator("main .notice").first).to_contain_text("已通过：内容 #1")
        await page.locator("#post-3").get_by_role("button", name="退回").click()
        await page.locator("#reject-3-reason").fill("换一张配图")
        await page.get_by_role("button", name="确认退回").click()
        await expect(page.locator("#post-3")).to_contain_text("已退回")
        await page.locator("#post-4").get_by_role("button", name="编辑").click()
        await page.get_by_label("文字").fill("忙了一周，记得早点睡。")
        await page.get_by_role("button", name="保存").click()
        await expect(page.locator("#post-4").get_by_text("第 2 版", exact=True)).to_be_visible()


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="phone"), pytest.param(WIDE, id="desk")])
async def test_no_page_is_wider_than_its_window_or_minded_by_the_browser(
    browser: Browser, scene: Scene, tmp_path: Path, size: dict[str, int]
) -> None:
    async with at_work(browser, scene, tmp_path) as staff:
        page = await staff.page("/console/", viewport=size)
        for path in PAGES:
            await page.goto(staff.desk.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            unnamed = await page.evaluate(
                "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
                ".filter(field => !field.labels.length && !field.ariaLabel).map(field => field.name)"
            )
            assert unnamed == [], path
