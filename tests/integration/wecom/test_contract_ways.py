"""Ways in, links and group welcomes: every client method against the sandbox, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox_driver import picture
from wecom.api.acquisition import AcquisitionLink, in_wechat, with_channel
from wecom.api.contact_ways import Closing, ContactWay
from wecom.api.group_welcomes import GroupWelcome
from wecom.api.join_ways import JoinWay
from wecom.attachments import Image, Link
from wecom.errors import NeedsAdmin, OutcomeUnknown, Refused

if TYPE_CHECKING:
    from wecom.client import WeComClient
    from wecom.sandbox import Sandbox


async def first_group(client: WeComClient) -> str:
    chat_id, *_ = [ref.chat_id async for ref in client.groups.list(["xiaohu"])]
    return chat_id


async def test_a_contact_way_lives_from_creation_to_deletion(client: WeComClient) -> None:
    ways = client.contact_ways
    way = ContactWay(userids=("xiaohu", "li.na"), state="front-desk", remark="前台", skip_verify=False)
    created = await ways.add(way)
    assert created.qr_code.startswith("http")
    kept = await ways.get(created.config_id)
    assert (kept.type, kept.scene, kept.state, kept.user) == (2, 2, "front-desk", ("xiaohu", "li.na"))
    assert not kept.skip_verify
    assert created.config_id in [config_id async for config_id in ways.list()]
    await ways.update(created.config_id, ContactWay(userids=("zhang.wei",), state="dr-zhang-card"))
    changed = await ways.get(created.config_id)
    assert (changed.user, changed.state, changed.skip_verify) == (("zhang.wei",), "dr-zhang-card", True)
    await ways.delete(created.config_id)
    with pytest.raises(Refused):
        await ways.get(created.config_id)
    with pytest.raises(Refused):
        await ways.delete(created.config_id)


async def test_a_contact_way_with_an_unknown_member_is_refused(client: WeComClient) -> None:
    with pytest.raises(Refused) as caught:
        await client.contact_ways.add(ContactWay(userids=("nobody.here",)))
    assert caught.value.errcode in {40003, 60111}


async def test_a_temporary_way_has_closing_words_and_is_not_listed(client: WeComClient) -> None:
    link = Link(title="护牙小贴士", url="https://h5.example/tips")
    way = ContactWay(
        userids=("xiaohu",), is_temp=True, expires_in_s=3600, closing=Closing(text="再见", attachment=link)
    )
    created = await client.contact_ways.add(way)
    assert (await client.contact_ways.get(created.config_id)).is_temp
    assert created.config_id not in [config_id async for config_id in client.contact_ways.list()]
    with pytest.raises(Refused):
        await client.contact_ways.close_temp_chat("xiaohu", "wm-nobody")


async def test_a_lost_creation_of_a_contact_way_is_found_in_the_list(
    sandbox: Sandbox, client: WeComClient
) -> None:
    sandbox.tenant.faults.add("reset_after", "externalcontact/add_contact_way")
    with pytest.raises(OutcomeUnknown):
        await client.contact_ways.add(ContactWay(userids=("xiaohu",), state="lost-1"))
    now = sandbox.tenant.clock.now()
    listed = [one async for one in client.contact_ways.list(now - timedelta(minutes=1), now)]
    assert [(await client.contact_ways.get(one)).state for one in listed].count("lost-1") == 1


async def test_a_join_way_lives_from_creation_to_deletion(client: WeComClient) -> None:
    chat_id = await first_group(client)
    ways = client.join_ways
    config_id = await ways.add(JoinWay(chat_ids=(chat_id,), state="grp-1", new_group_name="护牙福利社"))
    kept = await ways.get(config_id)
    assert (kept.chat_id_list, kept.state, kept.auto_create_room) == ((chat_id,), "grp-1", 1)
    assert kept.qr_code
    await ways.update(config_id, JoinWay(chat_ids=(chat_id,), state="grp-2", opens_new_groups=False))
    changed = await ways.get(config_id)
    assert (changed.state, changed.auto_create_room) == ("grp-2", 0)
    await ways.delete(config_id)
    with pytest.raises(Refused):
        await ways.get(config_id)


async def test_a_join_way_into_an_unknown_group_is_refused(client: WeComClient) -> None:
    with pytest.raises(Refused):
        await client.join_ways.add(JoinWay(chat_ids=("wr-nothing",)))


async def test_an_acquisition_link_lives_from_creation_to_deletion(
    sandbox: Sandbox, client: WeComClient
) -> None:
    links = client.acquisition
    created = await links.create(AcquisitionLink(name="抖音投放", userids=("xiaohu",)))
    assert created.url.startswith("http")
    assert created.link_id in [link_id async for link_id in links.list()]
    await links.update(created.link_id, AcquisitionLink(name="改名", userids=("li.na",), skip_verify=False))
    kept = await links.get(created.link_id)
    assert (kept.link.link_name, kept.range.user_list) == ("改名", ("li.na",))

    tenant = sandbox.tenant
    patient = tenant.people.create_patient("新客")
    before = await links.quota()
    tenant.links.add_through(tenant.links.get(created.link_id), patient.external_userid, channel="douyin-7")
    (customer,) = [one async for one in links.customers(created.link_id)]
    assert (customer.external_userid, customer.userid) == (patient.external_userid, "li.na")
    assert (customer.state, customer.chat_status) == ("douyin-7", 0)
    assert (await links.quota()).balance == before.balance - 1
    now = tenant.clock.now()
    numbers = await links.statistic(created.link_id, now - timedelta(days=1), now)
    assert numbers.new_customer_cnt == 1

    await links.delete(created.link_id)
    with pytest.raises(Refused):
        await links.get(created.link_id)


async def test_what_an_acquisition_link_cannot_do_is_refused(sandbox: Sandbox, client: WeComClient) -> None:
    with pytest.raises(Refused):
        await client.acquisition.create(AcquisitionLink(name="无人", userids=("nobody.here",)))
    with pytest.raises(Refused):
        await client.acquisition.chat_info("no-such-key")
    sandbox.tenant.faults.add("errcode", "externalcontact/customer_acquisition/create_link", errcode=41095)
    with pytest.raises(NeedsAdmin):
        await client.acquisition.create(AcquisitionLink(name="满了", userids=("xiaohu",)))


def test_a_links_channel_and_its_address_in_wechat_are_encoded() -> None:
    url = with_channel("https://work.weixin.qq.com/ca/abc", "抖音&1")
    assert url == "https://work.weixin.qq.com/ca/abc?customer_channel=%E6%8A%96%E9%9F%B3%261"
    assert in_wechat("https://a.example/?b=c") == "weixin://biz/ww/profile/https%3A%2F%2Fa.example%2F%3Fb%3Dc"


async def test_a_group_welcome_lives_from_creation_to_deletion(client: WeComClient) -> None:
    welcomes = client.group_welcomes
    media = await client.media.upload("image", "a.png", picture(), "image/png")
    template_id = await welcomes.add(GroupWelcome(text="欢迎 %NICKNAME%"), notify=False)
    assert (await welcomes.get(template_id)).text.content == "欢迎 %NICKNAME%"
    await welcomes.edit(template_id, GroupWelcome(text="你好", attachment=Image(media_id=media.media_id)))
    kept = await welcomes.get(template_id)
    assert (kept.text.content, kept.attachment_kind) == ("你好", "image")
    await welcomes.delete(template_id)
    with pytest.raises(Refused):
        await welcomes.get(template_id)


async def test_the_hundred_and_first_group_welcome_is_for_the_administrator(client: WeComClient) -> None:
    for number in range(100):
        await client.group_welcomes.add(GroupWelcome(text=f"欢迎 {number}"))
    with pytest.raises(NeedsAdmin) as caught:
        await client.group_welcomes.add(GroupWelcome(text="太多"))
    assert caught.value.errcode == 41055


async def test_a_group_welcome_with_an_old_picture_is_refused(client: WeComClient) -> None:
    with pytest.raises(Refused) as caught:
        await client.group_welcomes.add(GroupWelcome(attachment=Image(media_id="gone")))
    assert caught.value.errcode == 40007
