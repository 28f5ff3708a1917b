"""The sandbox's phones in a real Chromium: what people see, what they tap, and that it is live."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.support import browser as chromium
from tests.support.sandbox_driver import FrozenClock, Program, callback_server, program_of
from wecom.sandbox import Rules, Sandbox, running_sandbox
from wecom.sandbox.api import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import ConsoleMessage

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
HOSTILE = "<img src=x onerror=\"window.owned='yes'\"><b>粗</b>"


@dataclass
class Desk:
    """A tenant, a program that works for it, and a browser to look at both."""

    sandbox: Sandbox
    program: Program
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def patient(self, name: str) -> str:
        return next(id_ for id_, one in self.sandbox.tenant.corp.customers.items() if one.name == name)

    def group(self, name: str) -> str:
        return next(id_ for id_, one in self.sandbox.tenant.corp.groups.items() if one.name == name)

    async def page(self, address: str = "", *, size: dict[str, int] | None = None, **context: Any) -> Page:
        """Open the phones at an address such as ``members/xiaohu``; whatever the browser minds is kept."""
        page = await self.browser.new_page(viewport=size or WIDE, locale="zh-CN", **context)
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))
        page.on("console", self._listen)
        await page.goto(f"{self.sandbox.phones_url}#/{address}")
        await expect(page.get_by_test_id("overview")).to_be_attached()
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    async def moment(self, text: str, *senders: str) -> None:
        """Let the program make a moment that waits on its senders' phones."""
        answer = await self.program.post(
            "externalcontact/add_moment_task",
            {
                "text": {"content": text},
                "attachments": [
                    {"msgtype": "image", "image": {"media_id": await self.program.moment_image()}}
                ],
                "visible_range": {"sender_list": {"user_list": list(senders)}},
            },
        )
        assert answer["errcode"] == 0, answer


# One browser for all of them, so one event loop: starting Chromium takes longer than any of these tests.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def chromium_path() -> str:
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium can be found: install Debian's chromium to see the phones")
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=list(chromium.ARGUMENTS)
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def open_desk(
    browser: Browser, *, callback_url: str | None = None, scene: str = "small"
) -> AsyncIterator[Desk]:
    rules = Rules(moment_job_s=0, dispatch_s=0)
    async with (
        running_sandbox(now=FrozenClock(), callback_url=callback_url, rules=rules, scene=scene) as sandbox,
        program_of(sandbox) as program,
    ):
        desk = Desk(sandbox, program, browser)
        try:
            yield desk
        finally:
            for context in browser.contexts:
                await context.close()
    assert desk.complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser) -> AsyncIterator[Desk]:
    async with open_desk(browser) as desk:
        yield desk


def phone(page: Page, some_id: str) -> Locator:
    return page.locator(f"[data-testid=phone][data-id='{some_id}']")


async def test_people_are_found_in_the_overview_and_their_phones_lie_side_by_side(desk: Desk) -> None:
    page = await desk.page()
    people = page.get_by_test_id("person")
    await expect(people).to_have_count(6 + 3 + 30)

    await page.get_by_placeholder("找一位患者").fill("糖糖")
    await people.filter(has_text="糖糖妈妈").click()
    await page.locator("[data-testid=person][data-id='li.na']").click()

    phones = page.get_by_test_id("phone")
    await expect(phones).to_have_count(2)
    left, right = await phones.nth(0).bounding_box(), await phones.nth(1).bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    await page.reload()
    await expect(phones).to_have_count(2)
    await phones.nth(0).get_by_label("收起糖糖妈妈的手机").click()
    await expect(phones).to_have_count(1)
    await page.get_by_role("link", name="回到总览").click()
    await expect(phones).to_have_count(0)
    await expect(page.get_by_role("heading", name="一间门诊的所有手机")).to_be_visible()


