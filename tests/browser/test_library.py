"""Issue 6's own measure: somebody edits an item, sees what is wrong at its words, mends it, sends it to review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import Page, expect

from tests.browser.test_approval import PHONE, WIDE, page, sign_in  # noqa: F401  (page is a fixture)

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

KEY = "moment.li.rice-pea"
BAD = "牙膏挤多少？米粒大，我们的方法效果最好。"
GOOD = "牙膏挤多少？三岁以前米粒大，三到六岁豌豆大。"


async def test_an_item_is_edited_corrected_at_its_words_and_sent_to_review(
    clinic: Clinic,
    page: Page,  # noqa: F811
) -> None:
    await sign_in(page, clinic)
    await page.get_by_role("link", name="内容库").first.click()
    await page.get_by_label("找什么").fill("粮食")
    await page.get_by_label("找什么").press("Enter")
    await page.locator(f'a[href$="{KEY}"]').click()

    text = page.get_by_label("文字", exact=True)
    await text.fill(BAD)
    preview = page.get_by_label("朋友圈预览")
    await expect(preview.locator("mark.finding-block")).to_contain_text("最好")
    await expect(page.locator("#check-library")).to_contain_text("现在不能保存")
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("alert").first).to_contain_text("最好")

    await text.fill(GOOD)
    await expect(page.locator("#check-library")).to_contain_text("没有发现问题")
    await expect(preview.locator("mark")).to_have_count(0)
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_text("已存为第 2 版")).to_be_visible()

    await page.set_viewport_size(PHONE)  # the rest on a phone
    await page.get_by_label("发送时间").fill("2026-12-03T12:10")
    await page.get_by_role("button", name="送去审核").click()
    await expect(page.get_by_text("已送去审核")).to_be_visible()
    await page.set_viewport_size(WIDE)

    [post] = [one for one in await clinic.posts(state="in_review") if one["content_key"] == KEY]
    assert (post["text"], post["persona"]) == (GOOD, "doctor-li")
