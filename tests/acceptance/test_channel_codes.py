"""Channel codes: made through the API, shaped by hours and limits, paused, ended, found again after a lost answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bot.channel_care import ChannelCare
from clinic import channels as records
from clinic.care_tables import ChannelCode, ChannelDay, StageMove, Todo
from clinic.tables import AuditEntry
from content.loader import load_pack
from sop import channels
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.pack_factory import PackFolder
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack

ADD = "externalcontact/add_contact_way"
UPDATE = "externalcontact/update_contact_way"
DELETE = "externalcontact/del_contact_way"
CHANNELS = """\
channels:
  - state: douyin
    title: 抖音
    tags: [来源/抖音]
    stage: consulted
    code:
      members: [xiaohu]
      shifts:
        - {members: [xiaohu], from: "08:00", until: "18:00"}
      substitutes: [chen.jing]
      daily_cap: 2
      overflow: [li.na]
      remark: 抖音主页
  - state: fair
    title: 义诊
    code: {members: [xiaohu, zhang.wei], expires_on: "2026-11-23"}
"""


@pytest.fixture
def pack(tmp_path) -> Pack:
    return load_pack(PackFolder(tmp_path / "pack").write("channels.yaml", CHANNELS).root)


@pytest.fixture
async def clinic(tmp_path, pack) -> AsyncIterator[Clinic]:
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as clinic:
            yield clinic


@pytest.fixture
async def clinic_anywhere(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite and on PostgreSQL."""
    async with running_clinic(database_url, pack) as clinic:
        yield clinic


def care(clinic: Clinic, pack: Pack) -> ChannelCare:
    runtime = clinic.runtime
    return ChannelCare(runtime.database, pack=pack, clock=clinic.clock, on_queued=runtime.courier.wake)


async def row(clinic: Clinic, state: str) -> ChannelCode:
    async with clinic.runtime.database.read() as session:
        return (await channels.codes(session))[state]


async def rows(clinic: Clinic, table: type[Any], *conditions: Any) -> list[Any]:
    async with clinic.runtime.database.read() as session:
        return list(await session.scalars(select(table).where(*conditions)))


async def create(clinic: Clinic, pack: Pack, state: str) -> None:
    async with clinic.runtime.database.write() as session:
        await channels.create(session, pack, state, actor="admin", now=clinic.clock.now())
    clinic.runtime.courier.wake()


async def stands(clinic: Clinic, state: str, status: str, *userids: str) -> ChannelCode:
    async def there() -> Any:
        found = await row(clinic, state)
        return found if found.status == status and (not userids or found.userids == sorted(userids)) else None

    found: ChannelCode = await clinic.until(there, what=f"{state} {status} with {userids}")
    return found


async def scan(clinic: Clinic, state: str, name: str) -> str:
    """A patient scans the channel's code; return whom she meets."""
    code = await row(clinic, state)
    added = await clinic.act("patient-adds-member", config_id=code.config_id, name=name)
    await quiet(clinic)
    phone = await clinic.phone("patients", added["external_userid"])
    return str(phone["chats"][-1]["userid"])


async def test_a_code_is_made_for_the_channel_and_its_members_change_as_they_fill_up(
    clinic_anywhere: Clinic, pack: Pack
) -> None:
    clinic = clinic_anywhere
    await create(clinic, pack, "douyin")
    made = await stands(clinic, "douyin", "live", "xiaohu")
    asked = clinic.journal(ADD)[-1].body
    assert asked == {
        "type": 2,
        "scene": 2,
        "state": "douyin",
        "remark": "抖音主页",
        "user": ["xiaohu"],
        "party": [],
        "skip_verify": True,
        "is_exclusive": False,
    }

    met = [await scan(clinic, "douyin", f"客人{number}") for number in range(6)]

    assert met == ["xiaohu", "xiaohu", "chen.jing", "chen.jing", "li.na", "li.na"]
    assert [call.body["user"] for call in clinic.journal(UPDATE)] == [["chen.jing"], ["li.na"]]
    reasons = [e.reason for e in await rows(clinic, AuditEntry, AuditEntry.action == "channel.shaped")]
    assert "当班的今天都加满了，由替班接待" in reasons[0]
    assert {move.stage for move in await rows(clinic, StageMove)} >= {"consulted"}

    # Another day, another count; and what came is written down for good.
    await care(clinic, pack).count()
    clinic.clock.advance(timedelta(days=1))
    await care(clinic, pack).keep()
    await stands(clinic, "douyin", "live", "xiaohu")
    days = await rows(clinic, ChannelDay)
    assert {(day.userid, day.count) for day in days if day.channel == "douyin"} == {
        ("xiaohu", 2),
        ("chen.jing", 2),
        ("li.na", 2),
    }
    assert (await row(clinic, "douyin")).config_id == made.config_id