async def test_a_new_patient_scans_the_front_desks_code_and_sees_the_welcome_arrive(desk: Desk) -> None:
    page = await desk.page()
    await page.get_by_test_id("scan").click()
    await page.get_by_label("微信昵称").fill("小雨点")
    await page.get_by_label("添加哪位成员").select_option("xiaohu")
    await page.get_by_label("扫的是哪个码").select_option(label="前台扫码")
    await page.get_by_test_id("scan-add").click()

    messages = page.get_by_test_id("phone").get_by_test_id("message")
    await expect(messages.first).to_have_text("你已添加了小护，现在可以开始聊天了。")
    patient = desk.patient("小雨点")
    follow = desk.sandbox.tenant.corp.follow("xiaohu", patient)
    assert follow is not None
    assert follow.state == "front-desk"

    code = next(c for c in desk.sandbox.tenant.people._welcomes.values() if c.external_userid == patient)
    image = await desk.program.image()
    card = {"title": "在线预约", "pic_media_id": image, "appid": "wx0123456789abcdef", "page": "pages/book"}
    link = {"title": "第一次来看牙", "desc": "一页说清", "url": "https://clinic.example/first"}
    answer = await desk.program.post(
        "externalcontact/send_welcome_msg",
        {
            "welcome_code": code.code,
            "text": {"content": "小雨点您好，我是小护"},
            "attachments": [
                {"msgtype": "link", "link": link},
                {"msgtype": "miniprogram", "miniprogram": card},
                {"msgtype": "image", "image": {"media_id": image}},
            ],
        },
    )
    assert answer["errcode"] == 0, answer

    await expect(messages).to_have_count(5)
    await expect(messages.nth(1)).to_contain_text("小雨点您好，我是小护")
    first_visit = messages.nth(2).get_by_role("link")
    await expect(first_visit).to_have_attribute("href", "https://clinic.example/first")
    await expect(first_visit).to_have_attribute("rel", re.compile("noopener"))
    await expect(messages.nth(3)).to_contain_text("小程序")
    await messages.nth(4).get_by_role("button", name="查看图片").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_a_moment_is_published_with_a_tap_and_reaches_the_patients_beside(desk: Desk) -> None:
    me = desk.patient("阿杰")
    await desk.moment("晚上睡前的三分钟", "xiaohu")
    page = await desk.page(f"members/xiaohu/moments?open=members/xiaohu/moments,patients/{me}/moments")
    staff, patient = phone(page, "xiaohu"), phone(page, me)
    await expect(patient.get_by_text("还没有朋友圈")).to_be_visible()
    await expect(staff.get_by_test_id("task-moment")).to_contain_text("晚上睡前的三分钟")

    await staff.get_by_test_id("tap-publish").click()

    seen = patient.get_by_test_id("moment")
    await expect(seen).to_contain_text("晚上睡前的三分钟")
    await expect(seen.locator("img")).to_have_count(1)
    await expect(staff.get_by_test_id("task-moment")).to_have_count(0)
    await seen.get_by_test_id("like").click()
    await expect(seen.get_by_test_id("like")).to_have_text("已赞")
    await expect(staff.get_by_test_id("moment")).to_contain_text("阿杰")


async def test_a_patient_never_sees_who_else_likes_a_moment(desk: Desk) -> None:
    await desk.moment("种植第三天", "zhang.wei")
    moment = desk.sandbox.tenant.moments.of_member("zhang.wei")[0]
    await desk.program.act("publish-moment", userid="zhang.wei", moment_id=moment.moment_id)
    pair = {"userid": "zhang.wei", "external_userid": desk.patient("大海无量"), "moment_id": moment.moment_id}
    await desk.program.act("like-moment", **pair)
    await desk.program.act("comment-moment", **pair, text="谢谢张医生")

    page = await desk.page(f"patients/{desk.patient('老周')}/moments")

    await expect(page.get_by_test_id("moment")).to_contain_text("种植第三天")
    await expect(page.get_by_test_id("moment")).not_to_contain_text("大海无量")
    await expect(page.get_by_test_id("moment")).not_to_contain_text("谢谢张医生")


