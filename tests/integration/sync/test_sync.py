"""Everything that WeCom lists stands in our records after a sync, and what no callback told is found."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from bot.sync import TenantSync
from bot.syncing.runs import Watching
from clinic import audit, people
from clinic.care_tables import GroupMove, Todo
from clinic.effects import MarkTags
from clinic.tables import (
    ContactWay,
    CustomerGroup,
    Follow,
    GroupMember,
    Member,
    Patient,
    PatientTag,
    SyncRun,
    Tag,
)
from store.outbox import OutboxEffect
from tests.support.history import Teller, added
from wecom.api.contact_ways import ContactWay as NewWay
from wecom.errors import WeComError

if TYPE_CHECKING:
    from tests.integration.sync.conftest import Desk

BATCH = "externalcontact/batch/get_by_user"


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program catches it."""


class KilledAfter(Watching):
    """Ends the process once so many steps were seen."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def stage(self, name: str, done: int, total: int | None) -> None:
        del name, done, total
        self.left -= 1
        if self.left == 0:
            raise Killed


async def state_of(desk: Desk) -> dict[str, Any]:
    """Everything a sync writes, without what differs between two databases of equal content."""
    async with desk.database.read() as session:
        follows = await session.execute(
            select(
                Patient.external_userid,
                Follow.userid,
                Follow.channel,
                Follow.add_way,
                Follow.lost_by,
                Follow.half,
            )
            .join(Follow)
            .order_by(Patient.external_userid, Follow.userid)
        )
        marks = await session.execute(
            select(Patient.external_userid, PatientTag.userid, Tag.group_name, Tag.name)
            .join(PatientTag, PatientTag.patient_id == Patient.id)
            .join(Tag, Tag.id == PatientTag.tag_id)
            .order_by(Patient.external_userid, PatientTag.userid, Tag.id)
        )
        seats = await session.execute(
            select(GroupMember.chat_id, GroupMember.person, GroupMember.external).order_by(
                GroupMember.chat_id, GroupMember.person
            )
        )
        members = await session.execute(
            select(Member.userid, Member.name, Member.serves).order_by(Member.userid)
        )
        names = {
            row.external_userid: people.name_of(row, desk.vault)
            for row in await session.scalars(select(Patient))
        }
        return {
            "follows": [tuple(row) for row in follows],
            "marks": [tuple(row) for row in marks],
            "seats": [tuple(row) for row in seats],
            "members": [tuple(row) for row in members],
            "names": names,
        }


def relations(desk: Desk) -> int:
    return sum(len(book) for book in desk.tenant.corp.follows_of_member.values())


async def test_the_first_run_brings_members_patients_relations_and_groups(desk: Desk) -> None:
    report = await desk.sync()

    assert report.tallies["members"].added == 6
    assert report.tallies["patients"].added == 30 == await desk.count(Patient)
    assert report.tallies["follows"].added == relations(desk) == await desk.count(Follow)
    assert report.tallies["groups"].added == 3 == await desk.count(CustomerGroup)
    state = await state_of(desk)
    assert "小鱼儿" in state["names"].values()
    assert ("xiaohu", "小护", True) in state["members"]
    seated = sum(len(group.members) for group in desk.tenant.corp.groups.values())
    assert len(state["seats"]) == seated == report.tallies["seats"].added
    assert await desk.count(OutboxEffect) == 0, "old stock is neither greeted nor tagged"


async def test_a_second_run_finds_nothing(any_desk: Desk) -> None:
    await any_desk.sync()
    before = await state_of(any_desk)
    any_desk.clock.advance(timedelta(hours=20))

    report = await any_desk.sync()

    assert not any(tally.differs for tally in report.tallies.values()), report.tallies
    assert await state_of(any_desk) == before


async def test_names_are_stored_sealed_only(desk: Desk) -> None:
    await desk.sync()

    sealed = await desk.rows(select(Patient.name_sealed))

    assert all(name and "小鱼儿".encode() not in name for name in sealed)


async def test_a_lost_add_is_found_and_tagged_but_never_greeted(desk: Desk) -> None:
    await desk.sync()
    desk.clock.advance(timedelta(hours=5))
    patient = desk.tenant.people.create_patient("漏网之鱼")
    desk.tenant.people.patient_adds_member(patient.external_userid, "xiaohu", state="front-desk", silent=True)
    desk.clock.advance(timedelta(hours=5))

    report = await desk.sync()

    assert (report.tallies["patients"].added, report.tallies["follows"].added) == (1, 1)
    (effect,) = await desk.rows(select(OutboxEffect))
    assert effect.kind == MarkTags.kind
    channel = desk.pack.channel("front-desk")
    assert channel is not None
    assert effect.payload["add"] == list(channel.tags)
    async with desk.database.read() as session:
        entries = await audit.of_subject(session, f"patient:{patient.external_userid}")
    assert ["对账发现" in entry.reason for entry in entries] == [True]


async def test_its_late_callback_does_not_tag_a_second_time(desk: Desk) -> None:
    await desk.sync()
    desk.clock.advance(timedelta(hours=5))
    patient = desk.tenant.people.create_patient("迟到的回调")
    desk.tenant.people.patient_adds_member(patient.external_userid, "xiaohu", state="front-desk", silent=True)
    follow = desk.tenant.corp.follow("xiaohu", patient.external_userid)
    await desk.sync()

    event = added("xiaohu", follow.createtime, state="front-desk", who=patient.external_userid)
    await Teller(database=desk.database, pack=desk.pack).tell(event, now=desk.clock.now())

    effects = await desk.rows(select(OutboxEffect).where(OutboxEffect.kind == MarkTags.kind))
    assert [effect.payload["add"] for effect in effects] == [["来源/前台扫码"]]


async def test_a_lost_del_ends_the_relation_and_says_who_found_it(desk: Desk) -> None:
    await desk.sync()
    gone = next(iter(desk.tenant.corp.follows_of_member["xiaohu"]))
    desk.tenant.people.member_deletes_patient("xiaohu", gone, silent=True)
    desk.clock.advance(timedelta(hours=1))

    report = await desk.sync()

    assert report.tallies["follows"].lost == 1
    follow = await desk.follow(gone, "xiaohu")
    assert (follow.lost_by, follow.lost_at is not None) == ("sync", True)
    async with desk.database.read() as session:
        entries = await audit.of_subject(session, f"patient:{gone}")
        patient = (await session.scalars(select(Patient).where(Patient.external_userid == gone))).one()
    assert [entry.action for entry in entries] == [
        "contact.lost",
        "stage.moved",
        "journey.stop_wished",
    ]
    assert "对账发现" in entries[0].reason
    assert patient.stage == "lost"
    asked = await desk.rows(select(Todo))
    assert [(todo.assignee, "对账发现" in todo.title) for todo in asked] == [("manager", True)]


async def test_a_late_del_event_knows_better_than_the_sync(desk: Desk) -> None:
    await desk.sync()
    gone = next(iter(desk.tenant.corp.follows_of_member["xiaohu"]))
    at = desk.clock.now()
    desk.tenant.people.member_deletes_patient("xiaohu", gone, silent=True)
    desk.clock.advance(timedelta(hours=1))
    await desk.sync()

    async with desk.database.write() as session:
        await people.lost(
            session, external_userid=gone, userid="xiaohu", by=people.BY_MEMBER, at=at, now=desk.clock.now()
        )

    follow = await desk.follow(gone, "xiaohu")
    assert (follow.lost_by, follow.lost_at) == (people.BY_MEMBER, at)


async def test_a_patient_who_deleted_the_member_is_still_listed_and_stays_lost(desk: Desk) -> None:
    await desk.sync()
    who = next(iter(desk.tenant.corp.follows_of_member["xiaohu"]))
    async with desk.database.write() as session:
        now = desk.clock.now()
        await people.lost(
            session, external_userid=who, userid="xiaohu", by=people.BY_PATIENT, at=now, now=now
        )
    desk.clock.advance(timedelta(hours=1))

    await desk.sync()

    assert (await desk.follow(who, "xiaohu")).lost_by == people.BY_PATIENT


async def test_who_comes_back_unheard_is_a_patient_again(any_desk: Desk) -> None:
    await any_desk.sync()
    who = next(iter(any_desk.tenant.corp.follows_of_member["xiaohu"]))
    any_desk.tenant.people.member_deletes_patient("xiaohu", who, silent=True)
    any_desk.clock.advance(timedelta(hours=1))
    await any_desk.sync()
    any_desk.tenant.people.patient_adds_member(who, "xiaohu", state="douyin", silent=True)
    any_desk.clock.advance(timedelta(hours=1))

    await any_desk.sync()

    follow = await any_desk.follow(who, "xiaohu")
    assert (follow.lost_at, follow.channel) == (None, "douyin")
    stages = await any_desk.rows(select(Patient.stage).where(Patient.external_userid == who))
    assert stages == ["added"]
    assert [effect.kind for effect in await any_desk.rows(select(OutboxEffect))] == [MarkTags.kind]


async def test_a_half_contact_is_listed_nowhere_and_not_lost(desk: Desk) -> None:
    await desk.sync()
    patient = desk.tenant.people.create_patient("等着通过")
    desk.tenant.people.patient_adds_member(patient.external_userid, "xiaohu", half=True, silent=True)
    async with desk.database.write() as session:
        now = desk.clock.now()
        await people.added(
            session,
            external_userid=patient.external_userid,
            userid="xiaohu",
            channel=None,
            at=now,
            now=now,
            half=True,
        )
    desk.clock.advance(timedelta(days=1))

    report = await desk.sync()

    assert report.tallies["follows"].lost == 0
    assert (await desk.follow(patient.external_userid, "xiaohu")).lost_at is None


async def test_a_member_who_left_the_visible_range_loses_no_patient(desk: Desk) -> None:
    await desk.sync()
    desk.tenant.corp.members["zhang.wei"].visible = False
    desk.clock.advance(timedelta(days=1))

    report = await desk.sync()

    assert report.tallies["members"].lost == 1
    assert report.tallies["follows"].lost == 0
    assert report.tallies["groups"].lost == 0
    assert await desk.rows(select(CustomerGroup.chat_id).where(CustomerGroup.dismissed_at.is_not(None))) == []
    assert await desk.rows(select(func.count()).select_from(Follow).where(Follow.lost_at.is_not(None))) == [0]


async def test_tags_are_followed_on_and_off_and_through_a_new_name(any_desk: Desk) -> None:
    made = await any_desk.client.tags.add("意向", ["高", "低"])
    high, low = (tag.id for tag in made.tag)
    who, other = list(any_desk.tenant.corp.follows_of_member["xiaohu"])[:2]
    await any_desk.client.tags.mark("xiaohu", who, add=[high])
    await any_desk.client.tags.mark("xiaohu", other, add=[low])
    await any_desk.sync()
    assert [(mark[0], mark[3]) for mark in (await state_of(any_desk))["marks"]] == sorted(
        [(who, "高"), (other, "低")]
    )
    await any_desk.client.tags.mark("xiaohu", who, add=[low], remove=[high])
    any_desk.clock.advance(timedelta(hours=1))

    report = await any_desk.sync()

    assert (report.tallies["marks"].added, report.tallies["marks"].lost) == (1, 1)
    assert [mark[3] for mark in (await state_of(any_desk))["marks"]] == ["低", "低"]


async def test_groups_are_followed_to_their_end(any_desk: Desk) -> None:
    await any_desk.sync()
    first, second, _ = any_desk.tenant.corp.groups.values()
    leaver = next(seat.userid for seat in first.members.values() if seat.type == 2)
    any_desk.tenant.groups.leave(first.chat_id, [leaver], silent=True)
    second.dismissed = True
    any_desk.clock.advance(timedelta(hours=1))

    report = await any_desk.sync()

    assert (report.tallies["groups"].changed, report.tallies["groups"].lost) == (1, 1)
    assert report.tallies["seats"].lost == 1
    dismissed = await any_desk.rows(
        select(CustomerGroup.chat_id).where(CustomerGroup.dismissed_at.is_not(None))
    )
    assert dismissed == [second.chat_id]


async def test_contact_ways_are_known_by_state_until_they_are_deleted(any_desk: Desk) -> None:
    desk = any_desk
    made = await desk.client.contact_ways.add(NewWay(userids=("xiaohu",), state="front-desk", remark="前台"))
    desk.clock.advance(timedelta(minutes=1))

    report = await desk.sync()

    assert report.tallies["ways"].added == 1
    (way,) = await desk.rows(select(ContactWay))
    assert (way.config_id, way.state, way.userids) == (made.config_id, "front-desk", ["xiaohu"])
    await desk.client.contact_ways.update(made.config_id, NewWay(userids=("li.na",), state="front-desk"))
    assert (await desk.sync()).tallies["ways"].changed == 1
    await desk.client.contact_ways.delete(made.config_id)
    assert (await desk.sync()).tallies["ways"].lost == 1


async def test_what_the_app_may_not_read_is_said_and_left_alone(desk: Desk) -> None:
    await desk.sync()
    desk.tenant.faults.add("errcode", "externalcontact/groupchat/list", errcode=48002, times=None)

    report = await desk.sync()

    assert [stage.partition(":")[0] for stage in report.unread] == ["groups"]
    assert await desk.rows(select(CustomerGroup.chat_id).where(CustomerGroup.dismissed_at.is_not(None))) == []


@pytest.mark.parametrize("steps", [1, 5, 9, 11])
async def test_a_killed_run_goes_on_where_it_was_and_ends_in_the_same_state(desk: Desk, steps: int) -> None:
    for number in range(230):
        patient = desk.tenant.people.create_patient(f"多{number}")
        desk.tenant.people.patient_adds_member(
            patient.external_userid, "xiaohu", state="front-desk", silent=True
        )
    with pytest.raises(Killed):
        await desk.sync(KilledAfter(steps))
    pages_before = len(list(desk.tenant.journal.calls(BATCH)))

    report = await desk.sync()

    assert report.resumed
    assert report.tallies["patients"].added == await desk.count(Patient) == 260
    assert report.tallies["follows"].added == await desk.count(Follow) == relations(desk)
    assert await desk.count(OutboxEffect) == 230
    pages = len(list(desk.tenant.journal.calls(BATCH)))
    assert pages == 3, f"no page is read twice: {pages_before} before, {pages} in all"
    assert len(await desk.rows(select(SyncRun).where(SyncRun.finished_at.is_not(None)))) == 1


async def test_one_unreadable_member_does_not_hide_the_others(desk: Desk) -> None:
    await desk.client.contacts.follow_users()
    desk.tenant.corp.members["sun.yue"].contact_enabled = True
    serving = desk.tenant.corp.serving_members()

    class Leaves(Watching):
        def stage(self, name: str, done: int, total: int | None) -> None:
            if (name, done) == ("relations", total):
                desk.tenant.corp.members["sun.yue"].visible = False

    report = await desk.sync(Leaves())

    assert report.tallies["members"].seen == len(serving)
    assert report.tallies["follows"].added == relations(desk)


async def test_a_cursor_that_wecom_has_forgotten_is_not_the_end(desk: Desk) -> None:
    for number in range(150):
        patient = desk.tenant.people.create_patient(f"多{number}")
        desk.tenant.people.patient_adds_member(patient.external_userid, "xiaohu", silent=True)
    with pytest.raises(Killed):
        await desk.sync(KilledAfter(9))
    async with desk.database.write() as session:
        run = (await session.scalars(select(SyncRun))).one()
        assert run.place["cursor"]
        run.place = {**run.place, "cursor": "forgotten"}

    await desk.sync()

    assert await desk.count(Patient) == 180


async def test_a_busy_wecom_is_waited_for(desk: Desk) -> None:
    desk.tenant.faults.add("errcode", BATCH, errcode=-1, times=2)

    report = await desk.sync()

    assert len(desk.pauses) == 2
    assert report.tallies["patients"].added == 30


async def test_a_refused_sync_keeps_what_it_has_and_says_why(desk: Desk) -> None:
    desk.tenant.faults.add("errcode", BATCH, errcode=48002)

    with pytest.raises(WeComError) as refused:
        await desk.sync()

    assert refused.value.errcode == 48002
    assert await desk.count(Member) == 6
    assert (await desk.sync()).resumed


def kids_of(desk: Desk) -> Any:
    """Return the scene's group of 儿牙成长营, whose people came ten days ago."""
    return next(group for group in desk.tenant.corp.groups.values() if "儿牙" in group.name)


