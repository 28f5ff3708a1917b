"""Every creating call whose connection breaks after WeCom did it: the thing made is found, or not made twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.sandbox_driver import START, picture
from wecom.api.acquisition import AcquisitionLink
from wecom.api.contact_ways import ContactWay
from wecom.api.group_welcomes import GroupWelcome
from wecom.api.intercepts import InterceptRule
from wecom.api.join_ways import JoinWay
from wecom.api.kf import State
from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.cards import Button, ButtonInteraction
from wecom.errors import NotYet, OutcomeUnknown, Refused, WeComError, WelcomeSpent
from wecom.finders import Finders
from wecom.kf_messages import KfText
from wecom.lost_answers import LOST_ANSWERS
from wecom.messages import Message, Text

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from wecom.client import WeComClient
    from wecom.sandbox import Sandbox

HELLO = KfText(content="您好，我是小护")
MASS = MassSend(chat_type="single", sender="xiaohu", text="周六义诊")


@pytest.fixture
def finders(client: WeComClient) -> Finders:
    return Finders(client)


async def lose(sandbox: Sandbox, call: str, attempt: Awaitable[object], *, done: bool = True) -> None:
    """Let the connection break after (or before) WeCom did what ``attempt`` asks for."""
    sandbox.tenant.faults.add("reset_after" if done else "reset_before", call)
    with pytest.raises(OutcomeUnknown):
        await attempt
    assert sandbox.tenant.faults.waiting() == []


def calls(sandbox: Sandbox, call: str) -> int:
    return len(list(sandbox.tenant.journal.calls(call)))


async def test_lost_tags_are_found_by_their_names(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    await lose(sandbox, "externalcontact/add_corp_tag", client.tags.add("意向", ["种植", "正畸"]))

    found = await finders.tags("意向", ["种植", "正畸", "美白"])

    assert set(found) == {"种植", "正畸"}
    [group] = [group for group in await client.tags.list() if group.group_name == "意向"]
    assert {tag.id for tag in group.tag} == set(found.values())
    with pytest.raises(Refused):
        await client.tags.add("意向", ["种植"])


async def test_a_lost_contact_way_is_found_among_those_like_it(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    way = ContactWay(userids=("xiaohu",), state="lobby", remark="大厅", skip_verify=False)
    before = {config_id async for config_id in client.contact_ways.list()}
    for other in ({"state": "lobby-2"}, {"userids": ("li.na",)}, {"skip_verify": True}, {"remark": "二楼"}):
        before.add((await client.contact_ways.add(replace(way, **other))).config_id)
    assert await finders.contact_way(way, since=START, now=START) is None
    await lose(sandbox, "externalcontact/add_contact_way", client.contact_ways.add(way))

    found = await finders.contact_way(way, since=START, now=START)

    assert {config_id async for config_id in client.contact_ways.list()} - before == {found}
    assert await finders.contact_way(way, since=START, now=START, known={str(found)}) is None


async def test_a_contact_way_that_was_not_made_is_not_found(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    way = ContactWay(userids=("xiaohu",), state="lobby")
    adding = client.contact_ways.add(way)
    await lose(sandbox, "externalcontact/add_contact_way", adding, done=False)

    assert await finders.contact_way(way, since=START, now=START) is None


async def test_a_contact_way_that_cannot_be_read_leaves_it_open_and_a_deleted_one_does_not(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    way = ContactWay(userids=("xiaohu",), state="lobby")
    await lose(sandbox, "externalcontact/add_contact_way", client.contact_ways.add(way))
    for errcode in (48002, -1):
        sandbox.tenant.faults.add("errcode", "externalcontact/get_contact_way", times=None, errcode=errcode)
        with pytest.raises(WeComError):
            await finders.contact_way(way, since=START, now=START)
        sandbox.tenant.faults.clear()

    sandbox.tenant.faults.add("errcode", "externalcontact/get_contact_way", times=None, errcode=41044)
    assert await finders.contact_way(way, since=START, now=START) is None


async def test_a_contact_way_older_than_the_call_is_not_taken(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    way = ContactWay(userids=("xiaohu",), state="lobby")
    await client.contact_ways.add(way)
    sandbox.tenant.advance(600)
    now = sandbox.tenant.corp.now
    adding = client.contact_ways.add(way)
    await lose(sandbox, "externalcontact/add_contact_way", adding, done=False)

    assert await finders.contact_way(way, since=now, now=now) is None


async def test_a_temporary_contact_way_is_not_looked_for(finders: Finders) -> None:
    with pytest.raises(ValueError, match="temporary"):
        await finders.contact_way(ContactWay(userids=("xiaohu",), is_temp=True), since=START, now=START)


async def test_a_lost_link_is_found(client: WeComClient, sandbox: Sandbox, finders: Finders) -> None:
    link = AcquisitionLink(name="地铁广告", userids=("xiaohu",))
    other = await client.acquisition.create(AcquisitionLink(name="地铁广告", userids=("li.na",)))
    creating = client.acquisition.create(link)
    await lose(sandbox, "externalcontact/customer_acquisition/create_link", creating)

    found = await finders.acquisition_link(link, since=START)

    links = [link_id async for link_id in client.acquisition.list()]
    assert found in links
    assert found != other.link_id
    assert (await client.acquisition.get(str(found))).range.user_list == ("xiaohu",)
    assert await finders.acquisition_link(link, since=START, known={str(found)}) is None


async def test_a_lost_rule_is_found(client: WeComClient, sandbox: Sandbox, finders: Finders) -> None:
    rule = InterceptRule(name="承诺", words=("包好", "根治"), userids=("xiaohu",))
    await lose(sandbox, "externalcontact/add_intercept_rule", client.intercepts.add(rule))

    found = await finders.intercept_rule(rule, since=START)

    assert [ref.rule_id for ref in await client.intercepts.list() if ref.rule_name == "承诺"] == [found]
    assert await finders.intercept_rule(replace(rule, words=("包好",)), since=START) is None


async def test_a_lost_kf_account_is_found(client: WeComClient, sandbox: Sandbox, finders: Finders) -> None:
    face = (await client.media.upload("image", "a.png", picture(), "image/png")).media_id
    before = {account.open_kfid async for account in client.kf_accounts.list()}
    await lose(sandbox, "kf/account/add", client.kf_accounts.add("小护客服", face))

    found = await finders.kf_account("小护客服", before=before)

    assert {account.open_kfid async for account in client.kf_accounts.list()} - before == {found}


async def test_customers_whose_handover_began_are_not_offered_again(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    one, two, *_ = await client.contacts.list_of("zhang.wei")
    starting = client.transfers.start("zhang.wei", "chen.jing", [one])
    await lose(sandbox, "externalcontact/transfer_customer", starting)

    begun = await finders.transferred("zhang.wei", "chen.jing", [one, two])

    assert begun == {one}


async def test_customers_and_groups_of_who_left_are_found_in_new_hands(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    patients = await client.contacts.list_of("zhang.wei")
    owned = [ref.chat_id async for ref in client.groups.list(["zhang.wei"])]
    sandbox.tenant.transfers.leave("zhang.wei")
    starting = client.transfers.start_resigned("zhang.wei", "chen.jing", patients[:2])
    await lose(sandbox, "externalcontact/resigned/transfer_customer", starting)
    giving = client.transfers.give_groups_of_resigned(owned[:1], "chen.jing")
    await lose(sandbox, "externalcontact/groupchat/transfer", giving)

    begun = await finders.transferred("zhang.wei", "chen.jing", patients, resigned=True)

    assert begun == set(patients[:2])
    assert await finders.groups_of("chen.jing", owned) == {owned[0]}


async def test_a_group_handed_over_on_the_job_is_found(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    owned = [ref.chat_id async for ref in client.groups.list(["zhang.wei"])]
    assert await finders.groups_of("xiaohu", owned) == set()
    giving = client.transfers.give_groups(owned[:1], "xiaohu")
    await lose(sandbox, "externalcontact/groupchat/onjob_transfer", giving)

    assert await finders.groups_of("xiaohu", owned) == {owned[0]}


async def test_a_lost_mass_send_is_in_the_list_with_its_text_and_its_member(
    client: WeComClient, sandbox: Sandbox
) -> None:
    await lose(sandbox, "externalcontact/add_msg_template", client.mass.create(MASS))

    since, until = START - timedelta(minutes=1), START + timedelta(minutes=1)
    [found] = [record async for record in client.mass.list("single", since, until)]

    assert (found.creator, found.content, found.attachment_kinds) == ("", MASS.text, ())
    assert [task.userid async for task in client.mass.tasks(found.msgid)] == ["xiaohu"]
    results = [result async for result in client.mass.results(found.msgid, "xiaohu")]
    assert {result.external_userid for result in results} == set(await client.contacts.list_of("xiaohu"))


async def test_a_lost_moment_is_in_the_list_with_its_text_and_its_member(
    client: WeComClient, sandbox: Sandbox
) -> None:
    moment = MomentTask(text="护牙两分钟", userids=("xiaohu",))
    await lose(sandbox, "externalcontact/add_moment_task", client.moments.create(moment))

    since, until = START - timedelta(minutes=1), START + timedelta(minutes=1)
    [found] = [record async for record in client.moments.list(since, until)]

    assert (found.creator, found.content) == ("", "护牙两分钟")
    assert [task.userid async for task in client.moments.tasks(found.moment_id)] == ["xiaohu"]


# -- again: a second call is harmless -----------------------------------------------------------------------


async def test_a_notice_sent_again_with_the_duplicate_check_arrives_once(
    client: WeComClient, sandbox: Sandbox
) -> None:
    window = LOST_ANSWERS["message/send"].within
    assert window is not None
    checked = Message(
        content=Text(content="有 3 条待发"),
        to_users=("xiaohu",),
        drop_repeats_for_s=int(window.total_seconds()),
    )
    await lose(sandbox, "message/send", client.messages.send(checked))

    await client.messages.send(checked)

    assert notices(sandbox).count("有 3 条待发") == 1
    sandbox.tenant.advance(window.total_seconds() + 1)
    await client.messages.send(checked)
    assert notices(sandbox).count("有 3 条待发") == 2, "the window is over: a repeat is not harmless any more"


def notices(sandbox: Sandbox) -> list[str]:
    return [str(message.payload.get("content", "")) for message in sandbox.tenant.messages.sent.values()]


async def test_a_card_sent_again_is_refused_by_its_task_id(client: WeComClient, sandbox: Sandbox) -> None:
    sandbox.tenant.rules.callbacks_configured = True
    card = ButtonInteraction(title="待审核", task_id="batch-1@1", buttons=(Button(text="通过", key="a"),))
    await lose(sandbox, "message/send", client.messages.send(Message(content=card, to_users=("xiaohu",))))

    with pytest.raises(Refused) as caught:
        await client.messages.send(Message(content=card, to_users=("xiaohu",)))

    assert caught.value.errcode == 42014


async def test_a_card_updated_again_says_that_the_code_is_spent(
    client: WeComClient, sandbox: Sandbox
) -> None:
    sandbox.tenant.rules.callbacks_configured = True
    card = ButtonInteraction(title="待审核", task_id="batch-2@1", buttons=(Button(text="通过", key="a"),))
    sent = await client.messages.send(Message(content=card, to_users=("xiaohu",)))
    update = {"userids": ["xiaohu"], "replace_name": "已通过"}
    updating = client.messages.update_card(sent.response_code, **update)  # type: ignore[arg-type]
    await lose(sandbox, "message/update_template_card", updating)

    with pytest.raises(Refused) as caught:
        await client.messages.update_card(sent.response_code, **update)  # type: ignore[arg-type]

    assert caught.value.errcode == 60140


async def test_what_kf_says_again_with_its_own_id_or_code_is_said_once(
    client: WeComClient, sandbox: Sandbox, finders: Finders
) -> None:
    face = (await client.media.upload("image", "a.png", picture(), "image/png")).media_id
    kfid = await client.kf_accounts.add("微笑口腔客服", face)
    await client.kf_accounts.add_servicers(kfid, userids=["xiaohu"])
    patient = sandbox.tenant.people.create_patient("新客").external_userid
    sandbox.tenant.desk.enter(kfid, patient, scene="h5", scene_param="")
    sandbox.tenant.desk.write(kfid, patient, "text", {"content": "在吗"})
    news = [message async for page in client.kf.sync(kfid) for message in page.messages]
    [code] = [message.welcome_code for message in news if message.welcome_code]

    await lose(sandbox, "kf/send_msg", client.kf.send(kfid, patient, HELLO, msgid="bot-1"))
    with pytest.raises(Refused):
        await client.kf.send(kfid, patient, HELLO, msgid="bot-1")
    await lose(sandbox, "kf/send_msg_on_event", client.kf.send_on_event(code, HELLO))
    with pytest.raises(Refused) as caught:
        await client.kf.send_on_event(code, HELLO)
    assert caught.value.errcode == 95007

    assert not await finders.kf_moved(kfid, patient, State.HUMAN, servicer="xiaohu")
    moving = client.kf.move(kfid, patient, State.HUMAN, servicer="xiaohu")
    await lose(sandbox, "kf/service_state/trans", moving)
    assert await finders.kf_moved(kfid, patient, State.HUMAN, servicer="xiaohu")


async def test_group_material_made_again_without_notice_is_told_to_nobody(
    client: WeComClient, sandbox: Sandbox
) -> None:
    def notices_of_groups() -> int:
        return sum(len(chat) for chat in sandbox.tenant.corp.assistant_chats.values())

    welcome = GroupWelcome(text="欢迎")
    await client.group_welcomes.add(welcome)
    before = notices_of_groups()
    assert before > 0
    adding = client.group_welcomes.add(welcome, notify=False)
    await lose(sandbox, "externalcontact/group_welcome_template/add", adding)

    template_id = await client.group_welcomes.add(welcome, notify=False)

    assert (await client.group_welcomes.get(template_id)).text.content == "欢迎"
    assert notices_of_groups() == before


async def test_a_greeting_sent_again_says_that_the_first_arrived(
    client: WeComClient, sandbox: Sandbox
) -> None:
    patient, issued = sandbox.tenant.patient_scans("xiaohu", state="front-desk")
    assert issued is not None
    greeting = client.contacts.send_welcome(issued.code, "您好，我是小护")
    await lose(sandbox, "externalcontact/send_welcome_msg", greeting)

    with pytest.raises(WelcomeSpent):
        await client.contacts.send_welcome(issued.code, "您好，我是小护")

    chat = sandbox.tenant.corp.chats["xiaohu", patient.external_userid]
    assert [message.origin for message in chat].count("welcome") == 1


# -- never: it is made once, and nobody tries again by himself ----------------------------------------------


async def test_what_no_list_tells_of_is_asked_for_once(client: WeComClient, sandbox: Sandbox) -> None:
    (chat_id, *_) = [ref.chat_id async for ref in client.groups.list(["xiaohu"])]

    await lose(
        sandbox, "externalcontact/groupchat/add_join_way", client.join_ways.add(JoinWay(chat_ids=(chat_id,)))
    )

    assert LOST_ANSWERS["externalcontact/groupchat/add_join_way"].then == "never"
    assert calls(sandbox, "externalcontact/groupchat/add_join_way") == 1


async def test_a_lost_reminder_counts_among_the_three_of_a_day(client: WeComClient, sandbox: Sandbox) -> None:
    msgid = (await client.mass.create(MASS)).msgid
    await lose(sandbox, "externalcontact/remind_groupmsg_send", client.mass.remind(msgid))
    for _ in range(2):
        await client.mass.remind(msgid)

    with pytest.raises(NotYet) as caught:
        await client.mass.remind(msgid)

    assert caught.value.errcode == 41094


async def test_a_lost_login_has_spent_its_code(client: WeComClient, sandbox: Sandbox) -> None:
    query = {
        "appid": sandbox.connection["corp_id"],
        "redirect_uri": "https://h5.example/",
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "n1",
    }
    back = sandbox.tenant.identity.authorize(query, "chen.jing")
    code = parse_qs(urlsplit(back).query)["code"][0]
    await lose(sandbox, "auth/getuserinfo", client.identity.visitor(code))
    assert calls(sandbox, "auth/getuserinfo") == 1, "aiohttp sends a broken GET again"

    with pytest.raises(Refused) as caught:
        await client.identity.visitor(code)

    assert caught.value.errcode == 40029


async def test_a_lost_offer_was_made(client: WeComClient, sandbox: Sandbox) -> None:
    face = (await client.media.upload("image", "a.png", picture(), "image/png")).media_id
    kfid = await client.kf_accounts.add("微笑口腔客服", face)
    patient = sandbox.tenant.people.create_patient("新客").external_userid
    sandbox.tenant.desk.write(kfid, patient, "text", {"content": "想加医生"})
    offer = client.kf_customers.offer_member(kfid, patient, "xiaohu")

    await lose(sandbox, "kf/customer/upgrade_service", offer)

    chat = sandbox.tenant.kf.accounts[kfid].chats[patient]
    assert [bubble.kind for bubble in chat.bubbles].count("upgrade_service") == 1