async def test_a_group_task_is_sent_to_the_groups_that_were_chosen(desk: Desk) -> None:
    chosen, other = desk.group("微笑口腔·护牙福利社"), desk.group("微笑口腔·儿牙成长营")
    text = {"content": "护牙小课堂"}
    answer = await desk.program.post(
        "externalcontact/add_msg_template", {"chat_type": "group", "sender": "xiaohu", "text": text}
    )
    assert answer["errcode"] == 0, answer
    page = await desk.page(
        f"members/xiaohu/tasks?open=members/xiaohu/tasks,groups/{chosen},groups/{other}",
    )
    task = page.get_by_test_id("task-mass")

    await task.get_by_label("微笑口腔·儿牙成长营").uncheck()
    await task.get_by_test_id("tap-send").click()

    await expect(task).to_have_attribute("data-state", "sent")
    await expect(task).to_contain_text("已发送")
    said = phone(page, chosen).get_by_test_id("message")
    await expect(said).to_contain_text("小护")
    await expect(said).to_contain_text("护牙小课堂")
    await expect(phone(page, other).get_by_test_id("message")).to_have_count(0)


async def test_a_tap_on_a_card_calls_back_and_the_updated_card_is_shown(browser: Browser) -> None:
    async with callback_server() as server, open_desk(browser, callback_url=server.url) as desk:
        server.trust(desk.sandbox)
        agent = desk.sandbox.connection["agent_id"]
        card = {
            "card_type": "button_interaction",
            "main_title": {"title": "小护的朋友圈待审批"},
            "task_id": "batch-1@1",
            "button_selection": {
                "question_key": "scope",
                "option_list": [{"id": "all", "text": "全部"}, {"id": "safe", "text": "只通过没有提示的"}],
            },
            "button_list": [
                {"text": "通过", "style": 1, "key": "approve"},
                {"text": "驳回", "style": 3, "key": "reject"},
            ],
        }
        await desk.program.post(
            "message/send",
            {"touser": "chen.jing", "agentid": agent, "msgtype": "template_card", "template_card": card},
        )
        page = await desk.page("members/chen.jing/app")
        shown = page.get_by_test_id("card")

        await shown.get_by_role("combobox").select_option("safe")
        await shown.get_by_role("button", name="通过", exact=True).click()
        await expect(shown).to_contain_text("等待应用更新")
        await desk.sandbox.callbacks.idle()
        event = server.events[0]
        assert (event["EventKey"], event["FromUserName"]) == ("approve", "chen.jing")
        assert event["SelectedItems"]["SelectedItem"]["OptionIds"]["OptionId"] == "safe"
        await desk.program.post(
            "message/update_template_card",
            {
                "userids": ["chen.jing"],
                "agentid": agent,
                "response_code": event["ResponseCode"],
                "button": {"replace_name": "已通过"},
            },
        )

        await expect(shown.get_by_role("button")).to_have_count(1)
        await expect(shown.get_by_role("button", name="已通过")).to_be_disabled()


async def test_every_kind_of_message_is_shown_for_what_it_says(desk: Desk) -> None:
    agent = desk.sandbox.connection["agent_id"]
    thumb = await desk.program.image()
    article = {
        "title": "种植牙护理",
        "digest": "三分钟看完",
        "thumb_media_id": thumb,
        "content": "<p>正文</p>",
    }
    notice = {
        "appid": "wx1234567890123456",
        "title": "复诊提醒",
        "content_item": [{"key": "时间", "value": "周三 10:00"}, {"key": "医生", "value": "张伟"}],
        "emphasis_first_item": True,
    }
    for message in ({"mpnews": {"articles": [article]}}, {"miniprogram_notice": notice}):
        body = {"touser": "sun.yue", "agentid": agent, "msgtype": next(iter(message))} | message
        assert (await desk.program.post("message/send", body))["errcode"] == 0
    page = await desk.page("members/sun.yue/app", size=PHONE)

    news = page.locator('[data-kind="mpnews"]')
    await expect(news).to_contain_text("种植牙护理")
    await expect(news).to_contain_text("三分钟看完")
    await expect(news.locator("img")).to_have_attribute("src", re.compile(thumb))
    told = page.locator('[data-kind="miniprogram_notice"]')
    await expect(told.locator("strong")).to_have_text("周三 10:00")
    await expect(told.locator("dl")).to_have_text("医生张伟")

    account = (await desk.program.act("create-kf-account", name="专属客服"))["open_kfid"]
    entered = await desk.program.act("kf-enter", open_kfid=account, name="阿青")
    chat = {"open_kfid": account, "external_userid": entered["external_userid"]}
    await desk.program.act("kf-write", **chat, text="想加医生")
    group = desk.group("微笑口腔·护牙福利社")
    said = {"open_kfid": account, "touser": chat["external_userid"], "msgtype": "business_card"}
    assert (await desk.program.post("kf/send_msg", said | {"business_card": {"userid": "zhang.wei"}}))[
        "errcode"
    ] == 0
    offer = chat | {"type": 2, "groupchat": {"chat_id": group, "wording": "来群里坐坐"}}
    assert (await desk.program.post("kf/customer/upgrade_service", offer))["errcode"] == 0

    page = await desk.page(f"patients/{chat['external_userid']}/kf/{account}", size=PHONE)
    await expect(page.locator('[data-kind="business_card"]')).to_contain_text("张伟")
    invited = page.locator('[data-kind="upgrade_service"]')
    await expect(invited).to_contain_text("微笑口腔·护牙福利社")
    await expect(invited).to_contain_text("来群里坐坐")
    assert desk.complaints == []