def patients_of(group: Any) -> list[str]:
    return [person for person, seat in group.members.items() if seat.type == 2]


async def comings_of(desk: Desk) -> list[tuple[str, Any]]:
    moves = await desk.rows(select(GroupMove).order_by(GroupMove.at))
    assert {move.kind for move in moves} <= {"joined"}
    return [(move.person, move.at) for move in moves]


@pytest.mark.parametrize("hourly", [False, True], ids=["the run first", "the hourly reading first"])
async def test_who_joined_a_group_in_the_week_before_the_first_run_has_joined_it_and_nobody_else(
    any_desk: Desk, hourly: bool
) -> None:
    desk, kids = any_desk, kids_of(any_desk)
    late, early = patients_of(kids)[:2]
    kids.members[late].join_time = desk.clock.now() - timedelta(days=6)
    kids.members[early].join_time = desk.clock.now() - timedelta(days=8)
    if hourly:
        await TenantSync(desk.database, desk.client, clock=desk.clock).read()
        desk.clock.advance(timedelta(hours=3))

    await desk.sync()

    assert await comings_of(desk) == [(late, kids.members[late].join_time.replace(microsecond=0))]
    effects = await desk.rows(select(OutboxEffect))
    assert {effect.payload["external_userid"] for effect in effects} == {late}
    assert {effect.kind for effect in effects} == {MarkTags.kind}, "nobody is greeted or asked anything"
    assert all("需求/儿童口腔" in effect.payload["add"] for effect in effects)
    before = await state_of(desk)
    desk.clock.advance(timedelta(hours=20))
    assert not any(tally.differs for tally in (await desk.sync()).tallies.values())
    assert (await state_of(desk), len(await desk.rows(select(OutboxEffect)))) == (before, len(effects))


