"""The timeline: everything that happened, in order, with the reason for each step, however it is paged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from clinic import audit, merging, people, timeline
from clinic.care_tables import GroupMove, KfMessage
from clinic.moments import Page, Person, Place
from clinic.tables import Member
from sop.touches import touches
from tests.support.records import FANG, NOW, fang

if TYPE_CHECKING:
    from store.database import Database
    from store.vault import Vault

LATER = NOW + timedelta(days=3)


async def read(database: Database, person: Person, *, limit: int = 100, before: Place | None = None) -> Page:
    async with database.read() as session:
        return await timeline.read(session, person, limit=limit, before=before, more=[touches])


@pytest.fixture
async def person(database: Database, vault: Vault) -> Person:
    """芳芳 with a second record of hers, and several things in one moment."""
    async with database.write() as session:
        patient = await fang(session, vault)
        local = await people.local_patient(session, now=NOW)
        for step in range(3):
            for record in (patient, local):
                audit.record(
                    session,
                    at=NOW + timedelta(hours=26),
                    actor=audit.RULES,
                    action="tags.marked",
                    subject=f"patient:{record.external_userid}",
                    reason=f"标签 {step}",
                )
        await merging.merge(session, patient, local, actor="admin", reason="同一手机号", now=LATER)
        family = await merging.family_of(session, patient)
    return timeline.person_of(family, vault, now=LATER, treatments={"tartar": "洁牙"})


async def test_every_kind_of_thing_is_told_in_order_with_its_reason(
    database: Database, person: Person
) -> None:
    told = (await read(database, person)).moments

    assert [moment.at for moment in told] == sorted((moment.at for moment in told), reverse=True)
    reasons = {moment.reason: moment for moment in told}
    assert {
        "标签 需求/想种牙：规则 implant-keyword（芳芳妈妈）",
        "阶段 → 新添加：添加了成员 xiaohu",
        "阶段 → 已到店：芳芳妈妈到店",
        "就诊 洁牙：已完成",
        "进入客户群“护牙福利社”",
        "微信客服 客户：我是王芳芳，想问种植",
        "填写问卷 satisfaction",
        "登记同意：使用病例、照片或评价",
        "同意到期：使用病例、照片或评价",
        "待办：联系芳芳妈妈",
        "收到：记得周三来复查哦",
        "合并了另一份档案：同一手机号",
        "并入了另一份档案：同一手机号",
    } <= reasons.keys()
    assert reasons["阶段 → 已到店：芳芳妈妈到店"].rule == "visited"
    assert reasons["标签 需求/想种牙：规则 implant-keyword（芳芳妈妈）"].rule == "implant-keyword"
    assert {moment.record for moment in told} == {FANG, *person.external}
    assert len(told) == len({moment.place for moment in told})


async def test_members_are_called_by_name_in_what_the_program_says_and_by_userid_until_it_is_known(
    database: Database, vault: Vault, person: Person
) -> None:
    async with database.write() as session:
        session.add(Member(userid="xiaohu", name="小护", serves=True, seen_at=NOW))
        said = vault.seal("你们的成员 xiaohu 很好", about=timeline.KF_TEXT)
        where = {"open_kfid": "wk-1", "external_userid": FANG, "origin": 3, "kind": "text"}
        session.add(KfMessage(msgid="m-9", text_sealed=said, at=NOW, **where))
        move = {"chat_id": "wr-2", "person": FANG, "external": True, "kind": "joined", "scene": 1}
        session.add(GroupMove(inviter="li.na", at=NOW, **move))

    told = {moment.reason for moment in (await read(database, person)).moments}

    assert {
        "阶段 → 新添加：添加了成员 小护",
        "进入客户群“未命名的群”（被邀请，成员 li.na 邀请）",
        "微信客服 客户：你们的成员 xiaohu 很好",
    } <= told


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_of_any_size_tell_the_same_as_one_page(
    database: Database, person: Person, limit: int
) -> None:
    whole = (await read(database, person)).moments
    told, place, pages = [], None, 0

    while True:
        page = await read(database, person, limit=limit, before=place)
        told += page.moments
        pages += 1
        if page.next is None:
            break
        place = Place.parse(str(page.next))

    assert tuple(told) == whole
    assert pages == -(-len(whole) // limit)


@pytest.mark.parametrize("text", ["", "x", "1-2", "1-2-3-4", "1-2-x", "9" * 40 + "-1-1"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor 不对"):
        Place.parse(text)