async def test_names_and_texts_from_people_are_never_read_as_html(desk: Desk) -> None:
    added = await desk.program.act("patient-adds-member", userid="xiaohu", name=HOSTILE)
    pair = {"userid": "xiaohu", "external_userid": added["external_userid"]}
    await desk.program.act("patient-writes", **pair, text=f'{HOSTILE}<a href="javascript:alert(1)">点我</a>')
    await desk.program.act("member-edits-patient", **pair, remark=HOSTILE[:20])
    chat = desk.group("微笑口腔·护牙福利社")
    await desk.program.act("change-group", chat_id=chat, name=HOSTILE, notice=HOSTILE)
    him = added["external_userid"]
    page = await desk.page(
        f"patients/{him}/chats/xiaohu?open=patients/{him}/chats/xiaohu,members/xiaohu,groups/{chat}"
    )

    said = phone(page, him).get_by_test_id("message").last
    await expect(said).to_contain_text(HOSTILE)
    await expect(said.get_by_role("link")).to_have_count(0)
    for some_id in (him, "xiaohu", chat):
        await expect(phone(page, some_id)).to_contain_text("<img src=x")
    assert await page.locator("#app img, #app b").count() == 0
    assert await page.evaluate("window.owned") is None


async def test_a_small_screen_holds_one_phone_at_a_time_and_nothing_sticks_out(desk: Desk) -> None:
    me = desk.patient("小鱼儿")
    await desk.moment("早上好呀", "xiaohu")
    chat = desk.group("微笑口腔·护牙福利社")
    pair = f"members/xiaohu/moments,patients/{me}"
    page = await desk.page(f"members/xiaohu/moments?open={pair}", size=PHONE)
    await expect(phone(page, "xiaohu")).to_be_visible()
    await expect(phone(page, me)).to_be_hidden()
    await expect(page.get_by_test_id("overview")).to_be_hidden()
    await page.get_by_role("navigation", name="打开的手机").get_by_role("link", name="小鱼儿").click()
    await expect(phone(page, me)).to_be_visible()
    await expect(phone(page, "xiaohu")).to_be_hidden()

    for address in (
        "",
        "members/xiaohu",
        "members/xiaohu/tasks",
        f"members/xiaohu/customers/{me}",
        f"patients/{me}/chats/xiaohu",
        f"patients/{me}/moments",
        f"groups/{chat}",
        f"groups/{chat}/people",
    ):
        await page.evaluate("address => { location.hash = '/' + address }", address)
        await expect(page.get_by_text("正在打开")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address


async def test_what_is_half_written_survives_what_arrives_and_enter_sends_it(desk: Desk) -> None:
    me = desk.patient("小鱼儿")
    page = await desk.page(f"patients/{me}/chats/xiaohu")
    messages = page.get_by_test_id("message")
    box = page.get_by_label("发给小护")
    await box.press_sequentially("想约周六")

    await desk.program.act("member-writes-patient", userid="xiaohu", external_userid=me, text="在的～")

    await expect(messages.last).to_contain_text("在的～")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("想约周六")
    await box.press_sequentially("上午")
    await box.press("Enter")
    await expect(messages.last).to_contain_text("想约周六上午")
    await expect(box).to_have_value("")
    await expect(box).to_be_focused()


async def test_a_deleted_member_can_be_added_again(desk: Desk) -> None:
    me = desk.patient("小鱼儿")
    page = await desk.page(f"patients/{me}/contacts/xiaohu")
    await page.get_by_role("button", name="删除联系人").click()
    await page.get_by_role("dialog").get_by_role("button", name="删除").click()
    await expect(page.get_by_role("button", name="重新添加")).to_be_visible()
    await page.get_by_role("link", name="发消息").click()
    await expect(page.get_by_text("你已删除这位联系人。")).to_be_visible()

    await page.get_by_role("button", name="重新添加").click()
    await page.get_by_test_id("scan-add").click()

    await expect(page.get_by_label("发给小护")).to_be_visible()


async def test_the_clock_goes_forward_and_a_fault_is_planted_and_taken_back(desk: Desk) -> None:
    page = await desk.page()
    shown = page.get_by_test_id("clock").first
    await expect(shown).to_contain_text("11月23日 周一 09:00")
    await page.get_by_role("button", name="前进 1 小时").click()
    await expect(shown).to_contain_text("10:00")
    await page.get_by_role("button", name="到明早 9 点").click()
    await expect(shown).to_contain_text("11月24日 周二 09:00")

    await page.get_by_test_id("tools").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_label("哪个接口").select_option("externalcontact/send_welcome_msg")
    await sheet.get_by_role("button", name="埋下故障").click()
    await expect(sheet.get_by_text("返回错误码 · 发送欢迎语")).to_be_visible()
    fault = desk.sandbox.tenant.faults.waiting()[0]
    assert (fault.kind, fault.target, fault.errcode) == (
        "errcode",
        "externalcontact/send_welcome_msg",
        45009,
    )
    await sheet.get_by_role("button", name="去掉这个故障").click()
    await expect(sheet.get_by_text("没有故障在等着发生。")).to_be_visible()


async def test_any_errcode_is_planted_for_any_api_for_good_and_with_a_probability(desk: Desk) -> None:
    page = await desk.page(size=PHONE)
    await page.get_by_test_id("tools").click()
    sheet = page.get_by_role("dialog")
    offered = (
        await sheet.get_by_label("哪个接口").locator("option").evaluate_all("all => all.map(o => o.value)")
    )
    assert sorted(offered) == sorted({"*", *(endpoint.path for endpoint in ENDPOINTS)})
    await sheet.get_by_label("哪个接口").select_option("externalcontact/groupchat/get")
    await sheet.get_by_label("错误码").fill("60020")
    await sheet.get_by_label("几次").fill("")
    await sheet.get_by_label("概率 %").fill("25")
    await sheet.get_by_role("button", name="埋下故障").click()
    await expect(
        sheet.get_by_text("返回错误码 · externalcontact/groupchat/get · 60020 · 一直 · 概率 25%")
    ).to_be_visible()
    (fault,) = desk.sandbox.tenant.faults.waiting()
    assert (fault.errcode, fault.times, fault.probability) == (60020, None, 0.25)


async def test_times_are_told_on_chinas_calendar(desk: Desk) -> None:
    page = await desk.page()
    told = await page.evaluate(
        """async () => {
            const { whenText, nextNine } = await import("/sandbox/static/times.js");
            const now = new Date("2026-11-22T16:30:00Z");  // already Monday in China
            const when = ["16:05", "15:59"].map((at) => whenText(`2026-11-22T${at}:00Z`, now));
            return [...when, whenText("2026-11-18T01:00:00Z", now), whenText("2025-12-31T16:00:00Z", now),
                whenText("2025-12-31T15:00:00Z", now), nextNine(now).label, nextNine(now).seconds];
        }"""
    )

    assert told == [
        "00:05",
        "昨天 23:59",
        "周三 09:00",
        "1月1日 00:00",
        "2025年12月31日 23:00",
        "到今早 9 点",
        8.5 * 3600,
    ]


async def test_without_an_event_stream_the_page_keeps_asking(desk: Desk) -> None:
    me = desk.patient("小鱼儿")
    page = await desk.page()
    await page.route("**/sandbox/api/events", lambda route: route.abort())
    await page.goto(f"{desk.sandbox.phones_url}#/patients/{me}/chats/xiaohu")
    await page.reload()
    await expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "polling")
    await expect(page.get_by_test_id("message")).to_have_count(1)

    await desk.program.act("member-writes-patient", userid="xiaohu", external_userid=me, text="在的～")

    await expect(page.get_by_test_id("message").last).to_contain_text("在的～")
    await page.unroute("**/sandbox/api/events")
    await expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    desk.complaints[:] = [text for text in desk.complaints if "ERR_FAILED" not in text]


