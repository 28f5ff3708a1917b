"""微信客服: every client method against the sandbox, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox_driver import picture
from wecom.api.acquisition import AcquisitionLink
from wecom.api.kf import KfMessage, State
from wecom.api.kf_accounts import with_scene_param
from wecom.errors import OutcomeUnknown, Refused
from wecom.kf_messages import (
    Click,
    KfAcquisitionLink,
    KfBusinessCard,
    KfContent,
    KfLink,
    KfLocation,
    KfMedia,
    KfMenu,
    KfMiniProgram,
    KfText,
    MenuText,
    OpenMiniProgram,
    View,
)

if TYPE_CHECKING:
    from wecom.client import WeComClient
    from wecom.sandbox import Sandbox

HELLO = KfText(content="您好，我是小护")


@dataclass
class Desk:
    """An account with two servicers, and a patient who came through its link."""

    client: WeComClient
    sandbox: Sandbox
    kfid: str
    link: str
    patient: str = ""
    cursor: str = ""

    async def news(self) -> list[KfMessage]:
        """Return what is new since the last time."""
        found: list[KfMessage] = []
        async for page in self.client.kf.sync(self.kfid, cursor=self.cursor, limit=2):
            found += page.messages
            self.cursor = page.next_cursor
        return found

    def writes(self, text: str) -> None:
        self.sandbox.tenant.desk.write(self.kfid, self.patient, "text", {"content": text})

    async def send(self, content: KfContent = HELLO, *, msgid: str = "") -> str:
        return await self.client.kf.send(self.kfid, self.patient, content, msgid=msgid)

    async def state(self) -> State:
        return (await self.client.kf.state(self.kfid, self.patient)).service_state


@pytest.fixture
async def desk(client: WeComClient, sandbox: Sandbox) -> Desk:
    face = (await client.media.upload("image", "a.png", picture(), "image/png")).media_id
    kfid = await client.kf_accounts.add("微笑口腔客服", face)
    results = await client.kf_accounts.add_servicers(kfid, userids=["xiaohu", "sun.yue"])
    assert [one.errcode for one in results] == [0, 0]
    link = with_scene_param(await client.kf_accounts.link(kfid, scene="h5_footer"), "预约=88")
    desk = Desk(client, sandbox, kfid, link)
    desk.patient = sandbox.tenant.people.create_patient("新客").external_userid
    _, scene, param = sandbox.tenant.desk.find_link(link)
    sandbox.tenant.desk.enter(kfid, desk.patient, scene=scene, scene_param=param)
    return desk


async def code_of(desk: Desk) -> str:
    return next(one.welcome_code for one in await desk.news() if one.event_type == "enter_session")


async def test_an_account_lives_from_creation_to_deletion(client: WeComClient, desk: Desk) -> None:
    accounts = client.kf_accounts
    await accounts.update(desk.kfid, name="微笑口腔")
    listed = [one async for one in accounts.list() if one.open_kfid == desk.kfid]
    assert [(one.name, one.manage_privilege) for one in listed] == [("微笑口腔", True)]
    assert {one.userid for one in await accounts.servicers(desk.kfid) if one.receives} == {
        "xiaohu",
        "sun.yue",
    }
    (removed,) = await accounts.remove_servicers(desk.kfid, userids=["sun.yue"])
    assert (removed.userid, removed.errcode) == ("sun.yue", 0)
    await accounts.delete(desk.kfid)
    with pytest.raises(Refused) as caught:
        await accounts.delete(desk.kfid)
    assert caught.value.errcode == 95004


async def test_a_servicer_who_cannot_be_is_told_one_by_one(client: WeComClient, desk: Desk) -> None:
    results = await client.kf_accounts.add_servicers(
        desk.kfid, userids=["xiaohu", "nobody"], department_ids=[3]
    )
    assert [one.errcode == 0 for one in results] == [True, False, True]


async def test_who_enters_through_a_link_is_welcomed_once(desk: Desk) -> None:
    (event,) = await desk.news()
    assert (event.event_type, event.open_kfid, event.external_userid) == (
        "enter_session",
        desk.kfid,
        desk.patient,
    )
    assert (event.content["scene"], event.scene_param) == ("h5_footer", "预约=88")
    menu = KfMenu(
        head="请选择", items=(Click(id="human", content="转人工"), Click(id="book", content="预约"))
    )
    assert await desk.client.kf.send_on_event(event.welcome_code, menu, msgid="wel-1")
    with pytest.raises(Refused) as caught:
        await desk.client.kf.send_on_event(event.welcome_code, HELLO)
    assert caught.value.errcode == 95007


async def test_a_welcome_after_twenty_seconds_is_too_late(sandbox: Sandbox, desk: Desk) -> None:
    code = await code_of(desk)
    sandbox.tenant.advance(21)
    with pytest.raises(Refused) as caught:
        await desk.client.kf.send_on_event(code, HELLO)
    assert caught.value.errcode == 95007


async def test_news_comes_page_by_page_once(desk: Desk) -> None:
    await desk.news()
    for number in range(5):
        desk.writes(f"第 {number} 句")
    news = await desk.news()
    assert [one.text for one in news] == [f"第 {number} 句" for number in range(5)]
    assert all(one.is_from_customer and one.send_time for one in news)
    assert "第 0 句" not in repr(news)
    assert await desk.news() == []


async def test_five_messages_answer_one_and_the_sixth_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as caught:
        await desk.send()
    assert caught.value.errcode == 95002
    desk.writes("在吗")
    for _ in range(5):
        await desk.send()
    with pytest.raises(Refused) as caught:
        await desk.send()
    assert caught.value.errcode == 95001


async def test_a_message_id_of_ours_makes_a_second_try_harmless(sandbox: Sandbox, desk: Desk) -> None:
    desk.writes("在吗")
    sandbox.tenant.faults.add("reset_after", "kf/send_msg")
    with pytest.raises(OutcomeUnknown):
        await desk.send(msgid="bot-1-1")
    with pytest.raises(Refused):
        await desk.send(msgid="bot-1-1")
    assert await desk.send(msgid="bot-1-2") == "bot-1-2"


async def test_every_kind_of_message_is_taken(desk: Desk) -> None:
    media = desk.client.media
    image = (await media.upload("image", "a.png", picture(), "image/png")).media_id
    file = (await media.upload("file", "a.pdf", b"%PDF-1.7 x", "application/pdf")).media_id
    link = await desk.client.acquisition.create(AcquisitionLink(name="加医生", userids=("li.na",)))
    contents: list[KfContent] = [
        KfMedia(kind="image", media_id=image),
        KfMedia(kind="file", media_id=file),
        KfLink(title="护牙", url="https://h5.example/tips", thumb_media_id=image, desc="两分钟"),
        KfMiniProgram(appid="wx0000000000example", title="预约", thumb_media_id=image, pagepath="a.html"),
        KfLocation(latitude=31.2, longitude=121.4, name="微笑口腔", address="人民路 1 号"),
        KfBusinessCard(userid="li.na"),
        KfAcquisitionLink(url=link.url),
        KfMenu(
            head="请选择",
            items=(
                Click(id="human", content="转人工"),
                View(url="https://h5.example/faq", content="常见问题"),
                OpenMiniProgram(appid="wx0000000000example", pagepath="a.html", content="预约"),
                MenuText(content="也可以直接输入"),
            ),
            tail="9:00-21:00",
        ),
    ]
    for content in contents:
        desk.writes("在吗")
        assert await desk.send(content)
    await desk.news()
    desk.sandbox.tenant.desk.click(desk.kfid, desk.patient, "human")
    (tapped,) = await desk.news()
    assert (tapped.menu_id, tapped.text) == ("human", "转人工")


async def test_a_session_moves_to_a_person_and_ends(desk: Desk) -> None:
    kf = desk.client.kf
    desk.writes("在吗")
    assert await desk.state() is State.NEW
    await kf.move(desk.kfid, desk.patient, State.ASSISTANT)
    code = await kf.move(desk.kfid, desk.patient, State.HUMAN, servicer="xiaohu")
    assert await kf.send_on_event(code, KfText(content="小护为您服务"))
    state = await kf.state(desk.kfid, desk.patient)
    assert (state.service_state, state.servicer_userid) == (State.HUMAN, "xiaohu")
    with pytest.raises(Refused) as caught:
        await desk.send()
    assert caught.value.errcode == 95018
    with pytest.raises(Refused) as caught:
        await kf.move(desk.kfid, desk.patient, State.ASSISTANT)
    assert caught.value.errcode == 95016
    await kf.move(desk.kfid, desk.patient, State.ENDED)
    assert await desk.state() is State.ENDED


async def test_a_servicer_who_does_not_receive_is_passed_over(sandbox: Sandbox, desk: Desk) -> None:
    desk.writes("在吗")
    sandbox.tenant.desk.set_receiving(desk.kfid, "xiaohu", receiving=False)
    for servicer, errcode in (("xiaohu", 95019), ("chen.jing", 60253)):
        with pytest.raises(Refused) as caught:
            await desk.client.kf.move(desk.kfid, desk.patient, State.HUMAN, servicer=servicer)
        assert caught.value.errcode == errcode
    assert await desk.client.kf.move(desk.kfid, desk.patient, State.HUMAN, servicer="sun.yue")


async def test_customers_of_two_days_are_known(sandbox: Sandbox, desk: Desk) -> None:
    desk.writes("在吗")
    people = await desk.client.kf_customers.get([desk.patient, "wm-stranger"], with_context=True)
    assert [one.external_userid for one in people.found] == [desk.patient]
    assert people.absent == ("wm-stranger",)
    context = people.found[0].enter_session_context
    assert context is not None
    assert context.scene == "h5_footer"
    sandbox.tenant.advance(timedelta(hours=49).total_seconds())
    assert (await desk.client.kf_customers.get([desk.patient])).found == ()


async def test_a_member_or_a_group_is_offered_to_who_wrote(sandbox: Sandbox, desk: Desk) -> None:
    offers = desk.client.kf_customers
    config = await offers.upgrade_config()
    (userid, *_), (chat_id, *_) = config.member_range.userid_list, config.groupchat_range.chat_id_list
    desk.writes("在吗")
    await offers.offer_member(desk.kfid, desk.patient, userid, wording="专属顾问")
    await offers.cancel_offer(desk.kfid, desk.patient)
    await offers.offer_group(desk.kfid, desk.patient, chat_id)
    sandbox.tenant.advance(timedelta(hours=49).total_seconds())
    with pytest.raises(Refused) as caught:
        await offers.offer_member(desk.kfid, desk.patient, userid)
    assert caught.value.errcode == 95031


async def test_an_accounts_days_are_counted(sandbox: Sandbox, desk: Desk) -> None:
    desk.writes("在吗")
    sandbox.tenant.advance(2 * 86_400)
    now = sandbox.tenant.clock.now()
    start, end = now - timedelta(days=3), now - timedelta(days=1)
    days = await desk.client.kf_customers.numbers(desk.kfid, start, end)
    assert sum(day.statistic["customer_msg_cnt"] for day in days) == 1
    assert all(day.stat_time for day in days)
    assert await desk.client.kf_customers.servicer_numbers(desk.kfid, start, end, servicer="xiaohu")
    with pytest.raises(ValueError, match="31 days"):
        await desk.client.kf_customers.numbers(desk.kfid, now - timedelta(days=40), now)