async def test_who_opened_with_a_group_the_day_before_the_first_run_has_joined_it_and_nobody_is_disturbed(
    desk: Desk,
) -> None:
    person = patients_of(kids_of(desk))[0]
    new = desk.tenant.groups.create("儿牙成长营 2 群", "li.na", [person], silent=True)
    new.create_time -= timedelta(hours=20)
    for seat in new.members.values():
        seat.join_time = new.create_time
    await TenantSync(desk.database, desk.client, clock=desk.clock).read()

    await desk.sync()

    assert {person, "li.na"} == {who for who, _ in await comings_of(desk)}
    assert {effect.kind for effect in await desk.rows(select(OutboxEffect))} == {MarkTags.kind}
    assert await desk.count(Todo) == 0, "that she is in two groups of one role was so before us"


async def test_who_is_found_late_has_her_comings_into_groups_heeded(desk: Desk) -> None:
    await desk.sync()
    person = desk.tenant.people.create_patient("先进群后加人").external_userid
    desk.tenant.groups.join(kids_of(desk).chat_id, [person], silent=True)
    desk.clock.advance(timedelta(hours=5))
    await desk.sync()
    assert await desk.count(OutboxEffect) == 0, "nobody of us can put a tag on her"
    desk.tenant.people.patient_adds_member(person, "xiaohu", silent=True)
    desk.clock.advance(timedelta(hours=5))

    await desk.sync()

    effects = await desk.rows(select(OutboxEffect).where(OutboxEffect.kind == MarkTags.kind))
    assert "需求/儿童口腔" in {path for effect in effects for path in effect.payload["add"]}