async def test_after_hours_the_substitute_takes_over_and_in_the_morning_gives_back(
    clinic: Clinic, pack: Pack
) -> None:
    await create(clinic, pack, "douyin")
    await stands(clinic, "douyin", "live", "xiaohu")

    clinic.clock.advance(timedelta(hours=10))  # 18:40
    await care(clinic, pack).keep()
    await stands(clinic, "douyin", "live", "chen.jing")
    calls = len(clinic.journal(UPDATE))
    await care(clinic, pack).keep()  # once more changes nothing
    await clinic.runtime.courier.drain()
    assert len(clinic.journal(UPDATE)) == calls

    clinic.clock.advance(timedelta(hours=14))
    await care(clinic, pack).keep()
    await stands(clinic, "douyin", "live", "xiaohu")


async def test_a_code_whose_answer_was_lost_is_found_again_and_not_made_twice(
    clinic: Clinic, pack: Pack
) -> None:
    fault = {"kind": "reset_after", "target": ADD, "times": 1}
    async with clinic.http.post(f"{clinic.sandbox.api_base}/sandbox/api/faults", json=fault) as answer:
        assert answer.status == 200

    await create(clinic, pack, "douyin")
    await clinic.until(lambda: clinic.journal(ADD), what="the call without an answer")
    clinic.clock.advance(timedelta(minutes=2))
    found = await stands(clinic, "douyin", "live", "xiaohu")

    assert len(clinic.journal(ADD)) == 1
    assert [way.config_id for way in clinic.tenant.ways.everyone()] == [found.config_id]


async def test_a_paused_code_keeps_its_print_and_lets_people_accept_by_hand(
    clinic: Clinic, pack: Pack
) -> None:
    await create(clinic, pack, "fair")
    made = await stands(clinic, "fair", "live", "xiaohu", "zhang.wei")
    for paused in (True, False):
        async with clinic.runtime.database.write() as session:
            await channels.pause(session, pack, "fair", paused=paused, actor="admin", now=clinic.clock.now())
        await clinic.runtime.courier.drain()

    assert [(c.body["config_id"], c.body["skip_verify"]) for c in clinic.journal(UPDATE)] == [
        (made.config_id, False),
        (made.config_id, True),
    ]

    # Its last day passes: the code is deleted, and can be made anew only with another last day.
    clinic.clock.advance(timedelta(days=1))
    await care(clinic, pack).keep()
    gone = await stands(clinic, "fair", "gone")
    assert gone.reason == "最后一天是 2026-11-23，已经过了"
    assert [call.body["config_id"] for call in clinic.journal(DELETE)] == [made.config_id]
    with pytest.raises(channels.CodeRefused, match="最后一天"):
        await create(clinic, pack, "fair")


async def test_a_refused_code_tells_the_managers_why_and_can_be_made_again(
    clinic: Clinic, pack: Pack
) -> None:
    clinic.tenant.corp.members["zhang.wei"].verified = False

    await create(clinic, pack, "fair")
    failed = await stands(clinic, "fair", "failed")

    assert "41054" in failed.reason
    (told,) = await rows(clinic, Todo, Todo.kind == "channel")
    assert (told.title, told.assignee) == ("渠道“义诊”的活码没有建成", "manager")
    clinic.tenant.corp.members["zhang.wei"].verified = True
    clinic.clock.advance(timedelta(seconds=1))
    await create(clinic, pack, "fair")
    await stands(clinic, "fair", "live", "xiaohu", "zhang.wei")


async def test_the_results_count_each_patient_once_however_many_members_she_added(
    clinic: Clinic, pack: Pack
) -> None:
    first = await clinic.act("patient-adds-member", userid="xiaohu", state="douyin", name="晓晴")
    who = first["external_userid"]
    await clinic.act("patient-adds-member", userid="zhang.wei", state="douyin", external_userid=who)
    other = await clinic.act("patient-adds-member", userid="xiaohu", state="douyin", name="阿远")
    await clinic.act("patient-adds-member", userid="xiaohu", state="douyin", name="小白", half=True)
    await clinic.runtime.worker.drain()
    clinic.clock.advance(timedelta(minutes=1))
    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=other["external_userid"])
    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=who)
    await clinic.runtime.worker.drain()

    async with clinic.runtime.database.read() as session:
        found = (await records.results(session))["douyin"]

    assert (found.added, found.friends, found.waiting, found.lost) == (3, 1, 1, 1)
