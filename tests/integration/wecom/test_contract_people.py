"""Members, tags, handovers and groups: every client method against the sandbox, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from wecom.errors import Refused

if TYPE_CHECKING:
    from wecom.client import WeComClient
    from wecom.sandbox import Sandbox


async def test_departments_and_their_members_are_listed(client: WeComClient) -> None:
    departments = {one.id: one for one in await client.members.departments()}
    assert (departments[3].name, departments[3].parent_id) == ("医生团队", 1)
    assert [one.id for one in await client.members.departments(3)] == [3]
    doctors = await client.members.list_in(3)
    assert {doctor.alias for doctor in doctors} >= {"张医生", "李医生"}
    assert {one.userid for one in await client.members.names_in(3)} == {one.userid for one in doctors}


async def test_an_unknown_department_is_refused(client: WeComClient) -> None:
    for ask in (client.members.list_in, client.members.names_in, client.members.departments):
        with pytest.raises(Refused):
            await ask(999)


async def test_tags_and_groups_of_tags_are_renamed_ordered_and_deleted(client: WeComClient) -> None:
    group = await client.tags.add("来源", ["前台", "抖音"])
    front, douyin = group.tag
    await client.tags.edit(front.id, name="前台扫码", order=7)
    await client.tags.edit(group.group_id, name="来源渠道")
    (kept,) = await client.tags.list(group_ids=[group.group_id])
    assert kept.group_name == "来源渠道"
    assert {(tag.name, tag.order) for tag in kept.tag if tag.id == front.id} == {("前台扫码", 7)}
    with pytest.raises(Refused) as caught:
        await client.tags.edit(front.id, name="抖音")
    assert caught.value.errcode == 40071
    await client.tags.delete(tag_ids=[douyin.id])
    with pytest.raises(Refused) as caught:
        await client.tags.delete(tag_ids=[douyin.id])
    assert caught.value.errcode == 40068
    await client.tags.delete(group_ids=[group.group_id])
    assert group.group_id not in {one.group_id for one in await client.tags.list()}


async def test_everybody_who_is_served_is_counted(client: WeComClient) -> None:
    served = [one async for one in client.contacts.served()]
    customers = {one.external_userid for one in served if one.is_customer}
    assert len(customers) == 30
    assert all(one.tmp_openid for one in served)


async def test_a_customer_changes_hands_by_itself_after_a_day(sandbox: Sandbox, client: WeComClient) -> None:
    (patient, *_) = await client.contacts.list_of("zhang.wei")
    answers = await client.transfers.start("zhang.wei", "chen.jing", [patient], message="由店长为您服务")
    assert [(one.external_userid, one.is_started) for one in answers] == [(patient, True)]
    results = [one async for one in client.transfers.result("zhang.wei", "chen.jing")]
    assert [(one.external_userid, one.status) for one in results] == [(patient, 2)]
    again = await client.transfers.start("zhang.wei", "chen.jing", [patient])
    assert not again[0].is_started
    sandbox.tenant.advance(timedelta(hours=25).total_seconds())
    assert [one.is_done async for one in client.transfers.result("zhang.wei", "chen.jing")] == [True]
    assert patient in await client.contacts.list_of("chen.jing")
    assert patient not in await client.contacts.list_of("zhang.wei")


async def test_what_a_member_who_left_leaves_behind_finds_new_hands(
    sandbox: Sandbox, client: WeComClient
) -> None:
    owned = [ref.chat_id async for ref in client.groups.list(["zhang.wei"])]
    patients = await client.contacts.list_of("zhang.wei")
    sandbox.tenant.transfers.leave("zhang.wei")
    waiting = [one async for one in client.transfers.unassigned()]
    assert {one.external_userid for one in waiting} == set(patients)
    assert {one.handover_userid for one in waiting} == {"zhang.wei"}
    answers = await client.transfers.start_resigned("zhang.wei", "chen.jing", patients)
    assert all(one.is_started for one in answers)
    results = [one async for one in client.transfers.resigned_result("zhang.wei", "chen.jing")]
    assert {one.external_userid for one in results} == set(patients)
    assert await client.transfers.give_groups_of_resigned(owned, "chen.jing") == []
    sandbox.tenant.advance(timedelta(hours=25).total_seconds())
    assert set(patients) <= set(await client.contacts.list_of("chen.jing"))
    assert (await client.groups.get(owned[0])).owner == "chen.jing"


async def test_a_handover_that_cannot_be_is_refused(client: WeComClient) -> None:
    (patient, *_) = await client.contacts.list_of("xiaohu")
    groups = [ref.chat_id async for ref in client.groups.list(["xiaohu"])]
    with pytest.raises(Refused) as caught:
        await client.transfers.start_resigned("xiaohu", "chen.jing", [patient])
    assert caught.value.errcode == 40097
    with pytest.raises(Refused):
        await client.transfers.start("xiaohu", "xiaohu", [patient])
    failed = await client.transfers.give_groups_of_resigned(groups[:1], "chen.jing")
    assert [(one.chat_id, one.errcode) for one in failed] == [(groups[0], 90500)]


async def test_a_group_is_handed_over_on_the_job(client: WeComClient) -> None:
    (chat_id, *_) = [ref.chat_id async for ref in client.groups.list(["zhang.wei"])]
    assert await client.transfers.give_groups([chat_id], "xiaohu") == []
    assert (await client.groups.get(chat_id)).owner == "xiaohu"


async def test_a_mini_programs_opengid_leads_to_its_group(sandbox: Sandbox, client: WeComClient) -> None:
    (group, *_) = sandbox.tenant.corp.groups.values()
    assert await client.groups.chat_id_of(group.opengid) == group.chat_id
    with pytest.raises(Refused) as caught:
        await client.groups.chat_id_of("no-such-opengid")
    assert caught.value.errcode == 90511