async def test_an_unknown_phone_says_so(desk: Desk) -> None:
    page = await desk.page("members/nobody")

    await expect(page.get_by_text("沙盒里没有这部手机")).to_be_visible()
    await page.close()  # it asks again and again
    desk.complaints[:] = [text for text in desk.complaints if "404" not in text]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desktop", "phone"])
async def test_a_patient_asks_customer_service_taps_a_menu_and_a_servicer_takes_over(
    desk: Desk, size: dict[str, int]
) -> None:
    kf, me = desk.sandbox.tenant.kf, desk.patient("小鱼儿")
    account = kf.open("微笑口腔客服", "")
    kf.add_servicer(account, "xiaohu")
    page = await desk.page(f"patients/{me}/contacts", size=size)
    await page.get_by_role("link", name="微笑口腔客服").click()
    await page.get_by_test_id("kf-enter").click()
    mine = phone(page, me)
    await mine.get_by_test_id("write").fill("牙龈出血怎么办")
    await mine.get_by_test_id("write").press("Enter")
    await expect(mine.get_by_test_id("message")).to_have_text(re.compile("牙龈出血怎么办"))
    menu = {
        "head_content": "想了解什么？",
        "list": [{"type": "click", "click": {"id": "human", "content": "找人工"}}],
    }
    chat = {"open_kfid": account.open_kfid, "external_userid": me}
    say = {"touser": me, "open_kfid": account.open_kfid, "msgtype": "msgmenu", "msgmenu": menu}
    assert (await desk.program.post("kf/send_msg", say))["errcode"] == 0
    await mine.get_by_test_id("kf-menu-item").click()
    await expect(mine.get_by_test_id("message").last).to_contain_text("找人工")
    await desk.program.post("kf/service_state/trans", {**chat, "service_state": 2})

    await page.goto(f"{desk.sandbox.phones_url}#/members/xiaohu")
    staff = phone(page, "xiaohu")
    await staff.get_by_role("link", name="微信客服").click()
    await staff.get_by_role("link", name="小鱼儿").click()
    await staff.get_by_test_id("kf-take").click()
    await staff.get_by_test_id("write").fill("我是小护，帮您约明天？")
    await staff.get_by_test_id("write").press("Enter")
    await expect(staff.get_by_test_id("message").last).to_contain_text("我是小护")
    assert account.chats[me].bubbles[-1].text == "我是小护，帮您约明天？"
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size["width"]


async def test_a_member_of_a_chain_finds_one_of_thousands_of_customers(browser: Browser) -> None:
    async with open_desk(browser, scene="chain") as desk:
        corp = desk.sandbox.tenant.corp
        oldest = next(follow for follow in corp.follows_of_member["xiaohu"].values() if not follow.lost_at)
        page = await desk.page("members/xiaohu/customers", size=PHONE)
        await expect(page.get_by_role("heading", name="我的客户（6250）")).to_be_visible()
        await page.get_by_test_id("find-customer").fill(oldest.remark)
        found = page.locator(f"a.line[href*='{oldest.external_userid}']")
        await found.click()
        await expect(page.get_by_role("heading", name="客户资料")).to_be_visible()
        await page.reload()
        await page.get_by_role("link", name="发消息").click()
        await page.get_by_test_id("write").fill("好久不见")
        await page.get_by_test_id("write").press("Enter")
        await expect(page.get_by_test_id("message").last).to_contain_text("好久不见")
        await page.goto(f"{desk.sandbox.phones_url}#/")
        await page.get_by_placeholder("找成员、客户群或患者").fill("乐乐妈妈")
        await expect(page.get_by_test_id("person").filter(has_text="乐乐妈妈").first).to_be_visible()
