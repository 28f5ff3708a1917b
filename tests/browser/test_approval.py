"""One post all the way in a real browser: approved in the console, tapped and seen on phone pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.support import browser as chromium
from tests.support.clinic import PASSWORD, Clinic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium can be found: install Debian's chromium to see the console")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        try:
            yield await browser.new_page(viewport=WIDE, locale="zh-CN")
        finally:
            await browser.close()


async def sign_in(page: Page, clinic: Clinic) -> None:
    await page.goto(f"{clinic.url}/console/")
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await expect(page).to_have_url(f"{clinic.url}/console/")


async def test_a_post_approved_in_the_console_is_published_on_the_patients_phone(
    clinic: Clinic, page: Page
) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["persona"] == "doctor-zhang" and p["kind"] == "moment")
    first_line = post["text"].splitlines()[0]

    await sign_in(page, clinic)
    await page.goto(f"{clinic.url}/console/posts/{post['id']}")
    await expect(page.get_by_text(first_line).first).to_be_visible()
    await page.get_by_role("button", name="通过", exact=True).first.click()
    await clinic.state_of(post["id"], "approved")

    clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))
    await clinic.state_of(post["id"], "awaiting_sender")

    phones = clinic.sandbox.phones_url
    await page.set_viewport_size(PHONE)
    await page.goto(f"{phones}#/members/zhang.wei/moments")
    await page.get_by_test_id("tap-publish").first.click()
    patients = (await clinic.phone("members", "zhang.wei"))["chats"]
    await page.goto(f"{phones}#/patients/{patients[0]['external_userid']}/moments")
    await expect(page.get_by_test_id("moment").filter(has_text=first_line)).to_be_visible()

    clinic.clock.advance(timedelta(minutes=15))
    ended = await clinic.state_of(post["id"], "published")
    assert ended["push"]["counts"]["sent"] == len(patients)
    await page.set_viewport_size(WIDE)
    await page.goto(f"{clinic.url}/console/posts/{post['id']}")
    await expect(page.get_by_text("已发布").first).to_be_visible()
